"""The shard file: item id to category, features and embedding, for one embedding version.

Little endian, format version 1: a 96-byte header, then the columns item u64, category u32, feature f32
[rows, F], embedding f16 or f32 [rows, d], each at the next multiple of 16 bytes. The BLAKE3 hash in
the header covers bytes 0..64 and 96..end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blake3 import blake3

MAGIC = b"LBSHARD\0"
FORMAT_VERSION = 1
HEADER = struct.Struct("<8sIIIIQ32s")
HASH_AT = HEADER.size
COLUMNS_AT = 96
VERSION_BYTES = 32
ELEMENTS: dict[int, np.dtype] = {1: np.dtype("<f4"), 2: np.dtype("<f2")}


class ShardError(ValueError):
    """A shard that cannot be written or read as it is."""


@dataclass(frozen=True)
class Shard:
    """item [rows] u64 strictly ascending, category [rows] u32 (0 = unknown), feature [rows,F], embedding [rows,d]."""

    embedding_version: str
    item: np.ndarray
    category: np.ndarray
    feature: np.ndarray
    embedding: np.ndarray

    def row(self, items: np.ndarray) -> np.ndarray:
        """Rows of `items` [n] u64 -> [n] i64, -1 for an item the shard does not know."""
        if not len(self.item):
            return np.full(len(items), -1, dtype=np.int64)
        at = np.searchsorted(self.item, items).clip(max=len(self.item) - 1)
        return np.where(self.item[at] == items, at, -1).astype(np.int64)


def embedding_version(name: str, embedding: np.ndarray) -> str:
    """`name`-<12 hex digits of BLAKE3 over the f16 embeddings>, at most 32 bytes."""
    version = f"{name}-{blake3(embedding.astype('<f2').tobytes()).hexdigest()[:12]}"
    if len(version.encode()) > VERSION_BYTES:
        raise ShardError(f"embedding version {version!r} is over {VERSION_BYTES} bytes; choose a shorter model name")
    return version


def encode(shard: Shard) -> bytes:
    """The shard as bytes, embeddings in f16."""
    rows, d = shard.embedding.shape
    if rows > 1 and not (shard.item[1:] > shard.item[:-1]).all():
        raise ShardError("shard items must be strictly ascending; sort them and drop doubles")
    with np.errstate(over="ignore"):
        halves = shard.embedding.astype("<f2")
    for name, column in (("feature", shard.feature), ("embedding", halves)):
        if not np.isfinite(column).all():
            raise ShardError(f"shard column `{name}` holds a value that is not finite (in f16); clean or scale it")
    header = HEADER.pack(MAGIC, FORMAT_VERSION, 2, d, shard.feature.shape[1], rows, shard.embedding_version.encode())
    body = b""
    for column, kind in ((shard.item, "<u8"), (shard.category, "<u4"), (shard.feature, "<f4"), (halves, "<f2")):
        body += b"\0" * (-len(body) % 16) + np.ascontiguousarray(column, dtype=kind).tobytes()
    return header + blake3(header + body).digest() + body


def decode(data: bytes) -> Shard:
    """Read a shard back; raises `ShardError` on anything but a whole and unaltered file."""
    if len(data) < COLUMNS_AT or data[:8] != MAGIC:
        raise ShardError("not a shard: expected the magic bytes LBSHARD; write one with the export")
    _, version, element, d, features, rows, name = HEADER.unpack_from(data)
    if version != FORMAT_VERSION:
        raise ShardError(f"shard format version {version}, this reader knows {FORMAT_VERSION}; export it again")
    if element not in ELEMENTS:
        raise ShardError(f"shard element type {element}, expected one of {sorted(ELEMENTS)}; export it again")
    if blake3(data[:HASH_AT] + data[COLUMNS_AT:]).digest() != data[HASH_AT:COLUMNS_AT]:
        raise ShardError("the shard's hash does not match its bytes; copy or export it again")
    columns, at = [], COLUMNS_AT
    for kind, shape in (("<u8", (rows,)), ("<u4", (rows,)), ("<f4", (rows, features)), (ELEMENTS[element], (rows, d))):
        at += -at % 16
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        if at + size > len(data):
            raise ShardError(f"the shard is truncated: {len(data)} bytes, expected {at + size} or more; copy it again")
        columns.append(np.frombuffer(data, dtype=kind, count=int(np.prod(shape)), offset=at).reshape(shape))
        at += size
    item, category, feature, embedding = columns
    return Shard(name.rstrip(b"\0").decode(), item, category, feature, embedding.astype(np.float32))


def write(shard: Shard, path: Path) -> None:
    path.write_bytes(encode(shard))


def read(path: Path) -> Shard:
    return decode(path.read_bytes())

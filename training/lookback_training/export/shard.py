"""The shard file: item id to category, features and embedding, for one embedding version.

Little endian, format version 2: a 128-byte header, then the columns item u64, category u32, feature f32
[rows, F], for int8 the scale f32 [rows], embedding f32, f16 or int8 [rows, d], each at the next multiple
of 16 bytes. The BLAKE3 hash in the header covers bytes 0..96 and 128..end. An int8 embedding is its whole
numbers times its row's scale, max |x| / 127.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from blake3 import blake3

from ..errors import MendableError

MAGIC = b"LBSHARD\0"
FORMAT_VERSION = 2
HEADER = struct.Struct("<8sIIIIQ32sI28s")
HASH_AT = HEADER.size
COLUMNS_AT = 128
VERSION_BYTES = 32
UNUSED = bytes(28)
ELEMENTS: dict[str, tuple[int, np.dtype]] = {
    "f32": (1, np.dtype("<f4")),
    "f16": (2, np.dtype("<f2")),
    "int8": (3, np.dtype("i1")),
}


class ShardError(MendableError):
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


def scale_of(embedding: np.ndarray) -> np.ndarray:
    """Scale [rows] f32 of each int8 row: max |x| / 127."""
    return (np.abs(embedding).max(axis=1, initial=0) / np.float32(127)).astype(np.float32)


def stored(embedding: np.ndarray, element: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Embeddings [rows, d] f32 as the element type stores them, and the scales [rows] of int8."""
    if element != "int8":
        with np.errstate(over="ignore"):
            return embedding.astype(ELEMENTS[element][1]), None
    scale = scale_of(embedding)
    whole = np.rint(embedding / np.where(scale > 0, scale, 1)[:, None].astype(np.float32))
    return np.where(scale[:, None] > 0, whole.clip(-127, 127), 0).astype(np.int8), scale


def encode(shard: Shard, element: str = "f16") -> bytes:
    """The shard as bytes, embeddings stored as `element`: f32, f16 or int8."""
    if element not in ELEMENTS:
        raise ShardError(f"element type {element!r}, expected one of {', '.join(ELEMENTS)}")
    rows, d = shard.embedding.shape
    if rows > 1 and not (shard.item[1:] > shard.item[:-1]).all():
        raise ShardError("shard items must be strictly ascending; sort them and drop doubles")
    numbers = shard.embedding.astype(np.float32)
    for name, column in (("feature", shard.feature), ("embedding", numbers)):
        if not np.isfinite(column).all():
            raise ShardError(f"shard column `{name}` holds a value that is not finite; clean or scale it")
    embedding, scale = stored(numbers, element)
    if not np.isfinite(embedding).all():
        raise ShardError(f"shard column `embedding` holds a value that is not finite in {element}; clean or scale it")
    name = shard.embedding_version.encode()
    largest = int(shard.category.max(initial=0))
    code, kind = ELEMENTS[element]
    header = HEADER.pack(MAGIC, FORMAT_VERSION, code, d, shard.feature.shape[1], rows, name, largest, UNUSED)
    columns = [(shard.item, "<u8"), (shard.category, "<u4"), (shard.feature, "<f4")]
    columns += [] if scale is None else [(scale, "<f4")]
    body = b""
    for column, dtype in (*columns, (embedding, kind)):
        body += b"\0" * (-len(body) % 16) + np.ascontiguousarray(column, dtype=dtype).tobytes()
    return header + blake3(header + body).digest() + body


def decode(data: bytes) -> Shard:
    """Read a shard back; raises `ShardError` on anything but a whole and unaltered file."""
    if len(data) < COLUMNS_AT or data[:8] != MAGIC:
        raise ShardError("not a shard: expected the magic bytes LBSHARD; write one with the export")
    _, version, code, d, features, rows, name, _, _ = HEADER.unpack_from(data)
    if version != FORMAT_VERSION:
        raise ShardError(f"shard format version {version}, this reader knows {FORMAT_VERSION}; export it again")
    kind = next((kind for known, kind in ELEMENTS.values() if known == code), None)
    if kind is None:
        raise ShardError(f"shard element type {code}, expected 1 (f32), 2 (f16) or 3 (int8); export it again")
    if blake3(data[:HASH_AT] + data[COLUMNS_AT:]).digest() != data[HASH_AT:COLUMNS_AT]:
        raise ShardError("the shard's hash does not match its bytes; copy or export it again")
    scaled = kind == np.int8
    columns, at = [], COLUMNS_AT
    shapes: list[tuple[str | np.dtype, tuple[int, ...]]] = [("<u8", (rows,)), ("<u4", (rows,))]
    shapes += [("<f4", (rows, features)), ("<f4", (rows if scaled else 0,)), (kind, (rows, d))]
    for dtype, shape in shapes:
        at += -at % 16
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if at + size > len(data):
            raise ShardError(f"the shard is truncated: {len(data)} bytes, expected {at + size} or more; copy it again")
        columns.append(np.frombuffer(data, dtype=dtype, count=int(np.prod(shape)), offset=at).reshape(shape))
        at += size
    item, category, feature, scale, embedding = columns
    numbers = embedding.astype(np.float32)
    if scaled:
        numbers *= scale[:, None]
    return Shard(name.rstrip(b"\0").decode(), item, category, feature, numbers)


def write(shard: Shard, path: Path, element: str = "f16") -> None:
    path.write_bytes(encode(shard, element))


def read(path: Path) -> Shard:
    return decode(path.read_bytes())

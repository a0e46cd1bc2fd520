"""Fixtures that the benchmark's driver writes (bench/src/fixture.rs)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KINDS = {"float32": np.dtype("<f4"), "int64": np.dtype("<i8")}


@dataclass(frozen=True)
class Fixture:
    """Inputs of the ordinary graphs by name, for `candidates` C and `events` N."""

    candidates: int
    events: int
    tensors: dict[str, np.ndarray]


def files(path: Path) -> list[Path]:
    """The files in which a fixture's tensors lie."""
    document = json.loads(path.read_text())
    return sorted({path.parent / one["file"] for one in document["tensors"]})


def read(path: Path) -> Fixture:
    document = json.loads(path.read_text())
    files: dict[str, bytes] = {}
    tensors = {}
    for one in document["tensors"]:
        data = files.setdefault(one["file"], b"") or (path.parent / one["file"]).read_bytes()
        files[one["file"]] = data
        kind, count = KINDS[one["kind"]], int(np.prod(one["shape"]))
        tensors[one["name"]] = np.frombuffer(data, kind, count, one["offset"]).reshape(one["shape"])
    return Fixture(document["candidates"], document["events"], tensors)

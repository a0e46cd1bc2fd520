"""The Parquet files of a data directory, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..errors import MendableError

TIME = pl.Datetime("ms", "UTC")
REQUIRED: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "events": {"user": pl.UInt64, "item": pl.UInt64, "action": pl.Utf8, "time": TIME},
    "items": {"item": pl.UInt64, "category": pl.Utf8},
    "users": {"user": pl.UInt64, "key": pl.Utf8},
    "examples": {
        "split": pl.Utf8,
        "list": pl.UInt32,
        "user": pl.UInt64,
        "item": pl.UInt64,
        "time": TIME,
        "click": pl.Boolean,
        "save": pl.Boolean,
        "origin": pl.Utf8,
        "history_start": pl.UInt64,
        "history_end": pl.UInt64,
    },
}
OPTIONAL: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "events": {"surface": pl.Utf8, "position": pl.UInt32, "request": pl.Utf8},
    "items": {"created": TIME, "embedding": pl.List(pl.Float32)},
    "users": {},
    "examples": {},
}
WRITTEN_BY = {"events": "import", "items": "import", "users": "import", "examples": "examples"}


class DataError(MendableError):
    """A data directory that cannot be used as it is."""


@dataclass(frozen=True)
class Tables:
    """events sorted by (user, time), items by item, users by user; examples as `lookback examples` wrote them."""

    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    examples: pl.DataFrame


def read(directory: Path) -> Tables:
    """Read a data directory; raises `DataError` naming the file, the column and the command that mends it."""
    return Tables(**{name: _read_one(directory, name) for name in REQUIRED})


def _read_one(directory: Path, name: str) -> pl.DataFrame:
    path = directory / f"{name}.parquet"
    command = f"lookback {WRITTEN_BY[name]}"
    if not path.is_file():
        raise DataError(f"{path} is missing; write it with `{command}`")
    frame = pl.read_parquet(path)
    for column, kind in REQUIRED[name].items():
        if column not in frame.columns:
            raise DataError(f"{path} has no column `{column}` ({kind}); write the file again with `{command}`")
    for column, kind in OPTIONAL[name].items():
        if column not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=kind).alias(column))
    for column, kind in (REQUIRED[name] | OPTIONAL[name]).items():
        if frame.schema[column] != kind:
            found = frame.schema[column]
            raise DataError(
                f"{path}: column `{column}` is {found}, expected {kind}; write the file again with `{command}`"
            )
    return frame

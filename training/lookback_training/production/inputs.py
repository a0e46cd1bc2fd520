"""What production examples are made from: the log of impressions and the daily snapshots of the embeddings."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl

from ..data.tables import TIME
from ..schema import ACTIONS
from .statements import ProductionError

EVENTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "user": pl.UInt64,
    "item": pl.UInt64,
    "action": pl.Utf8,
    "time": TIME,
    "surface": pl.Utf8,
    "position": pl.UInt32,
    "request": pl.Utf8,
}
SNAPSHOT: dict[str, pl.DataType | type[pl.DataType]] = {
    "item": pl.UInt64,
    "embedding": pl.List(pl.Float32),
    "embedding_version": pl.Utf8,
}
WRITTEN_BY = "`lookback simulate` writes a directory that has all of this, and so does `lookback import` for the events"


def check_events(data: Path) -> Path:
    """The log's path; raises `ProductionError` for a file, column or value that the SQL cannot use."""
    path = data / "events.parquet"
    _check(path, EVENTS)
    events = pl.scan_parquet(path)
    rows, asked = events.select(pl.len(), pl.col("request").is_not_null().sum()).collect().row(0)
    if not asked:
        raise ProductionError(
            f"{path}: none of {rows} rows has a `request`, so nobody knows what was shown together; "
            "log impressions with the id of their request, or use `lookback examples`"
        )
    unknown = events.select(pl.col("action").unique()).filter(~pl.col("action").is_in(ACTIONS)).collect()
    if len(unknown):
        names = ", ".join(sorted(unknown["action"]))
        raise ProductionError(
            f"{path}: action {names} is not one of {', '.join(ACTIONS)}; import the log again with --map-action"
        )
    return path


def check_snapshots(data: Path) -> dict[datetime.date, Path]:
    """The snapshots' folders by day; raises `ProductionError` where there is none, or one is damaged or ambiguous."""
    folder = data / "embeddings"
    found = {}
    for path in sorted(folder.glob("day=*")):
        files = sorted(path.glob("*.parquet"))
        if not files:
            raise ProductionError(f"{path} has no Parquet file; write the snapshot again or remove the folder")
        for file in files:
            _check(file, SNAPSHOT)
        items = pl.concat([pl.scan_parquet(file).select("item") for file in files]).collect()
        if items["item"].n_unique() < len(items):
            raise ProductionError(f"{path} has an item twice, so that its embedding is not known; write it again")
        found[_day(path)] = path
    if not found:
        raise ProductionError(f"{folder} has no snapshot, expected day=YYYY-MM-DD/part-0.parquet; {WRITTEN_BY}")
    return found


def _day(path: Path) -> datetime.date:
    try:
        return datetime.date.fromisoformat(path.name.removeprefix("day="))
    except ValueError:
        raise ProductionError(f"{path}: the folder's name is no day=YYYY-MM-DD; rename or remove it") from None


def _check(path: Path, columns: dict[str, pl.DataType | type[pl.DataType]]) -> None:
    if not path.is_file():
        raise ProductionError(f"{path} is missing; {WRITTEN_BY}")
    schema = pl.read_parquet_schema(path)
    for name, kind in columns.items():
        if name not in schema:
            raise ProductionError(f"{path} has no column `{name}` ({kind}); {WRITTEN_BY}")
        if schema[name] != kind:
            raise ProductionError(f"{path}: column `{name}` is {schema[name]}, expected {kind}; {WRITTEN_BY}")

"""From a log of impressions to training records by day and hour, checked for leaks before anybody sees them."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import inputs
from .engine import Engine
from .statements import FOLDER, Parameters, ProductionError

PARTITIONS = ("day", "hour")
CHUNK = 8192
"""Records written at once, rounded up to whole hours: with full histories some 250 MB."""
HOUR = datetime.timedelta(hours=1)


class LeakError(ProductionError):
    """Records that know something they could not have known."""


@dataclass(frozen=True)
class Report:
    """What a run read and made; `splits` and `versions` count records, `snapshots` maps a day to its snapshot's."""

    rows: int
    double_clicks: int
    splits: dict[str, dict[str, int]]
    partitions: int
    snapshots: dict[str, str]
    versions: dict[str, int]
    without_embedding: int


def run(data: Path, output: Path, parameters: Parameters, folder: Path = FOLDER) -> Report:
    """Write `OUTPUT/examples/day=…/hour=…/part-0.parquet` and `OUTPUT/production.json`, and say how it goes.

    Raises `ProductionError` for data or parameters that make no examples, and `LeakError` for records that leak; then,
    as after an interruption, there is no OUTPUT.
    """
    if output.exists() and any(output.iterdir()):
        raise ProductionError(f"{output} is not empty; remove it or choose another --output")
    events, snapshots = inputs.check_events(data), inputs.check_snapshots(data)
    engine = Engine(parameters, folder)
    engine.table("events", events)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as name:
        steps, made = Path(name) / "steps", Path(name) / "made"
        steps.mkdir()
        rows, double_clicks = _clean(engine, steps)
        splits = _label(engine, steps, min(snapshots))
        partitions = _write(engine, steps / "impressions.parquet", made / "examples")
        training = training_view(data, made, parameters, folder)
        report = Report(rows, double_clicks, splits, partitions, *_join(training))
        refuse_leaks(training)
        settings = asdict(parameters) | {"day": parameters.day.isoformat()}
        document = {"parameters": settings, **asdict(report)}
        (made / "production.json").write_text(json.dumps(document, indent=1) + "\n")
        os.replace(made, output)
    return report


def _clean(engine: Engine, steps: Path) -> tuple[int, int]:
    rows = engine.rows("SELECT count(*) AS n FROM events e")[0]["n"]
    left = engine.keep("events_once", steps)
    print(f"read {rows:,} rows, dropped {rows - left:,} double clicks", flush=True)
    return rows, rows - left


def _label(engine: Engine, steps: Path, oldest: datetime.date) -> dict[str, dict[str, int]]:
    engine.keep("events_in_order", steps)
    engine.keep("impressions", steps)
    counted = engine.rows(
        "SELECT i.split, count(*) AS records, count(CASE WHEN i.click THEN 1 END) AS clicks, "
        "count(CASE WHEN i.save THEN 1 END) AS saves, min(i.day) AS first FROM impressions i GROUP BY i.split"
    )
    found = {row["split"]: row for row in counted}
    for split, (first, last) in engine.parameters.splits().items():
        if split not in found:
            log = engine.rows("SELECT min(e.time) AS first, max(e.time) AS last FROM events_once e")[0]
            raise ProductionError(
                f"split {split} ({first} to {last}) has no impression; the log runs from {log['first']:%Y-%m-%d} to "
                f"{log['last']:%Y-%m-%d}: choose another --day, --train-days or --test-days"
            )
        counts = ", ".join(f"{found[split][name]:,} {name}" for name in ("records", "clicks", "saves"))
        print(f"{split:<6} {first} to {last}: {counts}", flush=True)
    first = min(row["first"] for row in counted)
    if oldest >= first:
        raise ProductionError(
            f"no snapshot of the embeddings is old enough for the records of {first}: the oldest is of {oldest}, "
            "usable from the day after on; choose a later --day, fewer --train-days, or write older snapshots"
        )
    return {split: {name: found[split][name] for name in ("records", "clicks", "saves")} for split in found}


def _write(engine: Engine, impressions: Path, target: Path) -> int:
    """The records, a few hours at a time; the number of partitions."""
    engine.table("all_impressions", impressions)
    hours = engine.rows(
        "SELECT date_trunc('hour', i.time) AS hour, count(*) AS records FROM all_impressions i GROUP BY 1 ORDER BY 1"
    )
    total, done = sum(row["records"] for row in hours), 0
    for first, last in _chunks(hours):
        low, high = (int(moment.timestamp() * 1000) for moment in (first, last + HOUR))
        engine.define(
            "impressions",
            f"SELECT * FROM all_impressions i WHERE unix_millis(i.time) >= {low} AND unix_millis(i.time) < {high}",
        )
        # A view keeps the tables it was made over, so these two are made again.
        engine.view("sequences")
        engine.view("examples")
        order = "ORDER BY x.day, x.hour, x.user, x.request, x.position, x.item"
        done += engine.write(f"SELECT * FROM examples x {order}", target, PARTITIONS)
        print(f"wrote  {done:,} of {total:,} records, up to {last:%Y-%m-%d %H}h", flush=True)
    files = sorted(target.rglob("*.parquet"))
    for file in files:
        # The engine names files at random; the same run should leave the same names.
        file.rename(file.with_name("part-0.parquet"))
    print(f"wrote  {len(files)} partitions by day and hour", flush=True)
    return len(files)


def _chunks(hours: list[dict[str, Any]]) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
    """First and last hour of runs of hours that hold some `CHUNK` records each."""
    first, held = None, 0
    for number, row in enumerate(hours, start=1):
        first = first or row["hour"]
        held += row["records"]
        if held >= CHUNK or number == len(hours):
            yield first, row["hour"]
            first, held = None, 0


def training_view(data: Path, output: Path, parameters: Parameters, folder: Path = FOLDER) -> Engine:
    """An engine that knows the view `training` over the records in OUTPUT and the snapshots in DATA."""
    engine = Engine(parameters, folder)
    engine.table("examples", output / "examples", PARTITIONS)
    engine.table("embeddings", data / "embeddings", ("day",))
    engine.view("snapshots")
    engine.view("training")
    return engine


def _join(engine: Engine) -> tuple[dict[str, str], dict[str, int], int]:
    """The snapshot of each day, records per embedding version, and records without an embedding."""
    days = engine.rows("SELECT s.day, s.snapshot_day FROM snapshots s ORDER BY s.day")
    snapshots = {row["day"].isoformat(): row["snapshot_day"].isoformat() for row in days}
    for day, snapshot in snapshots.items():
        print(f"joined {day} with the embeddings of {snapshot}", flush=True)
    counted = engine.rows("SELECT t.embedding_version AS version, count(*) AS n FROM training t GROUP BY 1 ORDER BY 1")
    versions = {row["version"]: row["n"] for row in counted if row["version"] is not None}
    without = sum(row["n"] for row in counted if row["version"] is None)
    spaces = ", ".join(f"{count:,} of version {version}" for version, count in versions.items())
    print(f"joined {spaces}; {without:,} records of items that their snapshot does not know", flush=True)
    return snapshots, versions, without


def refuse_leaks(engine: Engine) -> None:
    """Raise `LeakError` unless every count of leaks.sql over the view `training` is 0."""
    engine.view("leaks")
    found = engine.rows("SELECT * FROM leaks")[0]
    records = found.pop("records")
    leaks = {kind: count for kind, count in found.items() if count}
    if leaks:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in leaks.items())
        raise LeakError(f"of {records:,} records some know their future: {kinds}; leaks.sql says what each count means")
    print(f"checked {records:,} records: none knows its future", flush=True)

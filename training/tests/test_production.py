"""Production examples: against an oracle in plain Python, without a future, and with planted leaks found."""

from __future__ import annotations

import datetime
import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lookback_training import command
from lookback_training.data.tables import TIME
from lookback_training.production import examples, statements
from lookback_training.production.examples import LeakError
from lookback_training.production.statements import Parameters, ProductionError
from lookback_training.schema import SKIPPED

DAY = datetime.date(2026, 1, 20)
FIRST = datetime.date(2026, 1, 11)
DAYS = 11
PARAMETERS = Parameters(DAY, train_days=5, test_days=1, history=7, skips=3)
ITEMS = 40
Row = tuple[int, int, str, int, str | None, int | None, str | None]


def at(day: datetime.date, hour: int = 0, minute: int = 0, second: int = 0, ms: int = 0) -> int:
    moment = datetime.datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=datetime.UTC)
    return int(moment.timestamp()) * 1000 + ms


def write_events(data: Path, rows: list[Row]) -> Path:
    kinds = {"user": pl.UInt64, "item": pl.UInt64, "action": pl.Utf8, "time": pl.Int64}
    kinds |= {"surface": pl.Utf8, "position": pl.UInt32, "request": pl.Utf8}
    data.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(sorted(rows, key=lambda row: (row[0], row[3])), schema=kinds, orient="row")
    frame.with_columns(pl.col("time").cast(TIME)).write_parquet(data / "events.parquet")
    return data


def write_snapshots(data: Path, first: datetime.date = FIRST, days: int = DAYS) -> None:
    """Embeddings that say of which day and item they are; of item 1 there is none before DAY."""
    for n in range(days):
        day = first + datetime.timedelta(days=n)
        items = [item for item in range(1, ITEMS + 1) if item > 1 or day >= DAY]
        folder = data / "embeddings" / f"day={day}"
        folder.mkdir(parents=True)
        pl.DataFrame(
            {
                "item": pl.Series(items, dtype=pl.UInt64),
                "embedding": pl.Series([[float(day.day), float(i)] for i in items], dtype=pl.List(pl.Float32)),
                "embedding_version": ["first" if day.day < 18 else "second"] * len(items),
            }
        ).write_parquet(folder / "part-0.parquet")


def platform(seed: int = 4) -> list[Row]:
    """Slates of some thirty people, few of them often there.

    With overlapping sessions, double clicks, clicks logged later, expired skips, and events without a request.
    """
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for slate in range(420):
        user = int(min(rng.geometric(0.2), 30))
        # Few distinct moments, so that slates of one person meet.
        time = at(FIRST) + int(rng.integers(0, DAYS * 96)) * 900_000
        items = rng.choice(ITEMS, size=int(rng.integers(1, 7)), replace=False) + 1
        for position, item in enumerate(items):
            action = str(rng.choice(["skip", "click", "save", "closeup", "hide"], p=[0.5, 0.25, 0.15, 0.05, 0.05]))
            if action == "skip" and time < at(FIRST) + 2 * 86_400_000:
                continue
            where = ("home", "search")[slate % 2]
            row = (user, int(item), action, time, where, position, f"{user}-{slate}")
            rows.append(row)
            if action in ("click", "save") and rng.random() < 0.3:
                rows.append((*row[:3], time + int(rng.integers(100, 2000)), *row[4:]))
            if action == "click" and rng.random() < 0.2:
                rows.append((*row[:2], "save", time + 60_000, *row[4:]))
        if rng.random() < 0.1:
            rows.append((user, int(rng.integers(1, ITEMS + 1)), "other", time + 5_000, None, None, None))
    return rows


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = write_events(tmp_path_factory.mktemp("platform") / "data", platform())
    write_snapshots(data)
    return data


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "output"
    examples.run(data, output, PARAMETERS)
    return output


def records(output: Path) -> pl.DataFrame:
    """All records, with `ms` for their time and a history of (age_ms, item, action, ms)."""
    frame = pl.read_parquet(output / "examples/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=False)
    return frame.with_columns(ms=pl.col("time").dt.epoch("ms")).sort("request", "item")


def events_of(record: dict[str, object], column: str) -> list[tuple[int, int, str, int]]:
    found = record[column] or []
    return [(e["age_ms"], e["item"], e["action"], round(e["time"].timestamp() * 1000)) for e in found]


def oracle(rows: list[Row], parameters: Parameters) -> dict[tuple[str, int], dict[str, object]]:
    """The records, by reading the definitions aloud."""
    seen: dict[tuple[object, ...], int] = {}
    once = []
    for row in sorted(rows, key=lambda row: row[3]):
        key = (row[0], row[1], row[2], row[6])
        if key not in seen or row[3] - seen[key] > parameters.double_click_seconds * 1000:
            once.append(row)
        seen[key] = row[3]
    moments: dict[str, int] = {}
    for row in once:
        if row[6] is not None:
            moments[row[6]] = min(row[3], moments.get(row[6], row[3]))
    splits = parameters.splits()
    found: dict[tuple[str, int], dict[str, object]] = {}
    for user, item, action, _, surface, position, request in once:
        if request is None:
            continue
        moment = moments[request]
        day = datetime.datetime.fromtimestamp(moment / 1000, datetime.UTC).date()
        split = [name for name, (first, last) in splits.items() if first <= day <= last]
        if not split:
            continue
        record = found.setdefault((request, item), {"click": False, "save": False})
        before = [row for row in once if row[0] == user and row[3] < moment]
        before.sort(key=lambda row: (row[3], row[1], row[2]), reverse=True)
        sides = {"history": [], "skips": []}
        for row in before:
            side = sides["skips" if row[2] in SKIPPED else "history"]
            side.append((moment - row[3], row[1], row[2], row[3]))
        record |= {
            "user": user,
            "ms": moment,
            "surface": surface,
            "position": position,
            "split": split[0],
            "click": record["click"] or action in ("click", "save"),
            "save": record["save"] or action == "save",
            "history": sorted(sides["history"][: parameters.history]),
            "skips": sorted(sides["skips"][: parameters.skips]),
        }
    return found


def test_records_are_what_the_definitions_say(data: Path, made: Path) -> None:
    expected = oracle(platform(), PARAMETERS)
    found = {}
    for record in records(made).iter_rows(named=True):
        plain = {name: record[name] for name in ("user", "ms", "surface", "position", "split", "click", "save")}
        lists = {name: events_of(record, name) for name in ("history", "skips")}
        found[record["request"], record["item"]] = plain | lists
    assert found.keys() == expected.keys()
    for key in expected:
        assert found[key] == expected[key], key
    lengths = {len(record["history"]) for record in found.values()}
    assert lengths == set(range(PARAMETERS.history + 1))


def test_no_event_and_no_embedding_of_the_future(data: Path, made: Path) -> None:
    everything = records(made)
    for name in ("history", "skips"):
        known = everything.filter(pl.col(name).is_not_null())
        newest = known[name].list.eval(pl.element().struct.field("time").max()).list.first()
        assert len(known) > 100
        assert (newest < known["time"]).all()
    training = examples.training_view(data, made, PARAMETERS)
    joined = training.rows(
        "SELECT t.item, t.time, t.day, t.snapshot_day, t.embedding, t.embedding_version FROM training t"
    )
    assert len(joined) == len(everything)
    for row in joined:
        yesterday = row["time"].date() - datetime.timedelta(days=1)
        assert row["snapshot_day"] == yesterday
        known = row["item"] > 1 or yesterday >= DAY
        assert row["embedding"] == ([float(yesterday.day), float(row["item"])] if known else None)
        assert row["embedding_version"] == (("first" if yesterday.day < 18 else "second") if known else None)


def test_partitions_and_splits(made: Path) -> None:
    everything = records(made)
    for day, hour, time in everything.select("day", "hour", "time").iter_rows():
        assert (str(day), int(hour)) == (f"{time:%Y-%m-%d}", time.hour)
    folders = {path.parent.relative_to(made).as_posix() for path in made.rglob("*.parquet")}
    assert {path.name for path in made.rglob("*.parquet")} == {"part-0.parquet"}
    assert folders == {f"examples/day={time:%Y-%m-%d}/hour={time:%H}" for time in everything["time"]}
    days = {split: set(part["time"].dt.date()) for (split,), part in everything.group_by("split")}
    assert days["train"] == {DAY - datetime.timedelta(days=n) for n in range(1, 6)}
    assert days["valid"] == {DAY}
    assert days["test"] == {DAY + datetime.timedelta(days=1)}


def test_the_report_counts(data: Path, tmp_path: Path) -> None:
    report = examples.run(data, tmp_path / "again", PARAMETERS)
    everything = records(tmp_path / "again")
    assert report.rows == len(platform())
    assert sum(split["records"] for split in report.splits.values()) == len(everything)
    assert report.splits["valid"]["saves"] == everything.filter(pl.col("split") == "valid")["save"].sum()
    assert report.partitions == len(list((tmp_path / "again/examples").glob("day=*/hour=*")))
    assert report.without_embedding == len(everything.filter(pl.col("item") == 1, pl.col("day") <= str(DAY)))
    assert sum(report.versions.values()) + report.without_embedding == len(everything)
    assert report.snapshots[str(DAY)] == str(DAY - datetime.timedelta(days=1))


def test_the_same_run_gives_the_same_files(data: Path, made: Path, tmp_path: Path) -> None:
    examples.run(data, tmp_path / "again", PARAMETERS)
    files = sorted(path.relative_to(made) for path in made.rglob("*.parquet"))
    assert len(files) > 50
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (made / file).read_bytes()


def test_chunks_do_not_change_the_records(
    data: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "CHUNK", 50)
    examples.run(data, tmp_path / "chunks", PARAMETERS)
    assert records(tmp_path / "chunks").equals(records(made))


def one_slate(*rows: tuple[int, str, int]) -> list[Row]:
    """(item, action, ms after noon) in one request of one person on each of the three days around DAY."""
    days = [DAY + datetime.timedelta(days=n) for n in (-1, 0, 1)]
    return [(9, i, action, at(day, 12, ms=ms), "home", i, f"r{day}") for day in days for i, action, ms in rows]


def test_double_clicks_are_dropped_in_a_chain(tmp_path: Path) -> None:
    # The second and third follow within 2 s each; the fourth comes 2.001 s after the third; a save is no second click.
    burst = [(5, "click", 0), (5, "click", 2000), (5, "click", 3500), (5, "click", 5501), (5, "save", 300)]
    data = write_events(tmp_path / "data", one_slate(*burst))
    write_snapshots(data)
    report = examples.run(data, tmp_path / "output", Parameters(DAY, train_days=1))
    assert report.double_clicks == 2 * 3
    last = records(tmp_path / "output").row(-1, named=True)
    assert [(item, action) for _, item, action, _ in events_of(last, "history")] == [
        *((5, action) for action in ("click", "save", "click")),
        *((5, action) for action in ("click", "save", "click")),
    ]


def test_labels_come_from_the_strongest_action(tmp_path: Path) -> None:
    rows = [(1, "skip", 0), (2, "click", 0), (3, "save", 0), (4, "hide", 0), (5, "closeup", 0)]
    rows += [(6, "skip", 0), (6, "click", 9000), (7, "hide", 0), (7, "save", 9000), (8, "click", 0), (8, "save", 90)]
    data = write_events(tmp_path / "data", one_slate(*rows))
    write_snapshots(data)
    examples.run(data, tmp_path / "output", Parameters(DAY, train_days=1))
    labels = records(tmp_path / "output").filter(pl.col("split") == "valid").sort("item")
    assert labels["click"].to_list() == [False, True, True, False, False, True, True, True]
    assert labels["save"].to_list() == [False, False, True, False, False, False, True, True]
    # A click that is logged later is no history of its own slate.
    assert set(labels["ms"]) == {at(DAY, 12)}
    assert all(event["time"].date() < DAY for event in labels["history"].explode())


LEAKS = {
    "history_not_before": ("sequences", "e.number < p.earlier AND", "e.number <= p.earlier AND"),
    "skips_not_before": ("events_in_order", "e.skipped_until - e.skipped_now AS", "e.skipped_until AS"),
    "snapshot_not_before": ("snapshots", "s.day < x.day", "s.day <= x.day"),
    "in_another_day": ("examples", "CAST(i.day AS STRING)", "CAST(i.day + INTERVAL '1' DAY AS STRING)"),
    "added_by_the_join": ("training", " AND CAST(e.day AS DATE) = s.snapshot_day", ""),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_planted_leak_in_the_sql_is_found(data: Path, tmp_path: Path, kind: str) -> None:
    name, right, wrong = LEAKS[kind]
    folder = shutil.copytree(statements.FOLDER, tmp_path / "sql")
    text = (folder / f"{name}.sql").read_text()
    assert text.count(right) == 1
    (folder / f"{name}.sql").write_text(text.replace(right, wrong))
    with pytest.raises(LeakError, match=kind):
        examples.run(data, tmp_path / "output", PARAMETERS, folder)
    assert [path.name for path in tmp_path.iterdir()] == ["sql"]


def test_one_leaking_event_in_the_files_is_found(data: Path, made: Path, tmp_path: Path) -> None:
    output = shutil.copytree(made, tmp_path / "output")
    examples.refuse_leaks(examples.training_view(data, output, PARAMETERS))
    files = sorted(output.rglob("*.parquet"))
    for file in files:
        frame = pl.read_parquet(file, hive_partitioning=False)
        if file == files[-1]:
            # One event of the future, last in the array of one record.
            later = {"age_ms": -1, "item": 3, "action": "click", "time": frame["time"][0]}
            histories = frame["history"].to_list()
            histories[0] = [*(histories[0] or []), later]
            frame = frame.with_columns(pl.Series("history", histories, dtype=frame.schema["history"]))
        # All of them, because polars and DataFusion write text as different types.
        frame.write_parquet(file)
    with pytest.raises(LeakError, match="history_not_before 1;"):
        examples.refuse_leaks(examples.training_view(data, output, PARAMETERS))


def test_errors_say_what_to_do(data: Path, made: Path, tmp_path: Path) -> None:
    def refused(match: str, parameters: Parameters = PARAMETERS) -> None:
        with pytest.raises(ProductionError, match=match):
            examples.run(tmp_path / "data", tmp_path / "output", parameters)
        assert not (tmp_path / "output").exists()

    path = tmp_path / "data" / "events.parquet"
    refused(r"events\.parquet is missing.*lookback simulate")
    rows = platform()
    write_events(tmp_path / "data", rows)
    refused("embeddings has no snapshot")
    write_snapshots(tmp_path / "data", DAY, 2)
    refused("old enough for the records of 2026-01-15: the oldest is of 2026-01-20.*later --day")
    end = Parameters(DAY + datetime.timedelta(days=1), train_days=5)
    refused(r"test \(2026-01-22 to 2026-01-22\) has no impression; the log runs from 2026-01-11 to 2026-01-21", end)
    (tmp_path / "data/embeddings/day=20").mkdir()
    refused("day=20 has no Parquet file")
    shutil.copy(tmp_path / "data/embeddings/day=2026-01-20/part-0.parquet", tmp_path / "data/embeddings/day=20")
    refused("no day=YYYY-MM-DD")
    shutil.rmtree(tmp_path / "data/embeddings")
    good = pl.read_parquet(path)
    good.drop("request").write_parquet(path)
    refused("no column `request`")
    good.with_columns(pl.col("position").cast(pl.Int64)).write_parquet(path)
    refused("`position` is Int64, expected UInt32")
    good.with_columns(request=pl.lit(None, dtype=pl.Utf8)).write_parquet(path)
    refused("none of .* has a `request`.*lookback examples")
    good.with_columns(action=pl.lit("like")).write_parquet(path)
    refused("action like.*--map-action")
    with pytest.raises(ProductionError, match="not empty"):
        examples.run(data, made, PARAMETERS)
    with pytest.raises(ProductionError, match="--train-days is 0; give at least 1"):
        Parameters(DAY, train_days=0)
    with pytest.raises(ProductionError, match=r"\$\{yesterday\}; the parameters are day, "):
        statements.fill("SELECT ${yesterday}", PARAMETERS)


def test_the_command_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["production-examples", "--data", str(data), "--output", str(tmp_path / "output"), "--day", str(DAY)]
    assert command.main([*arguments, "--train-days", "5"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"read [\d,]+ rows, dropped \d+ double clicks", printed)
    assert "none knows its future" in printed
    assert command.main(arguments) == 1
    assert "not empty" in capsys.readouterr().err


def test_functions_are_those_that_both_engines_have() -> None:
    """The README's table says of every function why it means the same in both."""
    table = (statements.FOLDER / "README.md").read_text().split("| function |")[1]
    listed = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    used = set()
    for path in statements.FOLDER.glob("*.sql"):
        code = re.sub(r"--.*", "", path.read_text())
        used |= set(re.findall(r"\b([a-z_]+)\(", code))
    assert used == listed

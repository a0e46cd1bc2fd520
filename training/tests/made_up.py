"""Made-up logs, small enough to train on in seconds."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import polars as pl

START_MS = 1_700_000_000_000
STEP_MS = 90_000
TIME = pl.Datetime("ms", "UTC")
LISTS_FROM = {"valid": 0.8, "test": 0.9}


def write(directory: Path, rich: bool, users: int = 24, items: int = 60, per_user: int = 40, seed: int = 3) -> Path:
    """A data directory; rich = embeddings, categories, skips, surfaces, positions, attributes, creation times."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    taste = rng.integers(0, 4, users)
    events = []
    for step in range(per_user):
        for user in range(users):
            liked = rng.random() < 0.75
            item = int(rng.integers(0, items // 4) * 4 + (taste[user] if liked else rng.integers(0, 4)))
            action = ("save" if rng.random() < 0.5 else "click") if liked or not rich else "skip"
            time = START_MS + (step * users + user // 3) * STEP_MS
            events.append((user + 1, item * 10 + 1, action, time, int(rng.integers(0, 12))))
    events.sort(key=lambda event: (event[0], event[3]))
    user, item, action, time, position = (np.array(column) for column in zip(*events, strict=True))
    count = len(events)
    pl.DataFrame(
        {
            "user": pl.Series(user, dtype=pl.UInt64),
            "item": pl.Series(item, dtype=pl.UInt64),
            "action": action.tolist(),
            "time": pl.Series(time, dtype=pl.Int64).cast(TIME),
            "surface": pl.Series([("home", "search")[i % 2] if rich else None for i in range(count)], dtype=pl.Utf8),
            "position": pl.Series(position.tolist() if rich else [None] * count, dtype=pl.UInt32),
            "request": pl.Series([None] * count, dtype=pl.Utf8),
        }
    ).write_parquet(directory / "events.parquet")
    write_items(directory, rich, items, rng)
    attributes = {"age": ["18-24" if u % 2 else "25-34" for u in range(users)]} if rich else {}
    ids = {"user": pl.Series(range(1, users + 1), dtype=pl.UInt64), "key": [str(u + 1) for u in range(users)]}
    pl.DataFrame(ids | attributes).write_parquet(directory / "users.parquet")
    write_examples(directory, user, item, action, time, items, rng)
    return directory


def write_items(directory: Path, rich: bool, items: int, rng: np.random.Generator) -> None:
    centre = rng.standard_normal((4, 12))
    vectors = [(centre[i % 4] + 0.3 * rng.standard_normal(12)).astype(np.float32).tolist() for i in range(items)]
    born = datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)
    pl.DataFrame(
        {
            "item": pl.Series([i * 10 + 1 for i in range(items)], dtype=pl.UInt64),
            "key": [str(i * 10 + 1) for i in range(items)],
            "title": [f"item {i}" for i in range(items)],
            "categories": pl.Series([[f"c{i % 4}"] if rich else [] for i in range(items)], dtype=pl.List(pl.Utf8)),
            "category": pl.Series([f"c{i % 4}" if rich else None for i in range(items)], dtype=pl.Utf8),
            "created": pl.Series([born if rich else None] * items, dtype=TIME),
            "embedding": pl.Series(vectors if rich else [None] * items, dtype=pl.List(pl.Float32)),
        }
    ).write_parquet(directory / "items.parquet")


def write_examples(
    directory: Path,
    user: np.ndarray,
    item: np.ndarray,
    action: np.ndarray,
    time: np.ndarray,
    items: int,
    rng: np.random.Generator,
) -> None:
    """Training examples with one sampled negative each; lists of 5 met and 45 sampled items."""
    ordered = np.sort(time)
    valid_from, test_from = (int(ordered[int(len(time) * LISTS_FROM[split])]) for split in ("valid", "test"))
    rows = []
    for row in np.flatnonzero(time < valid_from):
        start, end = history(user, time, user[row], time[row])
        label, saved = action[row] in ("click", "save"), action[row] == "save"
        rows.append(("train", None, user[row], item[row], time[row], label, saved, "logged", start, end))
        other = int(rng.integers(0, items)) * 10 + 1
        rows.append(("train", None, user[row], other, time[row], False, False, "sampled", start, end))
    for split, low, high in (("valid", valid_from, test_from), ("test", test_from, 1 << 62)):
        number = 0
        for one in np.unique(user):
            mine = np.flatnonzero((user == one) & (time >= low) & (time < high))
            for at in range(0, len(mine), 5):
                chunk = mine[at : at + 5]
                moment = time[chunk[0]]
                start, end = history(user, time, one, moment)
                for row in chunk:
                    label, saved = action[row] in ("click", "save"), action[row] == "save"
                    rows.append((split, number, one, item[row], moment, label, saved, "logged", start, end))
                for other in rng.integers(0, items, 45):
                    rows.append((split, number, one, int(other) * 10 + 1, moment, False, False, "sampled", start, end))
                number += 1
    kinds = {"split": pl.Utf8, "list": pl.UInt32, "user": pl.UInt64, "item": pl.UInt64, "time": pl.Int64}
    kinds |= {"click": pl.Boolean, "save": pl.Boolean, "origin": pl.Utf8}
    kinds |= {"history_start": pl.UInt64, "history_end": pl.UInt64}
    columns = {
        name: pl.Series([None if row[i] is None else plain(row[i]) for row in rows], dtype=kind)
        for i, (name, kind) in enumerate(kinds.items())
    }
    frame = pl.DataFrame(columns).with_columns(pl.col("time").cast(TIME))
    frame.write_parquet(directory / "examples.parquet")


def plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def history(user: np.ndarray, time: np.ndarray, one: int, moment: int) -> tuple[int, int]:
    start, stop = int(np.searchsorted(user, one)), int(np.searchsorted(user, one, side="right"))
    return start, start + int(np.searchsorted(time[start:stop], moment))

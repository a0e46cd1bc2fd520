"""Time features, histories without a future, features without their own outcome, errors that help."""

from __future__ import annotations

import datetime
from pathlib import Path

import made_up
import numpy as np
import polars as pl
import pytest

from lookback_training.data import item_features, log, requests, tables, vocabulary
from lookback_training.data.batch import Batcher
from lookback_training.data.time_features import age_bucket, hour, weekday
from lookback_training.schema import RECENT, Gsu, K
from lookback_training.train import setup
from lookback_training.train.config import Config


def test_time_features_by_hand() -> None:
    minute = 60_000
    ages = [1, minute - 1, minute, 2 * minute - 1, *(n * minute for n in (2, 4, 1024, 2**24, 2**40))]
    assert age_bucket(np.array(ages)).tolist() == [0, 0, 1, 1, 2, 3, 11, 25, 25]
    # 2024-02-29 was a Thursday; 1969-12-31 a Wednesday; both as people write them.
    leap = int(datetime.datetime(2024, 2, 29, 23, 59, tzinfo=datetime.UTC).timestamp() * 1000)
    moments = np.array([leap, 0, -1])
    assert hour(moments).tolist() == [23, 0, 23]
    assert weekday(moments).tolist() == [4, 4, 3]


def test_no_history_holds_the_future_and_every_event_is_there(data: Path, small: Config) -> None:
    made = setup.prepare(data, small, seed=1)
    events = made.tables.events.with_columns(ms=pl.col("time").dt.epoch("ms"))
    for batcher in (made.train, made.valid, made.test):
        asked = batcher.requests
        for g in range(0, len(asked), max(1, len(asked) // 60)):
            rows = made.log.history(asked.history_start[g], asked.history_end[g])
            seen = np.concatenate([rows, made.log.skips(asked.history_start[g], asked.history_end[g])])
            assert (made.log.time[seen] < asked.time[g]).all()
            assert (made.log.user[seen] == asked.user[g]).all()
            assert (np.diff(rows) < 0).all()
            mine = events.filter((pl.col("user") == asked.user[g]) & (pl.col("ms") < int(asked.time[g])))
            assert len(rows) == len(mine.filter(~pl.col("action").is_in(["skip", "hide"])))


def test_a_future_event_in_a_history_is_refused(tmp_path: Path, small: Config) -> None:
    made_up.write(tmp_path, rich=False)
    examples = pl.read_parquet(tmp_path / "examples.parquet")
    later = pl.when(pl.int_range(pl.len()) == 9).then(pl.col("history_end") + 1).otherwise(pl.col("history_end"))
    examples.with_columns(history_end=later).write_parquet(tmp_path / "examples.parquet")
    with pytest.raises(tables.DataError, match="strictly before"):
        setup.prepare(tmp_path, small, seed=1)


def test_batches_point_at_events_of_the_right_request(data: Path, small: Config) -> None:
    made = setup.prepare(data, small, seed=1)
    chosen = np.arange(0, len(made.test.requests), 3)
    batch = made.test.build(chosen, made.trainee.search(Gsu.SOFT))
    assert batch.long_index.shape == (len(batch.item), K)
    asked = made.test.requests
    for candidate in range(0, len(batch.item), 17):
        r = chosen[batch.request[candidate]]
        history = made.log.history(asked.history_start[r], asked.history_end[r])
        index = batch.long_index[candidate]
        assert int((index >= 0).sum()) == min(K, len(history))
        found = sorted(batch.long.item[index[index >= 0]].tolist())
        table = made.trainee.embedding.shipped().numpy()
        scores = table[made.log.item[history]] @ table[int(batch.item[candidate])]
        best = np.lexsort((np.arange(len(history)), -scores))[:K]
        np.testing.assert_allclose(
            np.sort(table[found] @ table[int(batch.item[candidate])]), np.sort(scores[best]), atol=1e-5
        )
    assert batch.recent_valid.shape == (len(chosen), RECENT)


def test_item_features_do_not_see_their_own_example(data: Path, small: Config) -> None:
    made = setup.prepare(data, small, seed=1)
    row = int(np.flatnonzero(made.log.time < made.train_end)[-1])
    item, time = made.log.item[row : row + 1], made.log.time[row : row + 1]
    before = made.item_features.raw(item, time)
    without = log.Log(**{**vars(made.log), "item": np.where(np.arange(len(made.log.item)) == row, -1, made.log.item)})
    again = item_features.ItemFeatures(without, made.train_end, len(made.items), np.full(len(made.items), np.nan))
    np.testing.assert_allclose(before[0, :3], again.raw(item, time)[0, :3])
    assert np.isfinite(made.features).all()


def test_identifiers_are_no_user_fields(tmp_path: Path) -> None:
    made_up.write(tmp_path, rich=True)
    frames = tables.read(tmp_path)
    frames = tables.Tables(
        frames.events,
        frames.items,
        frames.users.with_columns(zip=pl.col("key"), gender=pl.lit(None, dtype=pl.Utf8)),
        frames.examples,
    )
    names = vocabulary.build(frames, 1 << 60, min_users=2, max_values=10)
    assert names.user_fields == (("age", ("18-24", "25-34")),)
    assert names.surfaces == ("home", "search")


def test_missing_files_and_columns_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(tables.DataError, match="lookback import"):
        tables.read(tmp_path)
    made_up.write(tmp_path, rich=False)
    pl.read_parquet(tmp_path / "examples.parquet").drop("click").write_parquet(tmp_path / "examples.parquet")
    with pytest.raises(tables.DataError, match=r"`click`.*lookback examples"):
        tables.read(tmp_path)


def test_an_empty_history_still_makes_a_batch(tmp_path: Path, small: Config) -> None:
    made = setup.prepare(made_up.write(tmp_path, rich=False), small, seed=1)
    asked = made.train.requests
    empty = np.flatnonzero(asked.history_start == asked.history_end)[:2]
    assert len(empty) == 2
    one = Batcher(made.log, asked, made.category, made.train.feature)
    batch = one.build(empty, made.trainee.search(Gsu.SOFT))
    assert (batch.long_index == -1).all()
    assert made.trainee.eval()(batch).isfinite().all()


def test_requests_limit(data: Path, small: Config) -> None:
    made = setup.prepare(data, small, seed=1)
    few = requests.build(made.tables, made.log, made.vocabulary, made.items, "test", limit=3)
    assert len(few) == 3

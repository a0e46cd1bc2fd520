"""From a made-up log to a model directory: everything optional missing, everything present; interruption; parity."""

from __future__ import annotations

import json
import re
from pathlib import Path

import made_up
import numpy as np
import polars as pl
import pytest
import torch

from lookback_training.command import main
from lookback_training.evaluation import parity, report, scorers
from lookback_training.export import model_directory
from lookback_training.schema import TASKS, Gsu
from lookback_training.train import config, loop, setup
from lookback_training.train.config import Config

SMALL = Path(__file__).parent / "small.toml"


@pytest.fixture(scope="module")
def model(data: Path) -> Path:
    output = data.parent / "made-up"
    assert main(["train", "--data", str(data), "--output", str(output), "--config", str(SMALL), "--seed", "4"]) == 0
    return output


def test_training_writes_a_whole_model_directory(data: Path, model: Path) -> None:
    read = model_directory.read(model)
    card = read.manifest["card"]
    assert card["metrics"]["test"]["soft"]["click"]["gauc"] > 0.5
    assert read.manifest["calibration"]["click"]["platt"]["a"] > 0
    assert np.isfinite(read.shard.feature).all()
    popularity = json.loads((model / "popularity.json").read_text())
    rich = "rich" in str(data)
    assert popularity["group_fields"] == (["age"] if rich else [])
    assert len(popularity["groups"]) == (2 if rich else 0)
    for table in (popularity["global"], *(group["table"] for group in popularity["groups"])):
        assert table["items"] == sorted(table["items"])
        assert len(table["items"]) == len(table["click"]) == len(table["save"])
    weights = json.loads((model / "baselines.json").read_text())["logistic_mean50"]["weights"]
    assert len(weights) == 2 * read.manifest["embedding_dim"] + 1
    if rich:
        # Embeddings of one's own stay as they are, but for f16.
        own = np.array(pl.read_parquet(data / "items.parquet")["embedding"].to_list(), dtype=np.float16)
        assert np.array_equal(read.shard.embedding, own.astype(np.float32))


def test_evaluation_from_the_files_repeats_the_card(
    data: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--data", str(data), "--model", str(model)]) == 0
    printed = capsys.readouterr().out
    card = json.loads((model / "manifest.json").read_text())["card"]["metrics"]["test"]
    for gsu in Gsu:
        for task in TASKS:
            row = re.search(rf"\({gsu.label}\), {task} +(\S+)", printed)
            assert row is not None
            # Batches of other sizes round otherwise, so that candidates which score alike may change places.
            assert float(row[1]) == pytest.approx(card[gsu.label][task]["auc"], abs=1e-4)


def test_parity_holds_and_notices_when_it_does_not(data: Path, model: Path, tmp_path: Path) -> None:
    lists = scorers.load(data, model, limit=0)
    asked = lists.requests
    parts = []
    for gsu in Gsu:
        logit = scorers.by_onnxruntime(lists, gsu)
        parts.append(
            pl.DataFrame(
                {
                    "list": asked.list[asked.request].astype(np.uint32),
                    "item": asked.item_id,
                    "logit_click": logit[:, 0],
                    "logit_save": logit[:, 1],
                    "gsu": [gsu.label] * len(logit),
                }
            )
        )
    good, bad = tmp_path / "good.parquet", tmp_path / "bad.parquet"
    scores = pl.concat(parts)
    scores.write_parquet(good)
    arguments = ["parity", "--data", str(data), "--model", str(model), "--scores"]
    enough = len(asked.item) >= parity.MIN_EXAMPLES
    assert main([*arguments, str(good)]) == (0 if enough else 1)
    off = pl.when(pl.int_range(pl.len()) == 5).then(pl.col("logit_click") + 0.01).otherwise(pl.col("logit_click"))
    scores.with_columns(off.cast(pl.Float32)).write_parquet(bad)
    assert main([*arguments, str(good), str(bad)]) == 1


def evaluation(path: Path, lists: scorers.Lists, metrics: report.Metrics) -> Path:
    """A document as `lookback evaluate --gsu soft --metrics` writes it."""
    asked = lists.requests
    results = [{"name": "lookback, soft search", **metrics}, {"name": "popularity", "click": {}, "save": {}}]
    path.write_text(json.dumps({"lists": len(asked), "candidates": len(asked.item), "results": results}))
    return path


def test_parity_compares_every_metric(data: Path, model: Path, tmp_path: Path) -> None:
    lists = scorers.load(data, model, limit=0)
    logit = scorers.by_pytorch(lists, Gsu.SOFT)
    metrics = report.metrics(lists.requests, logit, lists.model.manifest["calibration"])

    def measured(of: report.Metrics) -> parity.MetricAgreement:
        return parity.compare(lists, [], ["soft"], [evaluation(tmp_path / "metrics.json", lists, of)])[1][0]

    whole = measured(metrics)
    assert (whole.holds, whole.metrics) == (True, 2 * len(metrics["click"]))
    for task in TASKS:
        for name, value in metrics[task].items():
            others = {key: other for key, other in metrics[task].items() if key != name}
            for wrong in (others | {name: value + 2e-4}, others | {name: None}, others):
                off = measured(metrics | {task: wrong})
                assert (off.holds, off.where) == (False, f"{task} {name}")
    more = measured(metrics | {"click": metrics["click"] | {"new": 0.5}})
    assert (more.holds, more.where) == (False, "click new")


def test_metrics_that_cannot_be_compared_are_refused(data: Path, model: Path, tmp_path: Path) -> None:
    lists = scorers.load(data, model, limit=0)
    soft = evaluation(tmp_path / "soft.json", lists, {"click": {"auc": 0.5}, "save": {"auc": 0.5}})
    with pytest.raises(parity.ScoresError, match="nothing of hard search"):
        parity.compare(lists, [], ["hard"], [soft])
    with pytest.raises(parity.ScoresError, match="same --limit"):
        parity.compare(scorers.load(data, model, limit=1), [], ["soft"], [soft])
    soft.write_text(soft.read_text().replace("0.5", '"half"'))
    with pytest.raises(parity.ScoresError, match="write it again"):
        parity.compare(lists, [], ["soft"], [soft])


def test_a_draw_is_left_out_only_where_it_fell_otherwise(data: Path, model: Path) -> None:
    asked = scorers.load(data, model, limit=2).requests
    reference = np.arange(2.0 * len(asked.item)).reshape(-1, 2)
    drawn = np.zeros(len(reference), dtype=bool)
    drawn[:3] = True
    other = reference.copy()
    other[1] += 0.5
    found = parity.agreement("module", "consistent", asked, reference, other, drawn)
    assert (found.examples, found.draws, found.worst) == (len(reference) - 1, 1, 0.0)
    other[3] += 0.5
    assert parity.agreement("module", "consistent", asked, reference, other, drawn).worst == 0.5


def test_a_resumed_run_repeats_the_uninterrupted_one(tmp_path: Path, small: Config) -> None:
    data = made_up.write(tmp_path / "data", rich=True)
    weights = []
    for name, stops in (("whole", [None]), ("broken", [1, None])):
        for stop in stops:
            made = setup.prepare(data, small, seed=2)
            (tmp_path / name).mkdir(exist_ok=True)
            loop.train(
                made.trainee, made.train, made.valid, small.training, 2, tmp_path / name, made.fingerprint,
                resume=stop is None and len(stops) > 1, stop_after=stop,
            )  # fmt: skip
        weights.append(made.trainee.state_dict())
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path, small: Config) -> None:
    data = made_up.write(tmp_path / "data", rich=False)
    made = setup.prepare(data, small, seed=2)
    loop.train(made.trainee, made.train, made.valid, small.training, 2, tmp_path, made.fingerprint, stop_after=1)
    with pytest.raises(loop.CheckpointError, match="without --resume"):
        loop.train(made.trainee, made.train, made.valid, small.training, 2, tmp_path, "other", resume=True)


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("[training]\nepoch = 3\n")
    with pytest.raises(config.ConfigError, match="`epoch`"):
        config.load(path)
    path.write_text("[training]\nepochs = 2.5\n")
    with pytest.raises(config.ConfigError, match="expected int"):
        config.load(path)

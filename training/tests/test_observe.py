"""What a run writes for TensorBoard is there, step by step, also when the run was interrupted."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import made_up
import numpy as np
import pytest
from blake3 import blake3
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

from lookback_training.command import main
from lookback_training.evaluation.metrics import auc, gauc, log_loss
from lookback_training.schema import Gsu
from lookback_training.train import loop, setup
from lookback_training.train.config import Config
from lookback_training.train.observe import Board

SMALL = Path(__file__).parent / "small.toml"
EACH_BATCH = {"train/loss", "train/loss_smoothed", "train/learning_rate", "train/examples_per_second"}
EACH_EPOCH = {f"valid/{task}/{name}" for task in ("click", "save") for name in ("auc", "gauc", "log_loss", "ece")}
AT_THE_END = {
    f"calibration/{task}/{name}_{moment}"
    for task in ("click", "save")
    for name in ("log_loss", "ece", "mean")
    for moment in ("before", "after")
}


def read(log: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values of every tag, as TensorBoard shows them."""
    events = EventAccumulator(str(log), size_guidance={SCALARS: 0}).Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_run_leaves_its_figures_and_its_card(tmp_path: Path) -> None:
    data, output, log = made_up.write(tmp_path / "data", rich=True), tmp_path / "model", tmp_path / "log"
    arguments = ["train", "--data", str(data), "--output", str(output), "--config", str(SMALL), "--board", str(log)]
    assert main(arguments) == 0
    shown = read(log)
    assert set(shown) == EACH_BATCH | EACH_EPOCH | AT_THE_END | {"epoch/loss"}
    batches = [step for step, _ in shown["train/loss"]]
    assert batches == list(range(1, len(batches) + 1))
    for tag in EACH_BATCH:
        assert [step for step, _ in shown[tag]] == batches, tag
        assert all(value > 0 for _, value in shown[tag]), tag
    ends = [step for step, _ in shown["epoch/loss"]]
    assert ends[-1] == batches[-1]
    card = json.loads((output / "manifest.json").read_text())["card"]
    for tag in EACH_EPOCH:
        assert [step for step, _ in shown[tag]] == ends, tag
    np.testing.assert_allclose([v for _, v in shown["epoch/loss"]], [e["loss"] for e in card["epochs"]], rtol=1e-6)
    found = [value for _, value in shown["valid/click/gauc"]]
    np.testing.assert_allclose(found, [epoch["valid_gauc"] for epoch in card["epochs"]], rtol=1e-6)
    before, after = (shown[f"calibration/click/log_loss_{moment}"] for moment in ("before", "after"))
    assert after[0][1] < before[0][1]

    assert card["data_blake3"]["events.parquet"] == blake3((data / "events.parquet").read_bytes()).hexdigest()
    assert card["periods"]["train"]["last"] < card["periods"]["valid"]["first"] < card["periods"]["test"]["first"]
    assert (card["processes"], card["default_gsu"]) == (1, "consistent")
    assert {"python", "torch", "polars", "scikit-learn"} <= set(card["versions"])
    assert len(card["fingerprint"]) == 64


def test_an_interrupted_run_is_shown_as_one(tmp_path: Path, small: Config) -> None:
    data = made_up.write(tmp_path / "data", rich=True, users=12)
    training = dataclasses.replace(small.training, candidates=64, checkpoint_batches=4)

    class Interrupted(Exception):
        pass

    class Breaking(Board):
        def batch(self, step: int, *figures: float) -> None:
            super().batch(step, *figures)
            if step == 6:
                raise Interrupted

    def run(board: Board, output: Path, resume: bool) -> loop.Progress:
        made = setup.prepare(data, small, seed=2)
        output.mkdir(exist_ok=True)
        return loop.train(
            made.trainee, made.train, made.valid, training, 2, output, made.fingerprint, resume, board=board
        )

    whole = Board(tmp_path / "whole")
    run(whole, tmp_path / "one", resume=False)
    whole.close()
    first, second = Breaking(tmp_path / "log"), Board(tmp_path / "log")
    with pytest.raises(Interrupted):
        run(first, tmp_path / "two", resume=False)
    first.close()
    run(second, tmp_path / "two", resume=True)
    second.close()
    expected, shown = read(tmp_path / "whole"), read(tmp_path / "log")
    # Batches 5 and 6 ran twice and are shown once; only their speed may differ.
    for tag in set(expected) - {"train/examples_per_second"}:
        assert shown[tag] == expected[tag], tag
    assert [step for step, _ in shown["train/examples_per_second"]] == [step for step, _ in expected["train/loss"]]


def test_valid_metrics_are_those_of_the_logits(tmp_path: Path, small: Config) -> None:
    made = setup.prepare(made_up.write(tmp_path / "data", rich=False), small, seed=2)
    valid = made.valid.requests
    logit = loop.score(made.trainee, made.valid, Gsu.SOFT)
    board = Board(tmp_path / "log")
    board.begin(7)
    board.epoch(7, 0.5, valid, logit)
    board.close()
    shown = read(tmp_path / "log")
    p = 1 / (1 + np.exp(-logit[:, 1].astype(np.float64)))
    for name, value in (
        ("auc", auc(valid.label[:, 1], logit[:, 1])),
        ("gauc", gauc(valid.label[:, 1], logit[:, 1], valid.first)),
        ("log_loss", log_loss(valid.label[:, 1], p)),
    ):
        assert shown[f"valid/save/{name}"] == [(7, pytest.approx(value, rel=1e-6))]

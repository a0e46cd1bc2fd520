"""Two processes train what one does, also when one of them is killed on the way."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import made_up
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch.distributed import HashStore
from torchrun import launch

from lookback_training.command import main
from lookback_training.export import model_directory
from lookback_training.schema import Gsu, K
from lookback_training.train import distributed, loop, rendezvous, setup, trainee
from lookback_training.train.checkpoint import Progress
from lookback_training.train.config import Config
from lookback_training.train.distributed import ALONE, LaunchError, Processes, moved, processes
from lookback_training.train.observe import NOWHERE, Board
from lookback_training.train.setup import Setup

SEED = 3
SMALL = Path(__file__).parent / "small.toml"
TOLERANCE = 1e-5
"""On logits and losses, one process against several: gradients summed in another order differ in their last bits.

Measured: 1e-6 at most after 14 batches.
"""


def changed(config: Config, dropout: float, unknown_share: float, **training: float) -> Config:
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, dropout=dropout),
        training=dataclasses.replace(config.training, unknown_share=unknown_share, **training),
    )


def train(made: Setup, config: Config, output: Path, group: Processes, **settings: Any) -> Progress:
    """Trains, and keeps the newest epoch: where candidates tie but for the last bits, runs differ on which is the best."""
    with mock.patch.object(loop, "gauc", return_value=float("nan")):
        return loop.train(
            made.trainee,
            made.train,
            made.valid,
            config.training,
            SEED,
            output,
            made.fingerprint,
            processes=group,
            **settings,
        )


def trained(data: Path, output: Path, config: Config, group: Processes, divided: bool = False) -> dict[str, np.ndarray]:
    """Losses of a run, and the logits of its model; its item table may be `divided` among the processes."""
    output.mkdir(exist_ok=True)
    (output / f"pid.{group.rank}.{group.restarts}").write_text(str(os.getpid()))
    made = setup.prepare(data, config, SEED, group if divided else ALONE)
    if made.trainee.position is not None:
        made.trainee.position.dropout.p = config.model.dropout
    board = Board(output / "log") if group.main else NOWHERE
    progress = train(made, config, output, group, board=board)
    board.close()
    logits = {gsu.label: loop.score(made.trainee, made.test, gsu, size=256, processes=group) for gsu in Gsu}
    return logits | {"loss": np.array([epoch["loss"] for epoch in progress.history])}


def work(data: Path, output: Path, config: Config, divided: bool = False) -> dict[str, np.ndarray]:
    with processes() as group:
        return trained(data, output, config, group, divided)


def command(arguments: list[str]) -> int:
    return main(arguments)


def test_two_processes_train_what_one_does(data: Path, tmp_path: Path, small: Config) -> None:
    config = changed(small, dropout=0.0, unknown_share=0.0)
    one = trained(data, tmp_path / "one", config, ALONE)
    two = launch(work, data, tmp_path / "two", config)
    for name, value in one.items():
        np.testing.assert_array_equal(two[0][name], two[1][name], err_msg=name)
        np.testing.assert_allclose(two[0][name], value, rtol=0, atol=TOLERANCE, err_msg=name)


def test_a_process_for_which_no_request_is_left_changes_nothing(tmp_path: Path, small: Config) -> None:
    data = made_up.write(tmp_path / "data", rich=True, users=6, per_user=16)
    # Two candidates are one request, so that one of three processes has work.
    config = changed(small, dropout=0.0, unknown_share=0.0, candidates=2, epochs=1)
    one = trained(data, tmp_path / "one", config, ALONE)
    three = launch(work, data, tmp_path / "three", config, size=3)
    for name, value in one.items():
        np.testing.assert_allclose(three[2][name], value, rtol=0, atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("divided", [False, True])
def test_a_run_of_which_a_worker_is_killed_repeats_the_undisturbed_one(
    tmp_path: Path, small: Config, divided: bool
) -> None:
    # Without embeddings of its own the table that is divided is also trained.
    data = made_up.write(tmp_path / "data", rich=not divided, users=12, per_user=24)
    config = changed(small, dropout=0.2, unknown_share=0.1, candidates=64, checkpoint_batches=3)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    undisturbed = launch(work, data, whole, config, divided)

    def kill_when_a_checkpoint_is_there() -> None:
        deadline = time.monotonic() + 60
        while not (broken / loop.CHECKPOINT).is_file():
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(int((broken / "pid.1.0").read_text()), signal.SIGKILL)

    with ThreadPoolExecutor() as pool:
        killing = pool.submit(kill_when_a_checkpoint_is_there)
        again = launch(work, data, broken, config, divided, restarts=3)
        killing.result()
    for name, value in undisturbed[0].items():
        np.testing.assert_array_equal(again[0][name], value, err_msg=name)
    # One new start, from the checkpoint and not from the beginning.
    assert sorted(path.name for path in broken.glob("pid.*")) == ["pid.0.0", "pid.0.1", "pid.1.0", "pid.1.1"]
    lives = [steps(path) for path in sorted((broken / "log").iterdir())]
    assert len(lives) == 2
    assert lives[0][0] == 1
    assert lives[1][0] > 1
    assert lives[1][0] % 3 == 1
    assert lives[1][-1] == steps(next((whole / "log").iterdir()))[-1]


def steps(events: Path) -> list[int]:
    """Batches whose loss a file of events holds."""
    loaded = EventFileLoader(str(events)).Load()
    return [event.step for event in loaded if any(value.tag == "train/loss" for value in event.summary.value)]


def test_the_command_in_two_processes_writes_one_model_directory(tmp_path: Path) -> None:
    data = made_up.write(tmp_path / "data", rich=False)
    output = tmp_path / "made-up"
    arguments = ["train", "--data", str(data), "--output", str(output), "--config", str(SMALL)]
    assert launch(command, [*arguments, "--board", str(tmp_path / "log")]) == {0: 0, 1: 0}
    card = model_directory.read(output).manifest["card"]
    assert (card["processes"], card["device"]) == (2, "cpu")
    assert card["metrics"]["test"]["soft"]["click"]["gauc"] > 0.5
    assert not (output / "work").exists()
    assert len(list((tmp_path / "log").iterdir())) == 1


@pytest.mark.parametrize("late", [0, 1, 2])
def test_processes_meet_apart_from_what_an_earlier_attempt_left(late: int) -> None:
    store = HashStore()
    store.set("welcome", "dead1 dead2 dead3")
    for rank in (1, 2):
        store.set(f"hello/{rank}", f"dead{rank}")
    with ThreadPoolExecutor() as pool:
        joining = {rank: pool.submit(rendezvous.fresh, store, rank, 3) for rank in range(3) if rank != late}
        time.sleep(0.1)
        # Nobody goes on with the dead: rank 0 waits for all, the others for rank 0.
        alone = [one for rank, one in joining.items() if rank == 0 or late == 0]
        early = any(one.done() for one in alone)
        joining[late] = pool.submit(rendezvous.fresh, store, late, 3)
        met = [one.result(timeout=10) for one in joining.values()]
    assert not early
    met[0].set("address", "here")
    assert all(one.get("address") == b"here" for one in met)
    assert not store.check(["address"])


def test_no_tensor_of_a_step_stays_on_the_cpu(data: Path, small: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU: the meta device refuses tensors of other devices as a GPU does. It has shapes, no numbers."""
    monkeypatch.setattr(trainee, "int", lambda value: K if isinstance(value, torch.Tensor) else value, raising=False)
    made = setup.prepare(data, small, SEED)
    batch = made.train.build(np.arange(9), made.trainee.search(Gsu.SOFT))
    device = torch.device("meta")
    made.trainee.to(device).train()
    with device:
        loss = loop.loss_of(made.trainee, moved(batch, device), save_weight=0.5).sum()
    loss.backward()
    for name, weight in made.trainee.named_parameters():
        assert not weight.requires_grad or weight.grad.device == device, name


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "lookback")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(distributed.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(distributed.torch.cuda, "device_count", lambda: 2)
    with pytest.raises(LaunchError, match="--nproc-per-node"), processes():
        pass

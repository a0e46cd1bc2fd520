"""An item table divided among processes trains as the whole one does, and none of them holds the whole."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any
from unittest import mock

import made_up
import numpy as np
import pytest
import torch
from test_distributed import SEED, TOLERANCE, changed, train
from torchrun import launch

from lookback_training.command import main
from lookback_training.export import shard
from lookback_training.schema import Gsu
from lookback_training.train import checkpoint, loop, setup
from lookback_training.train.checkpoint import CheckpointError, Progress
from lookback_training.train.config import Config
from lookback_training.train.distributed import ALONE, LaunchError, Processes, processes
from lookback_training.train.sharded import Fetched, divided

SMALL = Path(__file__).parent / "small.toml"
ITEMS = 61
"""An odd number: blocks differ in size."""


def write(folder: Path, rich: bool = False) -> Path:
    """Without `rich` the data brings no embeddings, so that the table is trained."""
    return made_up.write(folder / "data", rich=rich, users=12, items=ITEMS, per_user=24)


def trained(
    data: Path, output: Path, config: Config, group: Processes, resume: bool = False, stop_after: int | None = None
) -> dict[str, Any]:
    """Losses, logits and item table of a run, and the size of what each process held."""
    output.mkdir(exist_ok=True)
    made = setup.prepare(data, config, SEED, group)
    if made.trainee.position is not None:
        made.trainee.position.dropout.p = config.model.dropout
    # Shorter than any gradient is here: blocks are cut by the length of all of them together.
    with mock.patch.object(loop, "LONGEST", 0.05):
        progress = train(made, config, output, group, resume=resume, stop_after=stop_after)
    table = made.trainee.embedding
    gradient = table.weight.grad
    held = {"weight": table.weight.shape, "gradient": None if gradient is None else gradient.shape}
    whole = [one for one in gc.get_objects() if type(one) in (torch.Tensor, torch.nn.Parameter) and len(one.shape) == 2]
    held["whole"] = sum(one.shape == (ITEMS, table.weight.shape[1]) for one in whole)
    # Batches of few candidates, of an odd number: one process has one more than the other.
    logits = {gsu.label: loop.score(made.trainee, made.test, gsu, size=64, processes=group) for gsu in Gsu}
    losses = {"loss": np.array([epoch["loss"] for epoch in progress.history])}
    return {"same": logits | losses, "table": table.shipped().numpy(), "held": held}


def work(data: Path, output: Path, config: Config, *how: Any) -> dict[str, Any]:
    with processes() as group:
        return trained(data, output, config, group, *how)


@pytest.mark.parametrize(("rich", "size"), [(False, 2), (True, 3)])
def test_a_divided_table_trains_what_the_whole_one_does(tmp_path: Path, small: Config, rich: bool, size: int) -> None:
    data = write(tmp_path, rich)
    config = changed(small, dropout=0.0, unknown_share=0.0, candidates=64, embedding_learning_rate=1e-2)
    one = trained(data, tmp_path / "one", config, ALONE)
    several = launch(work, data, tmp_path / "several", config, size=size)
    for rank in range(size):
        for name, value in one["same"].items():
            np.testing.assert_allclose(several[rank]["same"][name], value, rtol=0, atol=TOLERANCE, err_msg=name)
    # The table as shipped: f16, where the last bit may fall otherwise.
    np.testing.assert_allclose(several[0]["table"], one["table"], rtol=1e-3, atol=TOLERANCE)
    assert all(len(several[rank]["table"]) == 0 for rank in range(1, size))


def test_each_process_holds_its_rows_alone(tmp_path: Path, small: Config) -> None:
    config = changed(small, dropout=0.0, unknown_share=0.0, epochs=1)
    two = launch(work, write(tmp_path), tmp_path / "two", config)
    width = config.embedding.dim
    files = sorted((tmp_path / "two").glob("checkpoint*"))
    assert [path.name for path in files] == ["checkpoint.1.1-0.pt", "checkpoint.pt"]
    for rank, rows, path in ((0, 30, files[1]), (1, 31, files[0])):
        assert two[rank]["held"] == {"weight": (rows, width), "gradient": (rows, width), "whole": 0}
        state = torch.load(path, weights_only=True)
        moments = [one for one in state["optimiser"]["state"].values() if one["exp_avg"].shape == (rows, width)]
        assert len(moments) == 1
        assert moments[0]["exp_avg_sq"].shape == (rows, width)
        for weights in (state["trainee"], state["progress"]["best"]):
            assert weights["embedding.weight"].shape == (rows, width)
    # One process alone does hold it: the counting counts.
    assert trained(write(tmp_path), tmp_path / "one", config, ALONE)["held"]["whole"] > 0


def test_a_resumed_run_repeats_the_uninterrupted_one(tmp_path: Path, small: Config) -> None:
    data = write(tmp_path)
    config = changed(small, dropout=0.2, unknown_share=0.1)
    whole = launch(work, data, tmp_path / "whole", config)
    launch(work, data, tmp_path / "broken", config, False, 1)
    again = launch(work, data, tmp_path / "broken", config, True)
    for name, value in whole[0]["same"].items():
        np.testing.assert_array_equal(again[1]["same"][name], value, err_msg=name)
    np.testing.assert_array_equal(again[0]["table"], whole[0]["table"])


def command(arguments: list[str]) -> int:
    return main(arguments)


def test_the_command_writes_the_model_directory_of_one_process(tmp_path: Path) -> None:
    data = write(tmp_path)
    plain = tmp_path / "plain" / "made-up"
    sharded = tmp_path / "sharded" / "made-up"
    settings = tmp_path / "settings.toml"
    settings.write_text(SMALL.read_text().replace("[model]", "[model]\ndropout = 0.0") + "unknown_share = 0.0\n")
    for output, run in ((plain, main), (sharded, lambda arguments: max(launch(command, arguments).values()))):
        arguments = ["train", "--data", str(data), "--output", str(output), "--config", str(settings)]
        more = [] if output == plain else ["--shard-items"]
        assert run([*arguments, *more, "--board", str(tmp_path / "log")]) == 0
    assert sorted(path.name for path in sharded.iterdir()) == sorted(path.name for path in plain.iterdir())
    one, other = (shard.read(output / "shard.lbs") for output in (plain, sharded))
    np.testing.assert_array_equal(other.item, one.item)
    np.testing.assert_array_equal(other.feature, one.feature)
    np.testing.assert_allclose(other.embedding, one.embedding, rtol=1e-3, atol=TOLERANCE)


def test_one_process_has_nobody_to_divide_the_table_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--data", str(write(tmp_path)), "--output", str(tmp_path / "model"), "--shard-items"]
    assert main(arguments) == 1
    assert "torchrun --nproc-per-node" in capsys.readouterr().err


def test_more_processes_than_items_are_refused() -> None:
    with pytest.raises(LaunchError, match="start at most 3"):
        divided(lambda: np.zeros((3, 2), np.float32), 3, 2, True, Processes(rank=1, size=4))


def test_a_checkpoint_of_a_divided_table_is_refused_by_others(tmp_path: Path, small: Config) -> None:
    trainee = setup.prepare(write(tmp_path), small, SEED).trainee
    rule = loop.optimiser(trainee, small.training)
    path = tmp_path / loop.CHECKPOINT
    checkpoint.save(path, trainee, rule, Progress(), "this run")
    torch.save(torch.load(path, weights_only=True) | {"holders": 2}, path)
    with pytest.raises(CheckpointError, match=r"2 process\(es\) held, not 1"):
        checkpoint.load(path, trainee, rule, "this run")


def test_fetched_rows_read_as_the_table_does() -> None:
    table = torch.arange(20.0).reshape(10, 2)
    fetched = Fetched(torch.tensor([2, 5, 9]), table[[2, 5, 9]])
    asked = torch.tensor([[9, 2], [5, 5]])
    assert torch.equal(fetched[asked], table[asked])
    for unknown in (0, 3, 10):
        with pytest.raises(KeyError):
            fetched[torch.tensor([5, unknown])]

"""Where a run stands, on disk: written whole or not at all, read only by the run it belongs to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import MendableError
from .trainee import Trainee

CHECKPOINT = "checkpoint.pt"


class CheckpointError(MendableError):
    """A checkpoint that does not fit the run."""


@dataclass
class Progress:
    """Where a run stands; `best` holds the weights of the best epoch so far.

    `epoch` epochs are done, and `batch` batches of the next one, whose losses are `losses`; `step` counts the batches
    of all epochs.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    best_gauc: float = -1.0
    best_epoch: int = -1
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def save(path: Path, trainee: Trainee, rule: torch.optim.Optimizer, progress: Progress, fingerprint: str) -> None:
    """Write beside, then rename: an interrupted write leaves the old checkpoint whole.

    Processes that divide the item table must all call this: each has a file of its own, with its block.
    """
    holders = trainee.holders
    state = {
        "fingerprint": fingerprint,
        "trainee": trainee.state_dict(),
        "optimiser": rule.state_dict(),
        "progress": vars(progress),
    }
    if holders.size > 1:
        state["holders"] = holders.size
    own = part(path, holders.rank, progress)
    if not holders.main:
        _write(state, own)
    # The first process's file makes the others' count, so it comes after them, and they outlive the one it replaces.
    holders.wait()
    if holders.main:
        _write(state, own)
    holders.wait()
    for old in path.parent.glob(f"{path.stem}.{holders.rank}.*"):
        if old != own:
            old.unlink()


def part(path: Path, rank: int, progress: Progress) -> Path:
    """The file of a process: the checkpoint itself for the first one, for others one that says where the run stood."""
    return path.with_suffix(f".{rank}.{progress.epoch}-{progress.batch}{path.suffix}") if rank else path


def _write(state: dict[str, Any], path: Path) -> None:
    beside = path.with_suffix(".partial")
    torch.save(state, beside)
    os.replace(beside, path)


def load(path: Path, trainee: Trainee, rule: torch.optim.Optimizer, fingerprint: str) -> Progress:
    """Put the checkpoint's state into `trainee` and `rule`, on whatever device they are; raises `CheckpointError`."""
    holders = trainee.holders
    # Of the first process's block the others read nothing.
    state = _read(path, fingerprint, mmap=not holders.main)
    if state.get("holders", 1) != holders.size:
        raise CheckpointError(
            f"{path} is of a run whose item table {state.get('holders', 1)} process(es) held, not {holders.size}; "
            "go on with as many and the same --shard-items, or start without --resume"
        )
    if not holders.main:
        state = _read(part(path, holders.rank, Progress(**state["progress"])), fingerprint)
    trainee.load_state_dict(state["trainee"])
    rule.load_state_dict(state["optimiser"])
    return Progress(**state["progress"])


def _read(path: Path, fingerprint: str, mmap: bool = False) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; start without --resume")
    state = torch.load(path, weights_only=True, map_location="cpu", mmap=mmap)
    if state["fingerprint"] != fingerprint:
        raise CheckpointError(f"{path} belongs to other data, settings or seed; start without --resume")
    return state

"""Where a run stands, on disk: written whole or not at all, read only by the run it belongs to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .trainee import Trainee

CHECKPOINT = "checkpoint.pt"


class CheckpointError(ValueError):
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
    """Write beside, then rename: an interrupted write leaves the old checkpoint whole."""
    beside = path.with_suffix(".partial")
    state = {
        "fingerprint": fingerprint,
        "trainee": trainee.state_dict(),
        "optimiser": rule.state_dict(),
        "progress": vars(progress),
    }
    torch.save(state, beside)
    os.replace(beside, path)


def load(path: Path, trainee: Trainee, rule: torch.optim.Optimizer, fingerprint: str) -> Progress:
    """Put the checkpoint's state into `trainee` and `rule`, on whatever device they are; raises `CheckpointError`."""
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; start without --resume")
    state = torch.load(path, weights_only=True, map_location="cpu")
    if state["fingerprint"] != fingerprint:
        raise CheckpointError(f"{path} belongs to other data, settings or seed; start without --resume")
    trainee.load_state_dict(state["trainee"])
    rule.load_state_dict(state["optimiser"])
    return Progress(**state["progress"])

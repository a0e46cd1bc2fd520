"""A run's figures as TensorBoard events: losses, rates, metrics, calibration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from ..data.requests import Requests
from ..evaluation.metrics import auc, ece, gauc, log_loss
from ..schema import TASKS

FLUSH_SECONDS = 10


class Board:
    """Writes to `directory`; without one, nowhere. The step of every figure is the number of batches done by then."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._writer: SummaryWriter | None = None

    def begin(self, step: int) -> None:
        """Figures follow from `step` on; what an interrupted or earlier run wrote beyond it is no longer shown."""
        if self.directory is not None:
            self._writer = SummaryWriter(str(self.directory), purge_step=step, flush_secs=FLUSH_SECONDS)

    def batch(self, step: int, loss: float, smoothed: float, rate: float, examples_per_second: float) -> None:
        """One batch: its mean loss, the mean over the last ones, the learning rate, candidates per second."""
        self._write(
            step,
            {
                "train/loss": loss,
                "train/loss_smoothed": smoothed,
                "train/learning_rate": rate,
                "train/examples_per_second": examples_per_second,
            },
        )

    def epoch(self, step: int, loss: float, requests: Requests, logit: np.ndarray) -> None:
        """One epoch: its mean loss, and the metrics of the valid lists from their logits [C,2], not yet calibrated."""
        if self._writer is None:
            return
        self._write(step, {"epoch/loss": loss})
        p = 1.0 / (1.0 + np.exp(-np.clip(logit.astype(np.float64), -500, 500)))
        for t, task in enumerate(TASKS):
            label = requests.label[:, t]
            self._write(
                step,
                {
                    f"valid/{task}/auc": auc(label, logit[:, t]),
                    f"valid/{task}/gauc": gauc(label, logit[:, t], requests.first),
                    f"valid/{task}/log_loss": log_loss(label, p[:, t]),
                    f"valid/{task}/ece": ece(label, p[:, t]),
                },
            )

    def calibration(self, step: int, label: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
        """label, probabilities before and after calibration [C,2] of the valid lists: what calibration changed."""
        for moment, p in (("before", before), ("after", after)):
            for t, task in enumerate(TASKS):
                self._write(
                    step,
                    {
                        f"calibration/{task}/log_loss_{moment}": log_loss(label[:, t], p[:, t]),
                        f"calibration/{task}/ece_{moment}": ece(label[:, t], p[:, t]),
                        f"calibration/{task}/mean_{moment}": float(p[:, t].mean()),
                    },
                )

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, step: int, values: dict[str, float]) -> None:
        if self._writer is not None:
            for tag, value in values.items():
                self._writer.add_scalar(tag, value, step)


NOWHERE = Board(None)

"""Test metrics of a scored split, and the table that prints them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.requests import Requests
from ..schema import TASKS
from ..train import calibration as calibrators
from .metrics import ece, log_loss, ranking

Metrics = dict[str, dict[str, float]]


def metrics(requests: Requests, logit: np.ndarray, calibration: calibrators.Calibration) -> Metrics:
    """Per task: what `ranking` gives of the logits [C,2]; log loss and ECE of the calibrated probabilities."""
    p = calibrators.apply(calibration, logit)
    result = ranking(requests.label, logit, requests.first, requests.item_id)
    for t, task in enumerate(TASKS):
        result[task]["log_loss"] = log_loss(requests.label[:, t], p[:, t])
        result[task]["ece"] = ece(requests.label[:, t], p[:, t])
    return result


def render(rows: dict[str, dict[str, Any]]) -> str:
    """A table: one line per model and task, one column per metric."""
    columns = ("auc", "gauc", "ndcg_at_10", "recall_at_10", "recall_at_50", "log_loss", "ece")
    lines = [f"{'':<28}" + "".join(f"{name:>13}" for name in columns)]
    for name, by_task in rows.items():
        for task in TASKS:
            values = (by_task[task].get(column) for column in columns)
            cells = "".join(f"{'-' if v is None or np.isnan(v) else format(v, '.4f'):>13}" for v in values)
            lines.append(f"{name + ', ' + task:<28}" + cells)
    return "\n".join(lines)

"""Everything that is measured of one row on the test lists."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..data.log import Log
from ..data.requests import Requests
from ..evaluation import report
from ..evaluation.metrics import BINS, auc, expected_auc, gauc
from ..schema import TASKS
from ..train import calibration as calibrators
from ..train.calibration import Calibration

LONG = 1_000
"""Engaged events from which a history is a long one."""
HISTORY: tuple[tuple[str, int, float], ...] = (
    ("under 100", 0, 100),
    ("100–1,000", 100, 1_000),
    ("1,000–10,000", 1_000, 10_000),
    ("over 10,000", 10_000, float("inf")),
)
"""Groups of lists by engaged events in the history: from (inclusive) to (exclusive)."""


def measure(
    log: Log, requests: Requests, logit: np.ndarray, calibration: Calibration, truth: np.ndarray | None
) -> dict[str, Any]:
    """All measures of logits [C,2]; truth [C,2] as `truth.read` gives it."""
    length = history_length(log, requests)
    groups = {}
    for name, low, high in HISTORY:
        chosen = np.flatnonzero((length >= low) & (length < high))
        if len(chosen):
            part = report.metrics(requests.take(chosen), logit[requests.candidates(chosen)], calibration)
            groups[name] = {"lists": len(chosen), **part}
    long = np.flatnonzero(length >= LONG)
    of_long = report.metrics(requests.take(long), logit[requests.candidates(long)], calibration) if len(long) else {}
    return {
        "overall": report.metrics(requests, logit, calibration),
        "by_history": groups,
        "long_history": of_long,
        "truth": None if truth is None else against_truth(requests, logit, truth),
        "reliability": reliability(requests.label, logit, calibration),
    }


def history_length(log: Log, requests: Requests) -> np.ndarray:
    """Engaged events before each request [G]."""
    return log.engaged_before[requests.history_end] - log.engaged_before[requests.history_start]


def auc_by_list(requests: Requests, logit: np.ndarray) -> np.ndarray:
    """AUC of each list and task [G,2]; NaN for lists of one class."""
    values = [
        [auc(requests.label[a:b, t], logit[a:b, t]) for t in range(len(TASKS))] for a, b in pairwise(requests.first)
    ]
    return np.array(values)


def against_truth(requests: Requests, logit: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """On the candidates whose truth is known: expected AUC under it, and AUC and GAUC of the labels beside."""
    known = ~np.isnan(truth).any(axis=1)
    first = np.concatenate([[0], np.cumsum(known)])[requests.first]
    label, score, p = requests.label[known], logit[known], truth[known]
    by_task = {
        task: {
            "expected_auc": expected_auc(p[:, t], score[:, t]),
            "auc": auc(label[:, t], score[:, t]),
            "gauc": gauc(label[:, t], score[:, t], first),
        }
        for t, task in enumerate(TASKS)
    }
    return {"candidates": int(known.sum()), "of": len(known), **by_task}


def reliability(label: np.ndarray, logit: np.ndarray, calibration: Calibration) -> dict[str, dict[str, list[Any]]]:
    """Per task, before and after calibration: candidates, mean prediction and mean label in 15 bins of equal width."""
    untouched = {task: {"platt": {"a": 1.0, "b": 0.0}} for task in TASKS}
    result: dict[str, dict[str, list[Any]]] = {}
    for t, task in enumerate(TASKS):
        result[task] = {}
        for name, fitted in (("before", untouched), ("after", calibration)):
            p = calibrators.apply(fitted, logit)[:, t]
            place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
            count = np.bincount(place, minlength=BINS)
            some = count > 0
            result[task][name] = [
                [int(n), float(predicted / n), float(found / n)]
                for n, predicted, found in zip(
                    count[some],
                    np.bincount(place, weights=p, minlength=BINS)[some],
                    np.bincount(place, weights=label[:, t], minlength=BINS)[some],
                    strict=True,
                )
            ]
    return result

"""Calibration of a task's logit: Platt scaling or isotonic regression, fitted on held-out data."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression

from ..schema import TASKS

Calibration = dict[str, dict[str, dict[str, Any]]]
"""Task to {method: parameters}, as in the manifest."""

METHODS = ("platt", "isotonic")
FLATTEST = 1e-3
"""Slope given to logits that say nothing."""
MAX_KNOTS = 4096
"""Knots a bundle may hold."""


def fit_platt(label: np.ndarray, logit: np.ndarray, steps: int = 100) -> tuple[float, float]:
    """(a, b) of p = sigmoid(a·logit + b) (Platt, 1999) that minimise the log loss of label [n] given logit [n].

    By Newton's method with step halving.

    Without both classes there is nothing to fit: (1, 0) leaves p as it is. A slope that is not positive would turn the
    order round: then the logit says nothing, and p is the share of positives, but for a slope that keeps the order.
    """
    label, logit = label.astype(np.float64), logit.astype(np.float64)
    if label.min() == label.max():
        return 1.0, 0.0
    design = np.stack([logit, np.ones_like(logit)], axis=1)
    theta = np.array([1.0, 0.0])

    def loss(at: np.ndarray) -> float:
        z = design @ at
        return float(np.mean(np.logaddexp(0.0, z) - label * z))

    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ theta, -500, 500)))
        gradient = design.T @ (p - label) / len(label)
        hessian = (design * (p * (1 - p))[:, None]).T @ design / len(label) + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        scale = 1.0
        while scale > 1e-6 and loss(theta - scale * step) > loss(theta):
            scale /= 2
        theta = theta - scale * step
        if np.abs(scale * step).max() < 1e-10:
            break
    if theta[0] > 0:
        return float(theta[0]), float(theta[1])
    share = label.mean()
    return FLATTEST, float(np.log(share / (1 - share)) - FLATTEST * logit.mean())


def fit_isotonic(label: np.ndarray, logit: np.ndarray) -> tuple[list[float], list[float]] | None:
    """Knots (logit, probability), both strictly rising, of isotonic regression (Zadrozny and Elkan, KDD 2002).

    A knot is the mean logit and the share of positives of a block that pool-adjacent-violators merged; None with fewer
    than two blocks, where there is no order to keep.
    """
    p = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(logit.astype(np.float64), label.astype(np.float64))
    knot, place, size = np.unique(p.astype(np.float32), return_inverse=True, return_counts=True)
    centre = (np.bincount(place, weights=logit) / size).astype(np.float32)
    apart = np.concatenate([[True], np.diff(centre) > 0])
    centre, knot = centre[apart][:MAX_KNOTS], knot[apart][:MAX_KNOTS]
    return None if len(knot) < 2 else ([float(x) for x in centre], [float(y) for y in knot])


def fit_tasks(label: np.ndarray, logit: np.ndarray, method: str = "platt") -> Calibration:
    """label, logit [n,2] -> the manifest's `calibration`, by `method` (platt or isotonic).

    A task whose isotonic regression has one block only gets Platt's.
    """
    fitted: Calibration = {}
    for t, task in enumerate(TASKS):
        knots = fit_isotonic(label[:, t], logit[:, t]) if method == "isotonic" else None
        if knots is not None:
            fitted[task] = {"isotonic": {"logit": knots[0], "probability": knots[1]}}
        else:
            a, b = fit_platt(label[:, t], logit[:, t])
            fitted[task] = {"platt": {"a": a, "b": b}}
    return fitted


def apply(calibration: Calibration, logit: np.ndarray) -> np.ndarray:
    """logit [n,2] -> probability [n,2]."""
    return np.stack([_apply(calibration[task], logit[:, t].astype(np.float64)) for t, task in enumerate(TASKS)], axis=1)


def _apply(calibrator: dict[str, dict[str, Any]], logit: np.ndarray) -> np.ndarray:
    if "isotonic" in calibrator:
        return np.interp(logit, calibrator["isotonic"]["logit"], calibrator["isotonic"]["probability"])
    platt = calibrator["platt"]
    return 1.0 / (1.0 + np.exp(-np.clip(logit * platt["a"] + platt["b"], -500, 500)))

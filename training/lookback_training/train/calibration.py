"""Platt calibration: p = sigmoid(a·logit + b) per task (Platt, 1999)."""

from __future__ import annotations

import numpy as np

from ..schema import TASKS


def fit(label: np.ndarray, logit: np.ndarray, steps: int = 100) -> tuple[float, float]:
    """(a, b) that minimise the log loss of label [n] given logit [n], by Newton's method with step halving.

    Without both classes, or with a slope that is not positive, there is nothing to fit: (1, 0) leaves p as it is.
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
    return (float(theta[0]), float(theta[1])) if theta[0] > 0 else (1.0, 0.0)


def fit_tasks(label: np.ndarray, logit: np.ndarray) -> dict[str, dict[str, float]]:
    """label, logit [n,2] -> the manifest's `calibration`."""
    fitted = {task: fit(label[:, t], logit[:, t]) for t, task in enumerate(TASKS)}
    return {task: {"a": a, "b": b} for task, (a, b) in fitted.items()}


def apply(calibration: dict[str, dict[str, float]], logit: np.ndarray) -> np.ndarray:
    """logit [n,2] -> probability [n,2]."""
    a = np.array([calibration[task]["a"] for task in TASKS])
    b = np.array([calibration[task]["b"] for task in TASKS])
    return 1.0 / (1.0 + np.exp(-np.clip(logit.astype(np.float64) * a + b, -500, 500)))

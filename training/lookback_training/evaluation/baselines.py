"""Two baselines on the same lists: popularity, and logistic regression on the mean of the last 50 embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from ..data.log import Log
from ..data.requests import Requests
from .metrics import ranking

MEAN_OF = 50
SAMPLE = 200_000
"""Training examples the regression is fitted on at most (drawn evenly), to bound its memory."""


def popularity(log: Log, train_end: int, items: int) -> np.ndarray:
    """Engaged events of each item in the training period -> [items]."""
    rows = log.engaged_rows[log.time[log.engaged_rows] < train_end]
    return np.bincount(log.item[rows], minlength=items).astype(np.float64)


def design(log: Log, requests: Requests, embedding: np.ndarray) -> np.ndarray:
    """Features of each candidate -> [C, 2d+1] f32, in this order: m ⊙ e (d), e (d), m · e (1).

    e is the candidate's embedding, m the mean embedding of the last 50 engaged events (zeros without any).
    """
    means = np.zeros((len(requests), embedding.shape[1]), dtype=np.float32)
    for g, (start, end) in enumerate(zip(requests.history_start, requests.history_end, strict=True)):
        rows = log.history(start, end)[:MEAN_OF]
        if len(rows):
            means[g] = embedding[log.item[rows]].mean(axis=0)
    mean, candidate = means[requests.request], embedding[requests.item]
    product = mean * candidate
    return np.concatenate([product, candidate, product.sum(axis=1, keepdims=True)], axis=1)


def fit_logistic(log: Log, train: Requests, embedding: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Weights [2d+1] and bias of a regression of the click label on raw (not standardised) features."""
    label = train.label[:, 0]
    x = design(log, train, embedding)
    if len(x) > SAMPLE:
        keep = np.random.default_rng(seed).choice(len(x), SAMPLE, replace=False)
        x, label = x[keep], label[keep]
    if label.min() == label.max():
        return np.zeros(x.shape[1]), 0.0
    # Standardise for the solver, then fold the scaling into the weights: readers need only features and weights.
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    model = LogisticRegression(max_iter=300).fit((x - mean) / scale, label)
    weights = model.coef_[0] / scale
    return weights, float(model.intercept_[0] - weights @ mean)


def run(
    log: Log, train: Requests, test: Requests, train_end: int, embedding: np.ndarray, seed: int
) -> dict[str, dict[str, Any]]:
    """The content of baselines.json: both baselines' metrics on the test lists, and the regression's weights."""
    count = popularity(log, train_end, len(embedding))
    weights, bias = fit_logistic(log, train, embedding, seed)
    logistic = design(log, test, embedding) @ weights + bias
    return {
        "popularity": ranking(test.label, count[test.item], test.first, test.item_id),
        "logistic_mean50": {
            "features": "mean50 * candidate [d], candidate [d], dot(mean50, candidate) [1]",
            "weights": [float(w) for w in weights],
            "bias": bias,
            **ranking(test.label, logistic, test.first, test.item_id),
        },
    }

"""Ranking and probability metrics over candidate lists."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

NDCG_AT = 10
RECALL_AT = (10, 50)
GAIN_SAVE, GAIN_CLICK = 2.0, 1.0
BINS = 15


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve over [n] pairs; ties count half. NaN without both classes."""
    positive = label > 0.5
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2
    return float((rank[place][positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def gauc(label: np.ndarray, score: np.ndarray, first: np.ndarray) -> float:
    """AUC per list, averaged by number of candidates (DIN, KDD 2018, section 6.2); lists of one class are left out.

    label, score [C]; first [G+1]: list g is rows first[g]..first[g+1].
    """
    total = weight = 0.0
    for a, b in pairwise(first):
        value = auc(label[a:b], score[a:b])
        if not np.isnan(value):
            total += value * (b - a)
            weight += b - a
    return float(total / weight) if weight else float("nan")


def ndcg(gain: np.ndarray, score: np.ndarray, first: np.ndarray, item: np.ndarray) -> float:
    """Mean NDCG@10 over lists: linear gain, log2 discount; equal scores in order of item id.

    Lists without any gain are left out. gain, score, item [C]; first [G+1].
    """
    values = []
    discount = 1.0 / np.log2(np.arange(2, NDCG_AT + 2))
    for a, b in pairwise(first):
        best = np.sort(gain[a:b])[::-1][:NDCG_AT]
        ideal = float((best * discount[: len(best)]).sum())
        if ideal > 0:
            order = np.lexsort((item[a:b], -score[a:b]))[:NDCG_AT]
            values.append(float((gain[a:b][order] * discount[: len(order)]).sum()) / ideal)
    return float(np.mean(values)) if values else float("nan")


def recall(label: np.ndarray, score: np.ndarray, first: np.ndarray, item: np.ndarray, at: int) -> float:
    """Mean over lists of the share of a list's positives among its `at` best; equal scores in order of item id.

    Lists without a positive are left out. label, score, item [C]; first [G+1].
    """
    values = []
    for a, b in pairwise(first):
        positive = label[a:b] > 0.5
        if positive.any():
            order = np.lexsort((item[a:b], -score[a:b]))[:at]
            values.append(positive[order].sum() / positive.sum())
    return float(np.mean(values)) if values else float("nan")


def expected_auc(p: np.ndarray, score: np.ndarray) -> float:
    """AUC of score [n] when candidate i is positive with probability p[i], negative otherwise; ties count half.

    Over all pairs i ≠ j: Σ p_i·(1 − p_j)·[score_i > score_j] / Σ p_i·(1 − p_j). NaN where the divisor is zero.
    """
    p = p.astype(np.float64)
    _, place = np.unique(score, return_inverse=True)
    positive = np.bincount(place, weights=p)
    negative = np.bincount(place, weights=1.0 - p)
    below = np.cumsum(negative) - negative
    itself = float((p * (1.0 - p)).sum())
    pairs = positive.sum() * negative.sum() - itself
    if pairs <= 1e-12:
        return float("nan")
    return float(((positive * (below + negative / 2)).sum() - itself / 2) / pairs)


def gains(label: np.ndarray) -> np.ndarray:
    """label [C,2] (click, save) -> gain [C]: 2 for a save, 1 for a click, else 0."""
    return np.where(label[:, 1] > 0.5, GAIN_SAVE, np.where(label[:, 0] > 0.5, GAIN_CLICK, 0.0))


def log_loss(label: np.ndarray, p: np.ndarray) -> float:
    """Mean negative log likelihood, natural logarithm; probabilities are kept 1e-7 away from 0 and 1."""
    p = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(label > 0.5, np.log(p), np.log1p(-p))))


def ece(label: np.ndarray, p: np.ndarray) -> float:
    """Expected calibration error over 15 bins of equal width (Guo et al., ICML 2017, section 2)."""
    place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(place, weights=p - label, minlength=BINS)
    return float(np.abs(gap).sum() / len(p))


def ranking(label: np.ndarray, score: np.ndarray, first: np.ndarray, item: np.ndarray) -> dict[str, dict[str, float]]:
    """AUC, GAUC, NDCG@10, Recall@10 and @50 per task, of one score per candidate [C] or one per task [C,2]."""
    both = score if score.ndim == 2 else np.stack([score, score], axis=1)
    graded = gains(label)
    saved = label[:, 1].astype(np.float64)
    return {
        task: {
            "auc": auc(label[:, t], both[:, t]),
            "gauc": gauc(label[:, t], both[:, t], first),
            "ndcg_at_10": ndcg(graded if task == "click" else saved, both[:, t], first, item),
            **{f"recall_at_{at}": recall(label[:, t], both[:, t], first, item, at) for at in RECALL_AT},
        }
        for t, task in enumerate(("click", "save"))
    }

"""Metrics and calibration against scikit-learn and numbers by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, ndcg_score, roc_auc_score

from lookback_training.evaluation import metrics
from lookback_training.train import calibration


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc(pairs: list[tuple[bool, int]]) -> None:
    label, score = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if label.min() == label.max():
        assert math.isnan(metrics.auc(label, score))
    else:
        assert metrics.auc(label, score) == pytest.approx(roc_auc_score(label, score))


def test_gauc_weighs_lists_by_size_and_leaves_out_those_of_one_class() -> None:
    label = np.array([1, 0, 1, 0, 0, 0, 1, 1])
    score = np.array([2, 1, 1, 2, 3, 0, 1, 2])
    # [1,0 | right] 2 candidates AUC 1; [1,0,0,0] AUC 1/3; [1,1] left out.
    assert metrics.gauc(label, score, np.array([0, 2, 6, 8])) == pytest.approx((2 * 1 + 4 / 3) / 6)


def test_ndcg() -> None:
    rng = np.random.default_rng(0)
    gain, score = rng.integers(0, 3, (6, 25)).astype(float), rng.permutation(150).reshape(6, 25).astype(float)
    ours = metrics.ndcg(gain.ravel(), score.ravel(), np.arange(0, 151, 25), np.arange(150))
    assert ours == pytest.approx(ndcg_score(gain, score, k=10))


def test_log_loss_and_ece() -> None:
    label = np.array([1, 0, 0, 1])
    p = np.array([0.9, 0.2, 0.2, 0.7])
    assert metrics.log_loss(label, p) == pytest.approx(log_loss(label, p))
    assert metrics.ece(label, p) == pytest.approx((0.1 + 0.4 + 0.3) / 4)


def test_two_lists_with_ties_and_one_without_a_positive() -> None:
    # The same lists as in host/src/cli/judge.rs: each value by hand.
    item = np.array([3, 1, 2, *range(11, -1, -1), 20, 21])
    score = np.array([0.5, 0.5, 0.1, *[0.5] * 12, 0.5, 0.9])
    click = np.isin(np.arange(17), [0, 2, 3, 14]).astype(float)
    save = (np.arange(17) == 0).astype(float)
    label, first, third = np.stack([click, save], axis=1), np.array([0, 3, 15, 17]), 1 / math.log2(3)
    found = metrics.ranking(label, score, first, item)
    # Of list one, item 1 comes before item 3; of list two, items 10 and 11 come last.
    assert found["click"] == pytest.approx(
        {
            "auc": 18 / 52,
            "gauc": (3 * 0.25 + 12 * 0.5) / 15,
            "ndcg_at_10": ((2 * third + 0.5) / (2 + third) + 1 / (1 + third)) / 2,
            "recall_at_10": (1 + 0.5) / 2,
            "recall_at_50": 1.0,
        }
    )
    assert found["save"] == pytest.approx(
        {"auc": 0.5, "gauc": 0.75, "ndcg_at_10": third, "recall_at_10": 1.0, "recall_at_50": 1.0}
    )
    assert metrics.log_loss(click, score) == pytest.approx((15 * math.log(2) + 2 * math.log(10)) / 17)
    assert metrics.ece(click, score) == pytest.approx((4.5 + 0.9 + 0.9) / 17)


def test_platt_is_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    logit = rng.standard_normal(4000) * 2
    label = (rng.random(4000) < 1 / (1 + np.exp(-(0.6 * logit - 1.2)))).astype(float)
    a, b = calibration.fit_platt(label, logit)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(logit[:, None], label)
    assert (a, b) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), abs=1e-4)


def test_platt_leaves_alone_what_it_cannot_fit() -> None:
    assert calibration.fit_platt(np.zeros(5), np.arange(5.0)) == (1.0, 0.0)


def test_a_logit_that_says_nothing_is_calibrated_to_the_share_of_positives() -> None:
    label, logit = np.array([1.0, 0.0, 0.0, 0.0]), np.array([-20.0, -1.0, 10.0, 5.0])
    a, b = calibration.fit_platt(label, logit)
    assert a > 0
    assert 1 / (1 + np.exp(-(a * logit + b))) == pytest.approx(0.25, abs=0.01)


def test_isotonic_calibration_is_scikit_learns_at_the_blocks_and_keeps_the_order() -> None:
    rng = np.random.default_rng(5)
    logit = rng.standard_normal((4000, 2))
    label = (rng.random((4000, 2)) < 1 / (1 + np.exp(-(2 * logit - 1)))).astype(np.float32)
    fitted = calibration.fit_tasks(label, logit, "isotonic")
    p = calibration.apply(fitted, logit)
    assert (np.diff(p[np.argsort(logit[:, 0]), 0]) >= 0).all()
    assert metrics.ece(label[:, 0], p[:, 0]) < 0.01
    assert abs(p[:, 0].mean() - label[:, 0].mean()) < 0.01
    for task in ("click", "save"):
        knots = fitted[task]["isotonic"]
        assert (np.diff(knots["logit"]) > 0).all()
        assert (np.diff(knots["probability"]) > 0).all()


def test_isotonic_calibration_without_an_order_falls_back_to_platt() -> None:
    label, logit = np.zeros((4, 2)), np.arange(8.0).reshape(4, 2)
    assert calibration.fit_tasks(label, logit, "isotonic")["click"] == {"platt": {"a": 1.0, "b": 0.0}}

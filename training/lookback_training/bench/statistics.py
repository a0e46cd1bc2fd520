"""Whether a row differs from the full model: paired by user, corrected for the number of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

LEVEL = 0.05
RESAMPLES = 4000


@dataclass(frozen=True)
class Difference:
    """Other row minus full model in AUC per list, averaged over seeds, then per user.

    `low` to `high`: 95% bootstrap interval of the mean over users; `p`: Wilcoxon signed-rank test, corrected by
    `holm` where several are compared.
    """

    mean: float
    low: float
    high: float
    p: float
    users: int

    @property
    def is_real(self) -> bool:
        """Both the corrected test and the interval rule out no difference."""
        return self.p < LEVEL and (self.low > 0 or self.high < 0)


def compare(users: np.ndarray, full: np.ndarray, other: np.ndarray) -> Difference | None:
    """users [G], AUC of each list [seeds,G] of both rows; None unless two users have a list of both classes."""
    gap = over_seeds(other) - over_seeds(full)
    some = ~np.isnan(gap)
    _, place = np.unique(users[some], return_inverse=True)
    if len(place) == 0 or place.max() < 1:
        return None
    each = np.bincount(place, weights=gap[some]) / np.bincount(place)
    mean = float(each.mean())
    if np.ptp(each) == 0:
        # Every user differs by the same: no spread to resample, and the signed-rank test is undefined at zero.
        return Difference(mean, mean, mean, 1.0 if mean == 0 else float(0.5 ** (len(each) - 1)), len(each))
    interval = stats.bootstrap(
        (each,), np.mean, n_resamples=RESAMPLES, batch=200, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    p = float(stats.wilcoxon(each).pvalue)
    return Difference(mean, float(interval.low), float(interval.high), p, len(each))


def over_seeds(auc: np.ndarray) -> np.ndarray:
    """[seeds,G] -> [G]; a list of one class is NaN for every seed."""
    return auc.mean(axis=0)


def holm(found: dict[str, Difference]) -> dict[str, Difference]:
    """The same with p corrected for all of them (Holm, Scandinavian Journal of Statistics, 1979)."""
    corrected: dict[str, Difference] = {}
    worst = 0.0
    for rank, name in enumerate(sorted(found, key=lambda name: found[name].p)):
        worst = max(worst, min(1.0, found[name].p * (len(found) - rank)))
        corrected[name] = replace(found[name], p=worst)
    return {name: corrected[name] for name in found}

"""What the model must reach: each bar with its figure, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..schema import TASKS, Gsu
from .collected import DataSet
from .stored import Stored
from .variants import EXACT, ORACLE, Kind, full_row, stored_row

DIN, TRANSFORMER = "din-50", "transformer-50"
CEILING_ROWS = (EXACT, "attention-1000")
AHEAD = 0.01
OF_THE_DISTANCE = 0.6
OF_FULL_ATTENTION = 0.99
ECE = 0.01
WON_BACK = 0.8
HALF_COSTS, INT8_COSTS = 0.0005, 0.001


@dataclass(frozen=True)
class Bar:
    """One requirement: what is asked, the figure of each seed, what it must reach, and whether it does."""

    asked: str
    figure: np.ndarray
    threshold: str
    met: bool


def bars(one: DataSet) -> list[Bar]:
    """The bars whose rows were run."""
    if one.default is None:
        return []
    return [*_simulated(one)] if one.simulated else [*_level(one)]


def _simulated(one: DataSet) -> Iterator[Bar]:
    searched = [full_row(gsu) for gsu in Gsu]
    best = max(searched, key=lambda row: _mean(one, row, "long_history", "click", "gauc"))
    for baseline in (DIN, TRANSFORMER):
        if baseline in one.lines:
            ahead = _gap(one, best, baseline, "long_history", "click", "gauc")
            asked = f"{best} before {baseline}, GAUC, histories of at least 1,000 events"
            yield _at_least(asked, ahead, AHEAD)
    if DIN in one.lines and ORACLE in one.lines:
        path = ("truth", "click", "gauc")
        share = _gap(one, best, DIN, *path) / _gap(one, ORACLE, DIN, *path)
        yield _at_least(f"share of the way from {DIN} to {ORACLE} that {best} goes, GAUC", share, OF_THE_DISTANCE)
    consistent = full_row(Gsu.CONSISTENT)
    for ceiling in CEILING_ROWS:
        if ceiling in one.lines:
            full, found = _paired(one, ceiling, consistent, "overall", "click", "auc")
            yield _at_least(f"{consistent} over {ceiling}, ratio of AUC", found / full, OF_FULL_ATTENTION)
    if "no-position" in one.lines:
        gain = _gap(one, one.default, "no-position", "truth", "click", "expected_auc")
        yield _above("position tower: AUC against the truth, with it less without it", gain)
    for task in TASKS:
        error = one.lines[one.default].values("overall", task, "ece")
        yield _at_most(f"{one.default}, ECE of {task} after calibration", error, ECE)
    if "no-skips" in one.lines:
        asked = "skips: AUC with them less without them"
        yield _above(asked, _gap(one, one.default, "no-skips", "overall", "click", "auc"))
        yield _above(
            f"{asked}, against the truth", _gap(one, one.default, "no-skips", "truth", "click", "expected_auc")
        )
    yield from _stored(one)


def _stored(one: DataSet) -> Iterator[Bar]:
    path = ("overall", "click", "auc")
    replaced, adapted = stored_row(Stored.REPLACED), stored_row(Stored.ADAPTED)
    if replaced in one.lines:
        lost, back = _gap(one, one.default, replaced, *path), _gap(one, adapted, replaced, *path)
        yield _at_least(
            "adapter: share of the AUC lost to the new embedding model that it wins back", back / lost, WON_BACK
        )
    single = stored_row(Stored.SINGLE)
    for how, costs in ((Stored.HALF, HALF_COSTS), (Stored.INT8, INT8_COSTS)):
        if single in one.lines:
            yield _at_most(f"AUC that {how} costs against f32", _gap(one, single, stored_row(how), *path), costs)


def _level(one: DataSet) -> Iterator[Bar]:
    """On logs of real people: at least level with the best baseline, whatever that turns out to be."""
    differences = one.differences()
    kinds = (Kind.BASELINE, Kind.PEER)
    baselines = [name for name, line in one.lines.items() if line.variant.kind in kinds]
    for key, title in (("auc", "AUC"), ("gauc", "GAUC")):
        if baselines:
            best = max(baselines, key=lambda row: _mean(one, row, "overall", "click", key))
            gap = _gap(one, one.default, best, "overall", "click", key)
            behind = best in differences and differences[best].is_real and differences[best].mean > 0
            asked = f"{one.default} less the best baseline or peer, {best}, {title}"
            yield Bar(asked, gap, "0, or a difference that is not real", bool(gap.mean() >= 0 or not behind))


def _mean(one: DataSet, row: str, *path: str) -> float:
    return float(one.lines[row].values(*path).mean())


def _paired(one: DataSet, first: str, second: str, *path: str) -> tuple[np.ndarray, np.ndarray]:
    """The values of both rows for the seeds that both have; a row without seeds counts the same for each."""
    a, b = (one.lines[row].values(*path) for row in (first, second))
    if not one.lines[first].variant.seeded or not one.lines[second].variant.seeded:
        a, b = np.broadcast_arrays(a, b)
    count = min(len(a), len(b))
    return a[:count], b[:count]


def _gap(one: DataSet, first: str, second: str, *path: str) -> np.ndarray:
    a, b = _paired(one, first, second, *path)
    return a - b


def _at_least(asked: str, figure: np.ndarray, threshold: float) -> Bar:
    return Bar(asked, figure, f"at least {threshold:g}", bool(figure.mean() >= threshold))


def _at_most(asked: str, figure: np.ndarray, threshold: float) -> Bar:
    return Bar(asked, figure, f"at most {threshold:g}", bool(figure.mean() <= threshold))


def _above(asked: str, figure: np.ndarray) -> Bar:
    return Bar(asked, figure, "above 0", bool(figure.mean() > 0))

"""Parity: do PyTorch, onnxruntime and other programs give the same logits, orders and metrics on the test lists?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from ..data.requests import Requests
from ..errors import MendableError
from ..schema import GSU_NAMES, TASKS, Gsu
from . import report
from .scorers import Lists, by_onnxruntime, by_pytorch
from .search_ties import draws

TOLERANCE = 1e-4
METRIC_TOLERANCE = 1e-4
MIN_EXAMPLES = 1000
MOST_DRAWS = 0.01
"""Share of candidates that may be left out as draws of the search."""
COLUMNS = {
    "list": pl.UInt32,
    "item": pl.UInt64,
    "logit_click": pl.Float32,
    "logit_save": pl.Float32,
    "gsu": pl.Utf8,
}


class ScoresError(MendableError):
    """A file of scores that cannot be compared."""


@dataclass(frozen=True)
class Agreement:
    """How far one face's logits are from PyTorch's for one search.

    `draws` candidates are left out of it: their search is a draw, and it fell otherwise.
    """

    face: str
    gsu: str
    examples: int
    draws: int
    worst: float
    misordered: int

    @property
    def holds(self) -> bool:
        enough = self.examples >= MIN_EXAMPLES and self.draws <= MOST_DRAWS * (self.examples + self.draws)
        return enough and self.worst <= TOLERANCE and self.misordered == 0


@dataclass(frozen=True)
class MetricAgreement:
    """How far a program's metrics are from those of PyTorch's logits for one search, and in which metric most."""

    face: str
    gsu: str
    metrics: int
    worst: float
    where: str

    @property
    def holds(self) -> bool:
        return self.metrics > 0 and self.worst <= METRIC_TOLERANCE


def compare(
    lists: Lists, files: list[Path], searches: list[str], documents: list[Path]
) -> tuple[list[Agreement], list[MetricAgreement]]:
    """PyTorch against onnxruntime, each file of scores and each document of metrics, per search.

    Files of scores hold one row per test candidate and search; documents are what `lookback evaluate --metrics` writes.
    """
    found, measured = [], []
    evaluations = [(path.name, read_metrics(path, lists)) for path in documents]
    frames = [(path.name, read_scores(path)) for path in files]
    held = [(name, set(frame["gsu"])) for name, frame in frames] + [(name, set(of)) for name, of in evaluations]
    for name, of in held:
        if not of & set(searches):
            raise ScoresError(f"{name} holds nothing of {' or '.join(searches)} search; evaluate with that `--gsu`")
    for gsu in searches:
        mode = Gsu.named(gsu)
        reference = by_pytorch(lists, mode)
        drawn = draws(lists) if mode == Gsu.CONSISTENT else np.zeros(len(reference), dtype=bool)
        found.append(agreement("onnxruntime", gsu, lists.requests, reference, by_onnxruntime(lists, mode), drawn))
        for name, frame in frames:
            part = frame.filter(pl.col("gsu") == gsu)
            if len(part):
                found.append(agreement(name, gsu, lists.requests, reference, align(name, part, lists.requests), drawn))
        ours = report.metrics(lists.requests, reference, lists.model.manifest["calibration"])
        for name, by_search in evaluations:
            if gsu in by_search:
                measured.append(metric_agreement(name, gsu, ours, by_search[gsu]))
    return found, measured


def read_metrics(path: Path, lists: Lists) -> dict[str, report.Metrics]:
    """Metrics by search of a document of `lookback evaluate --metrics`; raises on one of other lists."""
    try:
        document = json.loads(path.read_text())
        of = (document["lists"], document["candidates"])
        named = {one["name"]: one for one in document["results"]}
        of_gsu = {gsu: named[name] for gsu in GSU_NAMES if (name := f"lookback, {gsu} search") in named}
        found = {gsu: {task: _numbers(one[task]) for task in TASKS} for gsu, one in of_gsu.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoresError(
            f"{path} is no document of `lookback evaluate --metrics`: {error!r}; write it again"
        ) from error
    if of != (len(lists.requests), len(lists.requests.item)):
        raise ScoresError(
            f"{path} is of {of[0]} lists with {of[1]} candidates, here are {len(lists.requests)} with "
            f"{len(lists.requests.item)}; evaluate the same data with the same --limit"
        )
    return found


def _numbers(values: dict[str, float | None]) -> dict[str, float]:
    """JSON has no NaN: null is one."""
    return {name: float("nan") if value is None else float(value) for name, value in values.items()}


def metric_agreement(face: str, gsu: str, ours: report.Metrics, theirs: report.Metrics) -> MetricAgreement:
    """Largest |Δ| over tasks and metrics; a metric that only one of them has is infinitely far off."""
    gaps = {}
    for task in TASKS:
        for name in sorted(ours[task].keys() | theirs[task].keys()):
            values = [one[task].get(name, float("nan")) for one in (ours, theirs)]
            absent = np.isnan(values)
            if not absent.all():
                gaps[f"{task} {name}"] = float("inf") if absent.any() else abs(values[0] - values[1])
    where = max(gaps, key=lambda name: gaps[name], default="")
    return MetricAgreement(face, gsu, len(gaps), gaps.get(where, float("inf")), where)


def read_scores(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise ScoresError(f"no scores at {path}; write them with `lookback evaluate`")
    frame = pl.read_parquet(path)
    wrong = {name: str(kind) for name, kind in COLUMNS.items() if frame.schema.get(name) != kind}
    if wrong:
        raise ScoresError(f"{path}: expected columns {wrong}, found {dict(frame.schema)}; write the scores again")
    unknown = set(frame["gsu"].unique()) - set(GSU_NAMES)
    if unknown or not len(frame):
        raise ScoresError(f"{path}: `gsu` must be one of {sorted(GSU_NAMES)}, found {sorted(unknown) or 'no rows'}")
    return frame


def align(name: str, scores: pl.DataFrame, requests: Requests) -> np.ndarray:
    """Logits [C,2] in the order of `requests`, NaN where the file has no row; raises on rows it cannot place.

    A candidate that is twice in a list takes its rows in order.
    """
    candidates = pl.DataFrame({"list": requests.list[requests.request].astype(np.uint32), "item": requests.item_id})
    key = ["list", "item", "copy"]
    numbered = [
        frame.with_columns(copy=pl.int_range(pl.len()).over("list", "item"))
        for frame in (candidates, scores.filter(pl.col("list").is_in(requests.list.tolist())))
    ]
    strays = numbered[1].join(numbered[0], on=key, how="anti")
    if len(strays):
        row = strays.row(0, named=True)
        raise ScoresError(
            f"{name}: item {row['item']} is not in test list {row['list']} (or too often); "
            "score the same data directory as the one given with --data"
        )
    joined = numbered[0].join(numbered[1], on=key, how="left", maintain_order="left")
    return joined.select("logit_click", "logit_save").to_numpy().astype(np.float32)


def agreement(
    face: str, gsu: str, requests: Requests, reference: np.ndarray, other: np.ndarray, drawn: np.ndarray
) -> Agreement:
    """Largest |Δ| and the lists in which two candidates more than the tolerance apart change order.

    Candidates whose search is a draw (`drawn` [C]) and whose logits differ are counted and left out; of the others of a
    draw, both found the same events, or events that say the same.
    """
    scored = ~np.isnan(other[:, 0])
    fell_otherwise = scored & drawn & (np.abs(reference - other) > TOLERANCE).any(axis=1)
    present = scored & ~fell_otherwise
    gap = np.abs(reference - other)[present]
    misordered = 0
    for a, b in pairwise(requests.first):
        here = present[a:b]
        ours, theirs = reference[a:b, 0][here], other[a:b, 0][here]
        ordered = ours[np.argsort(-theirs, kind="stable")]
        # In their order our logits must fall, but for ties: a later one may not top an earlier one.
        if len(ordered) and (np.maximum.accumulate(ordered[::-1])[::-1] - ordered).max() > TOLERANCE:
            misordered += 1
    worst = float(gap.max()) if gap.size and np.isfinite(gap).all() else float("inf")
    return Agreement(face, gsu, int(present.sum()), int(fell_otherwise.sum()), worst, misordered)

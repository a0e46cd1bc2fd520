"""Parity: do PyTorch, onnxruntime and other programs give the same logits and orders on the test lists?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from ..data.requests import Requests
from ..schema import GSU_NAMES, Gsu
from .scorers import Lists, by_onnxruntime, by_pytorch
from .search_ties import draws

TOLERANCE = 1e-4
MIN_EXAMPLES = 1000
MOST_DRAWS = 0.01
"""Share of candidates for which the search may be a draw."""
COLUMNS = {
    "list": pl.UInt32,
    "item": pl.UInt64,
    "logit_click": pl.Float32,
    "logit_save": pl.Float32,
    "gsu": pl.Utf8,
}


class ScoresError(ValueError):
    """A file of scores that cannot be compared."""


@dataclass(frozen=True)
class Agreement:
    """How far one face's logits are from PyTorch's for one search; `draws` candidates are left out of it."""

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


def compare(lists: Lists, files: list[Path], searches: list[str]) -> list[Agreement]:
    """PyTorch against onnxruntime and each file, per search. Files hold one row per test candidate and search."""
    found = []
    frames = [(path.name, read_scores(path)) for path in files]
    for name, frame in frames:
        if not set(frame["gsu"].unique()) & set(searches):
            raise ScoresError(f"{name} holds no scores of {' or '.join(searches)} search; score with that `--gsu`")
    for gsu in searches:
        mode = Gsu.named(gsu)
        reference = by_pytorch(lists, mode)
        drawn = draws(lists) if mode == Gsu.CONSISTENT else np.zeros(len(reference), dtype=bool)
        found.append(agreement("onnxruntime", gsu, lists.requests, reference, by_onnxruntime(lists, mode), drawn))
        for name, frame in frames:
            part = frame.filter(pl.col("gsu") == gsu)
            if len(part):
                found.append(agreement(name, gsu, lists.requests, reference, align(name, part, lists.requests), drawn))
    return found


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

    Candidates whose search is a draw (`drawn` [C]) are counted and left out.
    """
    scored = ~np.isnan(other[:, 0])
    present = scored & ~drawn
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
    return Agreement(face, gsu, int(present.sum()), int((scored & drawn).sum()), worst, misordered)

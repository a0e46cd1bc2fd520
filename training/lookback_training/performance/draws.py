"""Which events exact search finds for a fixture, and for which candidates that is a draw.

A draw is a candidate for which two runtimes may rightly find different events. Hard search compares whole numbers and has
none. Soft search has two definitions here: Lookback compares codes of the embeddings, a peer's graph the embeddings; where
they find different events that is no error of either. And where the last event found and one that is left out differ by no
more than the rounding of floats, the order of summation decides. All of it is computed in double precision, in which only
twins are equal.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..export import rebuild
from ..model.attention import Rows
from ..model.operators import codes, largest
from ..model.ranker import Ranker
from ..schema import Gsu, K
from . import fixture

CLOSE = 1e-5
"""Differences of consistent scores, relative to the candidate's largest, that rounding may turn round."""
ROUNDING = 2.0**-24
"""Relative error of one operation on floats (IEEE 754, binary32); a sum of d products errs by d of them at most, relative
to the sum of sizes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1)."""
CHUNK_SCORES = 2**25


def exact(given: dict[str, Tensor], ranker: Ranker, gsu: Gsu) -> np.ndarray:
    """The events [C,K] that `operators.search` finds, as its rows, -1 = none."""
    parts = []
    for score in scores(given, ranker, gsu, coded=True):
        best, index = largest(score, K)
        parts.append(torch.where(best == -torch.inf, -1, index).to(torch.int32).numpy())
    return np.concatenate(parts)


def draws(given: dict[str, Tensor], ranker: Ranker, gsu: Gsu, found: np.ndarray) -> np.ndarray:
    """Whether the search of each candidate [C], which `exact` says to have found [C,K], is a draw."""
    count, events = len(given["candidate_embedding"]), len(given["event_embedding"])
    if gsu == Gsu.HARD or events <= K:
        return np.zeros(count, dtype=bool)
    given = {name: value.double() if value.is_floating_point() else value for name, value in given.items()}
    ranker = copy.deepcopy(ranker).double()
    query, key = given["candidate_embedding"], given["event_embedding"]
    # Of soft scores; consistent ones come out of more than one sum.
    rounding = ROUNDING * query.shape[1] * query.norm(dim=1, keepdim=True) * key.norm(dim=1).max()
    parts, searched, at = [], [], 0
    for score in scores(given, ranker, gsu, coded=False):
        best, index = largest(score, K)
        searched.append(index)
        gap = (score - best[:, -1:]).abs()
        soft = gsu == Gsu.SOFT
        close = rounding[at : at + len(score)] if soft else CLOSE * score.abs().amax(dim=1, keepdim=True)
        parts.append(((gap > 0) & (gap <= close)).any(dim=1).numpy())
        at += len(score)
    drawn = np.concatenate(parts)
    if gsu == Gsu.SOFT:
        drawn |= (np.sort(found) != np.sort(torch.cat(searched).numpy())).any(axis=1)
    return drawn


def scores(given: dict[str, Tensor], ranker: Ranker, gsu: Gsu, coded: bool) -> Iterator[Tensor]:
    """Scores [·,N] of all events for some candidates after the other; soft ones of codes, or of the embeddings."""
    query, key, prior = given["candidate_embedding"], given["event_embedding"], torch.zeros(())
    category, of_event = given["candidate_category"][:, None], given["event_category"]
    if gsu == Gsu.SOFT and coded:
        query, key = codes(query, key)
    if gsu == Gsu.CONSISTENT:
        with torch.no_grad():
            candidate = ranker.event.candidate(query, given["candidate_category"])
            action, time = given["event_action"], given["event_time"]
            x = ranker.event(key, of_event, action, time)
            query, key, bias = ranker.esu.projected(candidate, Rows(x, time[:, 0], action))
        query, prior = query / (query.shape[1] // ranker.esu.heads) ** 0.5, bias.sum(dim=1)
    newest = -torch.arange(len(of_event), dtype=torch.float32)
    rows = max(1, CHUNK_SCORES // len(of_event))
    for at in range(0, len(query), rows):
        if gsu == Gsu.HARD:
            asked = category[at : at + rows]
            yield torch.where((asked == of_event) & (asked > 0), newest, -torch.inf)
        else:
            yield query[at : at + rows] @ key.T + prior


def write(paths: list[Path], model: Path) -> None:
    """Write beside each fixture STEM-draws-SEARCH.u8 (a byte for each candidate, 1 for a draw) and
    STEM-exact-SEARCH.i32 (its events)."""
    ranker = rebuild.ranker(model)
    for path in paths:
        given = tensors(path)
        for gsu in Gsu:
            found = exact(given, ranker, gsu)
            drawn = draws(given, ranker, gsu, found)
            (path.parent / f"{path.stem}-draws-{gsu.label}.u8").write_bytes(drawn.astype(np.uint8).tobytes())
            (path.parent / f"{path.stem}-exact-{gsu.label}.i32").write_bytes(found.astype("<i4").tobytes())


def tensors(path: Path) -> dict[str, Tensor]:
    """A fixture's tensors, for PyTorch."""
    return {name: torch.from_numpy(array.copy()) for name, array in fixture.read(path).tensors.items()}

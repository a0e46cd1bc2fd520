"""Candidates for which a search is a draw: two runtimes may then attend to different events, and neither is wrong.

Hard search compares whole numbers. Consistent search compares sums of floats, and soft search in a peer's graph the
embeddings themselves where Lookback compares codes of them: where the last event found and one that is left out differ
by no more than that rounding, which of the two is found is not a matter of right and wrong.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..export import rebuild
from ..model.attention import Rows
from ..schema import Gsu, K
from . import fixture

CLOSE = {Gsu.SOFT: 2e-4, Gsu.CONSISTENT: 1e-5}
"""Score differences, relative to the candidate's largest score, that rounding may turn round."""
CHUNK_SCORES = 2**25


def draws(path: Path, model: Path, gsu: Gsu) -> np.ndarray:
    """Whether the search of each candidate [C] of the fixture is a draw."""
    given = {name: torch.from_numpy(array.copy()) for name, array in fixture.read(path).tensors.items()}
    count, events = len(given["candidate_embedding"]), len(given["event_embedding"])
    if gsu == Gsu.HARD or events <= K:
        return np.zeros(count, dtype=bool)
    query, key, prior = given["candidate_embedding"], given["event_embedding"], torch.zeros(())
    if gsu == Gsu.CONSISTENT:
        ranker = rebuild.ranker(model)
        with torch.no_grad():
            candidate = ranker.event.candidate(query, given["candidate_category"])
            action, time = given["event_action"], given["event_time"]
            x = ranker.event(key, given["event_category"], action, time)
            query, key, bias = ranker.esu.projected(candidate, Rows(x, time[:, 0], action))
        query, prior = query / (query.shape[1] // ranker.esu.heads) ** 0.5, bias.sum(dim=1)
    parts = []
    rows = max(1, CHUNK_SCORES // events)
    for at in range(0, count, rows):
        score = query[at : at + rows] @ key.T + prior
        last = score.topk(K, dim=1).values[:, -1:]
        gap = (score - last).abs()
        close = CLOSE[gsu] * score.abs().amax(dim=1, keepdim=True)
        parts.append(((gap > 0) & (gap <= close)).any(dim=1).numpy())
    return np.concatenate(parts)


def write(paths: list[Path], model: Path) -> None:
    """Write draws-SEARCH.u8 beside each fixture: a byte for each candidate, 1 for a draw."""
    for path in paths:
        for gsu in Gsu:
            drawn = draws(path, model, gsu)
            (path.parent / f"{path.stem}-draws-{gsu.label}.u8").write_bytes(drawn.astype(np.uint8).tobytes())

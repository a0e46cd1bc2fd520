"""Candidates for which consistent search is a draw: two runtimes may then attend to different events.

Hard and soft search compare whole numbers, so every runtime finds the same events. Consistent search compares attention
logits, sums of floats: where the last event found and the first one left out are equal but for rounding, which of the
two is found depends on the order of summation.
"""

from __future__ import annotations

import numpy as np
import torch

from ..model.attention import Rows
from ..schema import K
from . import serving_inputs
from .scorers import Lists

DRAW = 1e-5
"""Score difference, relative to the largest score of the candidate, below which two events are equal."""


def draws(lists: Lists) -> np.ndarray:
    """Whether events K and K+1 of consistent search draw, for each candidate [C] of the lists."""
    ranker, parts = lists.model.ranker, []
    with torch.no_grad():
        for g in range(len(lists.requests)):
            inputs = serving_inputs.tensors(lists.log, lists.requests, lists.model.shard, g)
            candidate = ranker.event.candidate(inputs["candidate_embedding"], inputs["candidate_category"])
            time, action = inputs["event_time"], inputs["event_action"]
            x = ranker.event(inputs["event_embedding"], inputs["event_category"], action, time)
            query, key, bias = ranker.esu.projected(candidate, Rows(x, time[:, 0], action))
            score = query @ key.T / (query.shape[1] // ranker.esu.heads) ** 0.5 + bias.sum(dim=1)
            score = score[:, inputs["event_valid"] > 0]
            if score.shape[1] <= K:
                parts.append(np.zeros(len(score), dtype=bool))
                continue
            best = score.topk(K + 1, dim=1).values
            gap = best[:, K - 1] - best[:, K]
            # Twins, such as both clicks of a double click, are equal to the bit, and so is what either gives.
            parts.append(((gap > 0) & (gap <= DRAW * score.abs().amax(dim=1))).numpy())
    return np.concatenate(parts)

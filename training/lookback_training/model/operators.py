"""The operators of the domain `ai.lookback`: Search and Attend, and LongAttention, which is both with the encoding of events.

Called on real tensors they compute; called while the graph is being exported they
become one node each (their ONNX function bodies are in `export/functions.py`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..schema import Gsu

MASKED = -1e30
"""Logit of a missing slot before the softmax; finite, so no NaN can arise."""
LEAST = 1e-30
"""Stands in for the largest value where all are zero."""


def search(
    candidate: Tensor,
    event: Tensor,
    candidate_category: Tensor,
    event_category: Tensor,
    event_valid: Tensor,
    mode: Tensor,
    query: Tensor,
    key: Tensor,
    bias: Tensor,
    k: int,
    heads: int,
) -> Tensor:
    """Pick K events per candidate (general search unit; SIM, CIKM 2020, section 3.2).

    Hard (mode 0): events of the candidate's category (> 0), newest (lowest row) first. Soft (mode 1): largest inner
    product `candidate · event`, of codes (see `codes`). Consistent (mode 2): largest sum over heads of the logits that
    `attend` would give the event, q·k / sqrt(D/heads) + bias (TWIN, KDD 2023, section 4.2). Invalid rows never; ties:
    lower row first.

    Shapes: candidate [C,d], event [N,d] newest first with N >= k, candidate_category [C], event_category [N],
    event_valid [N] (1 or 0), mode [], query [C,D], key [N,D], bias [N,heads]. Only consistent search reads the last
    three. Returns index [C,k] i64, best first, -1 = none.
    """
    allowed = event_valid[None, :] > 0
    if int(mode) == Gsu.SOFT:
        candidate, event = codes(candidate, event)
        score = candidate @ event.T
    elif int(mode) == Gsu.CONSISTENT:
        score = query @ key.T / math.sqrt(query.shape[1] // heads) + bias.sum(dim=1)
    else:
        score = -torch.arange(event.shape[0], dtype=candidate.dtype).expand(candidate.shape[0], -1)
        same = candidate_category[:, None] == event_category[None, :]
        allowed = allowed & same & (candidate_category[:, None] > 0)
    score = torch.where(allowed, score, -torch.inf)
    best, index = largest(score, k)
    return torch.where(best == -torch.inf, -1, index)


def largest(score: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row of score [C,N] and their columns, both [C,k], falling; ties: lower column first."""
    value, index = torch.topk(score, k, dim=1, sorted=False)
    index, order = torch.sort(index, dim=1)
    value, place = torch.sort(value.gather(1, order), dim=1, descending=True, stable=True)
    index = index.gather(1, place)
    # Of a tie for the last place top-k keeps any; sorting a whole row tells which come first, and is far slower.
    last = value[:, -1:]
    tied = (((score >= last).sum(dim=1) > k) & (last[:, 0] > -torch.inf)).nonzero()[:, 0]
    if len(tied):
        value[tied], index[tied] = (t[:, :k] for t in torch.sort(score[tied], dim=1, descending=True, stable=True))
    return value, index


def codes(candidate: Tensor, event: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings [C,d] and [N,d] as whole numbers (f64), so large that an inner product just fits 32 bits.

    Sums of floats depend on their order, and a tie that rounding breaks picks another event; sums of whole numbers
    are the same in every runtime.
    """
    limit = min(math.floor(math.sqrt((2**31 - 1) / candidate.shape[1])), 2**15 - 1)
    largest = max(float(table.abs().max()) if table.numel() else 0.0 for table in (candidate, event))
    scale = torch.tensor(limit, dtype=torch.float32) / max(largest, LEAST)
    return (candidate * scale).round().double(), (event * scale).round().double()


class Attended(NamedTuple):
    """What attention answers: output [C,D], weight [C,heads,K], intensity [C,heads]."""

    output: Tensor
    weight: Tensor
    intensity: Tensor


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, index: Tensor, heads: int) -> Attended:
    """Multi-head attention of each query over the rows its index names (exact search unit).

    Head h uses columns h*D/heads to (h+1)*D/heads; logit = q·k / sqrt(D/heads) + bias[row, h].
    Slots with index -1 have weight 0; a query with none gets zeros. Weights sum to 1 however much was found; what
    that hides, and DIN keeps by leaving the softmax out (KDD 2018, section 4.3), is told by the intensity
    log(1 + sum over slots of exp(logit)).

    Shapes: query [C,D], key and value [R,D], bias [R,heads], index [C,K] i64 (-1 = none).
    """
    count, width = query.shape
    slots = index.shape[1]
    if torch.compiler.is_exporting():
        return Attended(
            *torch.onnx.ops.symbolic_multi_out(
                "ai.lookback::Attend",
                (query, key, value, bias, index),
                {"heads": heads},
                dtypes=(torch.float32, torch.float32, torch.float32),
                shapes=((count, width), (count, heads, slots), (count, heads)),
                version=4,
            )
        )
    present = (index >= 0)[:, None, :]
    row = index.clamp(min=0).reshape(-1)
    # index_select: its backward is index_add, far faster on CPU than that of key[row].
    keys = key.index_select(0, row).view(count, slots, heads, width // heads)
    values = value.index_select(0, row).view(count, slots, heads, width // heads)
    logit = torch.einsum("chd,ckhd->chk", query.view(count, heads, -1), keys)
    logit = logit / math.sqrt(width // heads)
    logit = logit + bias.index_select(0, row).view(count, slots, heads).transpose(1, 2)
    logit = torch.where(present, logit, MASKED)
    largest = logit.amax(dim=2, keepdim=True)
    power = torch.exp(logit - largest) * present
    # With any slot present the sum is at least exp(0) = 1, so the clamp acts on empty rows only.
    total = power.sum(dim=2, keepdim=True).clamp(min=1.0)
    weight = power / total
    output = torch.einsum("chk,ckhd->chd", weight, values)
    intensity = F.softplus(largest + total.log()).squeeze(2)
    return Attended(output.reshape(count, width), weight, intensity)


def long_attention(
    inputs: tuple[Tensor, ...], weights: tuple[Tensor, ...], k: int, heads: int, epsilon: float
) -> tuple[Attended, Tensor]:
    """The node LongAttention of a graph being exported: encode, search and attend in one, so that a runtime may do
    less than encode and project every event.

    `inputs` are candidate_embedding, candidate_category, event_embedding, event_category, event_action, event_time,
    event_valid, gsu_mode, as `Ranker.forward` takes them; `weights` in the order of the function body's parameters.
    Returns what `attend` does, and the index [C,k] of `search`.
    """
    count, width = inputs[0].shape[0], weights[QUERY].shape[0]
    output, weight, intensity, index = torch.onnx.ops.symbolic_multi_out(
        "ai.lookback::LongAttention",
        (*inputs, *weights),
        {"k": k, "heads": heads, "epsilon": epsilon},
        dtypes=(torch.float32, torch.float32, torch.float32, torch.int64),
        shapes=((count, width), (count, heads, k), (count, heads), (count, k)),
        version=4,
    )
    return Attended(output, weight, intensity), index


QUERY = 8
"""Which of the weights of LongAttention is the query's."""

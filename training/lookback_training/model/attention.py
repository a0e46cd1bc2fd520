"""Target attention: the candidate asks, events answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..schema import ACTIONS, AGE_BUCKETS
from .operators import Attended, attend

SHARPNESS = 1.5
"""Gain of the projections of queries and keys at the start."""
PASSED_OVER = 3.0
"""Logits that skips which hide nothing lose in the last head over skips at the start."""
FORGETTING = 0.4
"""Logits per age bucket that the last head loses at the start."""


@dataclass
class Rows:
    """Event rows in one table: vectors [R,width], age buckets [R], actions [R]."""

    x: Tensor
    age: Tensor
    action: Tensor


class Projected(NamedTuple):
    """What attention logits are made of: query [C,width], key [R,width], bias [R,heads]."""

    query: Tensor
    key: Tensor
    bias: Tensor


class TargetAttention(nn.Module):
    """Multi-head target attention with learned biases per head: of the event's age bucket and of its action.

    Used as exact search unit over the K events found (SIM, CIKM 2020, section 3.3; TWIN, KDD 2023, section 4.2),
    over the recent events (DIN, KDD 2018) and over the skips. Heads share `width` columns. Without `aged` or `acted`
    that bias is not there.
    """

    def __init__(
        self,
        candidate_width: int,
        event_width: int,
        width: int,
        heads: int,
        output_width: int,
        aged: bool = True,
        acted: bool = True,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(candidate_width, width)
        self.key = nn.Linear(event_width, width)
        self.value = nn.Linear(event_width, width)
        self.age_bias = nn.Parameter(slopes(heads)) if aged else None
        self.action_bias = nn.Parameter(torch.zeros(len(ACTIONS), heads)) if acted else None
        self.output = nn.Linear(width, output_width)
        # Candidates and events come from one encoder: with equal projections attention begins as likeness.
        nn.init.orthogonal_(self.query.weight, SHARPNESS)
        with torch.no_grad():
            self.key.weight.copy_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        nn.init.zeros_(self.key.bias)

    def forward(self, candidate: Tensor, event: Rows, index: Tensor) -> Attended:
        """candidate [C,·], event rows [R,·], index [C,K] -> what is attended to, output [C,output_width]."""
        return self.attend(self.projected(candidate, event), event, index)

    def projected(self, candidate: Tensor, event: Rows) -> Projected:
        """candidate [C,·], event rows [R,·]; consistent search ranks events by what this gives."""
        tables = ((self.age_bias, event.age), (self.action_bias, event.action))
        biases = [table.index_select(0, at) for table, at in tables if table is not None]
        bias = reduce(torch.add, biases) if biases else event.x.new_zeros(len(event.x), self.heads)
        return Projected(self.query(candidate), self.key(event.x), bias)

    def attend(self, projected: Projected, event: Rows, index: Tensor) -> Attended:
        """As `forward`, on what `projected` gave."""
        query, key, bias = projected
        return self.answer(attend(query, key, self.value(event.x), bias, index, self.heads))

    def weights(self) -> tuple[Tensor, ...]:
        """As `operators.long_attention` takes them; only an attention with both biases is exported."""
        linear = (self.query, self.key, self.value)
        return (*(part for one in linear for part in (one.weight, one.bias)), self.age_bias, self.action_bias)

    def answer(self, attended: Attended) -> Attended:
        """What the operator gave, its heads [C,width] mixed to [C,output_width]."""
        return attended._replace(output=self.output(attended.output))


class Skips(TargetAttention):
    """Target attention over skips; one head begins on those that say most, the hidden ones."""

    def __init__(self, *sizes: int, aged: bool = True, acted: bool = True) -> None:
        super().__init__(*sizes, aged=aged, acted=acted)
        # Most skips mean little: the head of the ranker begins with how much there is alone, not with what it is.
        nn.init.zeros_(self.output.weight)
        if self.action_bias is not None:
            with torch.no_grad():
                self.action_bias[ACTIONS.index("skip"), -1] = -PASSED_OVER


def slopes(heads: int) -> Tensor:
    """Age biases [AGE_BUCKETS,heads] at the start: the first head knows no age, each further one forgets faster.

    Linear in the log-spaced bucket, as ALiBi's are in distance (ICLR 2022, section 3).
    """
    head = torch.arange(heads) / max(1, heads - 1)
    return -FORGETTING * torch.arange(AGE_BUCKETS)[:, None] * head

"""Target attention: the candidate asks, events answer."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ..schema import AGE_BUCKETS
from .operators import attend


class Projected(NamedTuple):
    """What attention logits are made of: query [C,width], key [R,width], bias [R,heads]."""

    query: Tensor
    key: Tensor
    bias: Tensor


class TargetAttention(nn.Module):
    """Multi-head target attention with a learned bias per head and age bucket.

    Used as exact search unit over the K events found (SIM, KDD 2020, section 3.3; TWIN, KDD 2023, section 4.2),
    over the recent events (DIN, KDD 2018) and, narrower, over the skips. Without `aged` there is no bias.
    """

    def __init__(self, candidate_width: int, event_width: int, width: int, heads: int, aged: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(candidate_width, width)
        self.key = nn.Linear(event_width, width)
        self.value = nn.Linear(event_width, width)
        self.age = nn.Embedding(AGE_BUCKETS, heads) if aged else None
        self.output = nn.Linear(width, width)
        if self.age is not None:
            nn.init.zeros_(self.age.weight)

    def forward(self, candidate: Tensor, event: Tensor, age: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """candidate [C,·], event [R,·], age bucket [R], index [C,K] -> output [C,width], weight [C,heads,K]."""
        return self.attend(self.projected(candidate, event, age), event, index)

    def projected(self, candidate: Tensor, event: Tensor, age: Tensor) -> Projected:
        """candidate [C,·], event [R,·], age bucket [R]; consistent search ranks events by what this gives."""
        bias = event.new_zeros(len(event), self.heads) if self.age is None else self.age(age)
        return Projected(self.query(candidate), self.key(event), bias)

    def attend(self, projected: Projected, event: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, on what `projected` gave."""
        query, key, bias = projected
        output, weight = attend(query, key, self.value(event), bias, index, self.heads)
        return self.output(output), weight

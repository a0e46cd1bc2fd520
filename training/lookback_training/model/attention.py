"""Target attention: the candidate asks, events answer."""

from __future__ import annotations

from torch import Tensor, nn

from ..schema import AGE_BUCKETS
from .operators import attend


class TargetAttention(nn.Module):
    """Multi-head target attention with a learned bias per head and age bucket.

    Used as exact search unit over the K events found (SIM, KDD 2020, section 3.3; TWIN, KDD 2023, section 4.2),
    over the recent events (DIN, KDD 2018) and, narrower, over the skips.
    """

    def __init__(self, candidate_width: int, event_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(candidate_width, width)
        self.key = nn.Linear(event_width, width)
        self.value = nn.Linear(event_width, width)
        self.age = nn.Embedding(AGE_BUCKETS, heads)
        self.output = nn.Linear(width, width)
        nn.init.zeros_(self.age.weight)

    def forward(self, candidate: Tensor, event: Tensor, age: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """candidate [C,·], event [R,·], age bucket [R], index [C,K] -> output [C,width], weight [C,heads,K]."""
        output, weight = attend(
            self.query(candidate), self.key(event), self.value(event), self.age(age), index, self.heads
        )
        return self.output(output), weight

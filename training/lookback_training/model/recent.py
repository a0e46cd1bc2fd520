"""A one-layer Transformer over the newest events, then target attention on what it says."""

from __future__ import annotations

from torch import Tensor, nn

from .attention import TargetAttention
from .event import slot_index
from .norm import Norm
from .parts import WHOLE, Parts


class Recent(nn.Module):
    """Recent events read as a sequence (TransAct, KDD 2023, section 4.2), pooled by the candidate (DIN, KDD 2018)."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float, parts: Parts = WHOLE) -> None:
        super().__init__()
        self.attention = TargetAttention(width, width, width, heads, parts.time) if parts.transformer else None
        if parts.transformer:
            self.attention_norm = Norm(width)
            self.inner = nn.Linear(width, hidden)
            self.outer = nn.Linear(hidden, width)
            self.norm = Norm(width)
        self.target = TargetAttention(width, width, width, heads, parts.time)
        self.dropout = nn.Dropout(dropout)

    def encode(self, event: Tensor, age: Tensor, valid: Tensor) -> Tensor:
        """event [G*S,width] (newest first within each group), age [G*S], valid [G,S] -> [G*S,width]."""
        if self.attention is None:
            return event
        groups, slots = valid.shape
        index = slot_index(valid).unsqueeze(1).expand(groups, slots, slots).reshape(groups * slots, slots)
        mixed, _ = self.attention(event, event, age, index)
        x = self.attention_norm(event + self.dropout(mixed))
        return self.norm(x + self.dropout(self.outer(self.inner(x).relu())))

    def forward(self, candidate: Tensor, encoded: Tensor, age: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """candidate [C,width], encoded [R,width], age [R], index [C,S] -> output [C,width], weight [C,heads,S]."""
        return self.target(candidate, encoded, age, index)

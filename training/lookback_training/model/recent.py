"""A one-layer Transformer over the newest events, then target attention on what it says."""

from __future__ import annotations

from torch import Tensor, nn

from .attention import Rows, TargetAttention
from .event import slot_index
from .norm import Norm
from .operators import Attended
from .parts import WHOLE, Parts


class Recent(nn.Module):
    """Recent events read as a sequence (TransAct, KDD 2023, section 4.2), pooled by the candidate (DIN, KDD 2018)."""

    def __init__(
        self, width: int, attention_width: int, heads: int, hidden: int, dropout: float, parts: Parts = WHOLE
    ) -> None:
        super().__init__()
        sizes = (width, width, attention_width, heads, width)
        self.attention = TargetAttention(*sizes, parts.time, parts.action) if parts.transformer else None
        if parts.transformer:
            self.attention_norm = Norm(width)
            self.inner = nn.Linear(width, hidden)
            self.outer = nn.Linear(hidden, width)
            self.norm = Norm(width)
            # The layer begins as the identity, so that likeness reaches the target attention from the first step.
            for layer in (self.attention.output, self.outer):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)
        self.target = TargetAttention(*sizes, parts.time, parts.action)
        self.dropout = nn.Dropout(dropout)

    def encode(self, event: Rows, valid: Tensor) -> Rows:
        """event [G*S,width] (newest first within each group), valid [G,S] -> the same rows, each knowing the others."""
        if self.attention is None:
            return event
        groups, slots = valid.shape
        index = slot_index(valid).unsqueeze(1).expand(groups, slots, slots).reshape(groups * slots, slots)
        mixed = self.attention(event.x, event, index).output
        x = self.attention_norm(event.x + self.dropout(mixed))
        x = self.norm(x + self.dropout(self.outer(self.inner(x).relu())))
        return Rows(x, event.age, event.action)

    def forward(self, candidate: Tensor, encoded: Rows, index: Tensor) -> Attended:
        """candidate [C,width], encoded [R,width], index [C,S] -> what is attended to."""
        return self.target(candidate, encoded, index)

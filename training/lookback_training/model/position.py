"""The position tower: what a place on the page adds to the logits. Training only, never exported."""

from __future__ import annotations

from torch import Tensor, nn

from ..data.requests import POSITIONS


class PositionTower(nn.Module):
    """A logit offset per surface and position bucket (the shallow tower of Zhao et al., RecSys 2019)."""

    def __init__(self, surfaces: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.offset = nn.Embedding((surfaces + 1) * (POSITIONS + 1), 2)
        # Dropped now and then, or the ranker would lean on an input that serving does not have.
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.offset.weight)

    def forward(self, surface: Tensor, position: Tensor) -> Tensor:
        """surface [C], position bucket [C] -> logit offset [C,2] (click, save)."""
        return self.dropout(self.offset(surface * (POSITIONS + 1) + position))

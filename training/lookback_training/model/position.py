"""The position tower: what a place on the page adds to the logits. Training only, never exported."""

from __future__ import annotations

from torch import Tensor, nn

from ..data.requests import POSITIONS

FIRST = 1
"""Bucket of the first position."""


class PositionTower(nn.Module):
    """A logit offset per surface and position bucket (the shallow tower of Zhao et al., RecSys 2019).

    Relative to the first position of the surface: the ranker then predicts what would be if the item stood there, and
    what a surface adds wherever the item stands stays with the ranker.
    """

    def __init__(self, surfaces: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.offset = nn.Embedding((surfaces + 1) * (POSITIONS + 1), 2)
        # Dropped now and then, or the ranker would lean on an input that serving does not have.
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.offset.weight)

    def forward(self, surface: Tensor, position: Tensor) -> Tensor:
        """surface [C], position bucket [C] -> logit offset [C,2] (click, save)."""
        row = surface * (POSITIONS + 1)
        return self.dropout(self.offset(row + position) - self.offset(row + FIRST))

"""From an item, or an event on it, to a vector of the model's width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..schema import ACTIONS, AGE_BUCKETS, HOURS, WEEKDAYS
from .norm import Norm
from .parts import WHOLE, Parts


class EventEncoder(nn.Module):
    """Item, category, action and time-aware encoding of one event, and the item part alone for candidates.

    event = norm(W·e + category + action + age bucket + hour + weekday); candidate = norm(W·e + category).
    Events and candidates share W and the category table, so a candidate lands near events on its like.
    """

    def __init__(self, embedding_dim: int, categories: int, width: int, parts: Parts = WHOLE) -> None:
        super().__init__()
        self.item = nn.Linear(embedding_dim, width, bias=False)
        self.category = nn.Embedding(categories + 1, width)
        self.action = nn.Embedding(len(ACTIONS), width) if parts.action else None
        self.age = nn.Embedding(AGE_BUCKETS, width) if parts.time else None
        self.hour = nn.Embedding(HOURS, width) if parts.time else None
        self.weekday = nn.Embedding(WEEKDAYS, width) if parts.time else None
        self.norm = Norm(width)
        self.candidate_norm = Norm(width)
        # What the item is weighs more than when and how it was met, until training says otherwise.
        nn.init.orthogonal_(self.item.weight, 2.0)
        for table in (self.category, self.action, self.age, self.hour, self.weekday):
            if table is not None:
                nn.init.normal_(table.weight, std=0.05)

    def forward(self, embedding: Tensor, category: Tensor, action: Tensor, time: Tensor) -> Tensor:
        """embedding [R,d], category [R], action [R], time [R,3] (age bucket, hour, weekday) -> [R,width]."""
        x = self.item(embedding) + self.category(category)
        if self.action is not None:
            x = x + self.action(action)
        for i, table in enumerate((self.age, self.hour, self.weekday)):
            if table is not None:
                x = x + table(column(time, i))
        return self.norm(x)

    def candidate(self, embedding: Tensor, category: Tensor) -> Tensor:
        """embedding [C,d], category [C] -> [C,width]."""
        return self.candidate_norm(self.item(embedding) + self.category(category))

    def weights(self) -> tuple[Tensor, ...]:
        """As `operators.long_attention` takes them; only a whole encoder is exported."""
        tables = (self.category, self.action, self.age, self.hour, self.weekday)
        norms = (self.norm.weight, self.candidate_norm.weight)
        return (self.item.weight, *(table.weight for table in tables), *norms)


def column(table: Tensor, i: int) -> Tensor:
    """Column i of a table [R,·]; `select` exports as one Gather, where `table[:, i]` adds a Slice."""
    return table.select(1, i)


def slot_index(valid: Tensor) -> Tensor:
    """valid [G,S] (1 or 0) of G groups laid end to end -> row of each slot [G,S], -1 where missing."""
    groups, slots = valid.shape
    row = torch.arange(1, groups * slots + 1, device=valid.device).view(groups, slots)
    return valid.to(torch.int64) * row - 1

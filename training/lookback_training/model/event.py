"""From an item, or an event on it, to a vector of the model's width."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..schema import ACTIONS, AGE_BUCKETS, HOURS, WEEKDAYS
from .norm import Norm


class EventEncoder(nn.Module):
    """Item, category, action and time-aware encoding of one event, and the item part alone for candidates.

    event = norm(W·e + category + action + age bucket + hour + weekday); candidate = norm(W·e + category).
    Events and candidates share W and the category table, so a candidate lands near events on its like.
    """

    def __init__(self, embedding_dim: int, categories: int, width: int) -> None:
        super().__init__()
        self.item = nn.Linear(embedding_dim, width, bias=False)
        self.category = nn.Embedding(categories + 1, width)
        self.action = nn.Embedding(len(ACTIONS), width)
        self.age = nn.Embedding(AGE_BUCKETS, width)
        self.hour = nn.Embedding(HOURS, width)
        self.weekday = nn.Embedding(WEEKDAYS, width)
        self.norm = Norm(width)
        self.candidate_norm = Norm(width)
        for table in (self.category, self.action, self.age, self.hour, self.weekday):
            nn.init.normal_(table.weight, std=0.05)

    def forward(self, embedding: Tensor, category: Tensor, action: Tensor, time: Tensor) -> Tensor:
        """embedding [R,d], category [R], action [R], time [R,3] (age bucket, hour, weekday) -> [R,width]."""
        x = self.item(embedding) + self.category(category) + self.action(action)
        age, hour, weekday = column(time, 0), column(time, 1), column(time, 2)
        x = x + self.age(age) + self.hour(hour) + self.weekday(weekday)
        return self.norm(x)

    def candidate(self, embedding: Tensor, category: Tensor) -> Tensor:
        """embedding [C,d], category [C] -> [C,width]."""
        return self.candidate_norm(self.item(embedding) + self.category(category))


def column(table: Tensor, i: int) -> Tensor:
    """Column i of a table [R,·]; `select` exports as one Gather, where `table[:, i]` adds a Slice."""
    return table.select(1, i)


def slot_index(valid: Tensor) -> Tensor:
    """valid [G,S] (1 or 0) of G groups laid end to end -> row of each slot [G,S], -1 where missing."""
    groups, slots = valid.shape
    row = torch.arange(1, groups * slots + 1, device=valid.device).view(groups, slots)
    return valid.to(torch.int64) * row - 1

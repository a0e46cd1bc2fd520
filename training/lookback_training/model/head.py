"""DCN-v2 over everything, to the logits of click and save."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class SplitLinear(nn.Module):
    """W·[u; x] + b with the columns of u kept apart, so that u's share is computed once per request."""

    def __init__(self, user: int, item: int, output: int) -> None:
        super().__init__()
        self.user = nn.Linear(user, output)
        self.item = nn.Linear(item, output, bias=False)

    def forward(self, user: Tensor, item: Tensor, request: Tensor | None) -> Tensor:
        """user [G,·], item [C,·], request [C] (group of each row; None: one group) -> [C,output]."""
        return spread(self.user(user), request) + self.item(item)


def spread(user: Tensor, request: Tensor | None) -> Tensor:
    """Rows of `user` [G,·] for each candidate [C,·]; with one group the row broadcasts by itself."""
    return user if request is None else user.index_select(0, request)


class Head(nn.Module):
    """Full-rank cross layers beside an MLP (DCN-v2, WWW 2021, sections 3.1 and 3.2, parallel form).

    x0 = [user and context; candidate side]; x_{l+1} = x0 ⊙ (W_l x_l + b_l) + x_l; logits = V·[x_L; MLP(x0)].
    """

    def __init__(self, user: int, item: int, cross_layers: int, hidden: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        total = user + item
        self.cross_first = SplitLinear(user, item, total)
        self.cross = nn.ModuleList(nn.Linear(total, total) for _ in range(cross_layers - 1))
        self.deep_first = SplitLinear(user, item, hidden[0])
        self.deep = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(total + hidden[-1], 2)

    def forward(self, user: Tensor, item: Tensor, request: Tensor | None) -> Tensor:
        """user [G,·], item [C,·], request [C] or None -> logit [C,2] (click, save)."""
        wide = user.expand(item.shape[0], -1) if request is None else user.index_select(0, request)
        x0 = torch.cat([wide, item], dim=1)
        x = x0 * self.cross_first(user, item, request) + x0
        for layer in self.cross:
            x = x0 * layer(x) + x
        h = self.dropout(self.deep_first(user, item, request).relu())
        for layer in self.deep:
            h = self.dropout(layer(h).relu())
        return self.logit(torch.cat([self.dropout(x), h], dim=1))

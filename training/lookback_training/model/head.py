"""DCN-v2 over everything, to the logits of click and save."""

from __future__ import annotations

from functools import reduce
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


class Expert(nn.Module):
    """U·tanh(C·tanh(Vᵀ·x)) + b through a subspace of `rank` dimensions, times its gate sigmoid(g·x)."""

    def __init__(self, total: int, rank: int) -> None:
        super().__init__()
        self.gate = nn.Linear(total, 1)
        self.down = nn.Linear(total, rank, bias=False)
        self.inner = nn.Linear(rank, rank, bias=False)
        self.up = nn.Linear(rank, total)

    def forward(self, x: Tensor) -> Tensor:
        """x [C,total] -> [C,total]."""
        return self.up(self.inner(self.down(x).tanh()).tanh()) * self.gate(x).sigmoid()


class LowRankCross(nn.Module):
    """What a low-rank mixture cross layer multiplies x0 with: its experts' sum (DCN-v2, WWW 2021, section 3.3)."""

    def __init__(self, total: int, rank: int, experts: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(Expert(total, rank) for _ in range(experts))

    def forward(self, x: Tensor) -> Tensor:
        """x [C,total] -> [C,total]."""
        return reduce(torch.add, (expert(x) for expert in self.experts))


class Head(nn.Module):
    """Cross layers beside an MLP (DCN-v2, WWW 2021, sections 3.1 to 3.3, parallel form).

    x0 = [user and context; candidate side]; x_{l+1} = x0 ⊙ cross_l(x_l) + x_l; logits = V·[x_L; MLP(x0)]. Cross layers
    are full-rank, W_l x_l + b_l, or with `cross_rank` low-rank mixtures.
    """

    def __init__(
        self,
        user: int,
        item: int,
        cross_layers: int,
        cross_rank: int,
        cross_experts: int,
        hidden: tuple[int, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        total = user + item
        if cross_rank:
            self.cross_first = None
            layers = (LowRankCross(total, cross_rank, cross_experts) for _ in range(cross_layers))
        else:
            self.cross_first = SplitLinear(user, item, total)
            layers = (nn.Linear(total, total) for _ in range(cross_layers - 1))
        self.cross = nn.ModuleList(layers)
        self.deep_first = SplitLinear(user, item, hidden[0])
        self.deep = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(total + hidden[-1], 2)

    def forward(self, user: Tensor, item: Tensor, request: Tensor | None) -> Tensor:
        """user [G,·], item [C,·], request [C] or None -> logit [C,2] (click, save)."""
        wide = user.expand(item.shape[0], -1) if request is None else user.index_select(0, request)
        x0 = torch.cat([wide, item], dim=1)
        x = x0 if self.cross_first is None else x0 * self.cross_first(user, item, request) + x0
        for layer in self.cross:
            x = x0 * layer(x) + x
        h = self.dropout(self.deep_first(user, item, request).relu())
        for layer in self.deep:
            h = self.dropout(layer(h).relu())
        return self.logit(torch.cat([self.dropout(x), h], dim=1))

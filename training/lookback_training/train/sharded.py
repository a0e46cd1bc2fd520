"""The item table in blocks of rows, one for each process, with gradients and the optimiser's state of that block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from .distributed import LaunchError, Processes


@dataclass(frozen=True)
class Fetched:
    """Some rows of the table: items [n] in ascending order, their vectors [n,d] f32. Read as the table would be."""

    item: Tensor
    vector: Tensor

    def __getitem__(self, item: Tensor) -> Tensor:
        """Vectors [...,d] of items [...]; raises `KeyError` for one that was not fetched."""
        place = torch.searchsorted(self.item, item)
        known = place < len(self.item)
        if not known.all() or not torch.equal(self.item[place], item):
            raise KeyError(f"items among {item.tolist()} were not fetched")
        return self.vector[place]


class ShardedEmbedding(nn.Module):
    """As `ItemEmbedding`, but `weight` is this process's block of the table [items,d].

    Every method takes all processes: each must call it as often as the others.
    """

    def __init__(self, block: Tensor, first: list[int], learned: bool, processes: Processes) -> None:
        """`first` [size+1]: the row that each process's block begins with, and behind them the number of items."""
        super().__init__()
        self.weight = nn.Parameter(block, requires_grad=learned)
        self.first = first
        self.processes = processes

    def look_up(self, items: list[Tensor]) -> list[Tensor]:
        """Vectors [n,d] of each tensor of items [n], as f32 of their f16 rounding.

        Gradients go back to the blocks they came from, as the mean over processes, which is what they get of others.
        """
        wanted, place = torch.unique(torch.cat(items), return_inverse=True)
        asked, route = self._asked(wanted)
        rows = F.embedding(asked, self.weight)
        rows = rows + (rows.detach().half().float() - rows.detach())
        vectors = Exchange.apply(rows, route)
        return list(F.embedding(place, vectors).split([len(one) for one in items]))

    def fetch(self, items: np.ndarray) -> Fetched:
        """The shipped vectors of `items` [n], ascending and each once, on the CPU; they travel as f16."""
        wanted = torch.from_numpy(items)
        asked, route = self._asked(wanted.to(self.weight.device))
        return Fetched(wanted, exchanged(self.weight.detach()[asked].half(), route).cpu().float())

    def shipped(self) -> Tensor:
        """The whole table's f16 values as f32 on the CPU of the first process; the others get no rows."""
        block = self.weight.detach().half()
        if not self.processes.main:
            dist.send(block, 0)
            return torch.zeros(0, block.shape[1])
        table = torch.empty(self.first[-1], block.shape[1], dtype=block.dtype)
        table[: len(block)] = block.cpu()
        for rank in range(1, self.processes.size):
            part = block.new_empty(self.first[rank + 1] - self.first[rank], block.shape[1])
            dist.recv(part, rank)
            table[self.first[rank] : self.first[rank + 1]] = part.cpu()
        return table.float()

    def _asked(self, wanted: Tensor) -> tuple[Tensor, Route]:
        """Ask for items [n], ascending: rows of the own block that the processes ask for, and how answers travel."""
        ends = torch.searchsorted(wanted, torch.tensor(self.first, device=wanted.device))
        receives = ends.diff()
        sends = torch.empty_like(receives)
        dist.all_to_all_single(sends, receives)
        route = Route(sends.tolist(), receives.tolist())
        return exchanged(wanted, route.back()) - self.first[self.processes.rank], route


@dataclass(frozen=True)
class Route:
    """How many rows a process sends to each, and receives from each."""

    sends: list[int]
    receives: list[int]

    def back(self) -> Route:
        return Route(self.receives, self.sends)


def exchanged(rows: Tensor, route: Route) -> Tensor:
    """The rows [n,...] that other processes sent, in order of rank, for those sent to them."""
    received = rows.new_empty(sum(route.receives), *rows.shape[1:])
    dist.all_to_all_single(received, rows.contiguous(), route.receives, route.sends)
    return received


class Exchange(torch.autograd.Function):
    """`exchanged` with a gradient: the mean over processes, as joined processes leave it in the other weights."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, route: Route) -> Tensor:
        ctx.route = route
        return exchanged(rows, route)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return exchanged(gradient, ctx.route.back()) / len(ctx.route.sends), None


def divided(
    start: Callable[[], np.ndarray], items: int, width: int, learned: bool, processes: Processes
) -> ShardedEmbedding:
    """A table whose first numbers, `start` -> [items,width] f32, the first process alone makes, and hands on in blocks.

    Raises `LaunchError` when there are more processes than items.
    """
    if processes.size > items:
        raise LaunchError(
            f"{items} items cannot be divided among {processes.size} processes; start at most {items}, "
            "or leave --shard-items out"
        )
    first = [items * rank // processes.size for rank in range(processes.size + 1)]
    rows = first[processes.rank + 1] - first[processes.rank]
    block = torch.empty(rows, width, device=processes.device)
    if processes.main:
        whole = torch.from_numpy(start())
        for rank in range(1, processes.size):
            dist.send(whole[first[rank] : first[rank + 1]].to(processes.device), rank)
        block.copy_(whole[:rows])
    else:
        dist.recv(block, 0)
    return ShardedEmbedding(block, first, learned, processes)

"""The processes that train one model together, as torchrun starts them; a process on its own is one of one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..data.batch import Batch, Events
from ..errors import MendableError
from . import rendezvous

Part = TypeVar("Part")
Moved = TypeVar("Moved", Batch, Events)


class LaunchError(MendableError):
    """Processes started in a way that cannot train."""


@dataclass(frozen=True)
class Processes:
    """This process among `size`; rank 0 is the one that writes and prints. `restarts`: times torchrun began anew.

    The state that the processes share is what they compute alike from alike numbers; what they exchange is gradients,
    losses and scores.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")
    restarts: int = 0

    @property
    def main(self) -> bool:
        return self.rank == 0

    def share(self, all_of_them: list[Part]) -> list[Part]:
        """Every `size`-th, from the rank's own on."""
        return all_of_them[self.rank :: self.size]

    def gather(self, mine: list[Part]) -> list[Part]:
        """The whole list again, on every process, from what `share` gave each."""
        if self.size == 1:
            return mine
        parts: list[list[Part]] = [[] for _ in range(self.size)]
        dist.all_gather_object(parts, mine)
        return [parts[i % self.size][i // self.size] for i in range(sum(map(len, parts)))]

    def total(self, value: Tensor) -> float:
        """Sum over the processes of a number on this one's device."""
        if self.size > 1:
            dist.all_reduce(value)
        return float(value)

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.size > 1:
            dist.barrier()

    def joined(self, module: nn.Module, own: Sequence[str] = ()) -> nn.Module:
        """The module whose backward pass leaves the mean of the processes' gradients in the weights of `module`.

        Weights named in `own` are left alone: each process has others there.
        """
        if self.size == 1:
            return module
        if own:
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, own)
        on = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=on)

    def seed(self, *numbers: int) -> None:
        """Seed PyTorch's own randomness (dropout, unknowns) from `numbers`; every rank's is another."""
        torch.manual_seed(int(np.random.SeedSequence([*numbers, self.rank]).generate_state(1, np.uint64)[0] >> 1))


ALONE = Processes()


@contextmanager
def processes() -> Iterator[Processes]:
    """The processes torchrun started, joined until the end of the block; without torchrun this one alone.

    Each takes the GPU of its local rank and talks through nccl; without CUDA the CPU and gloo. Raises `LaunchError`
    when there are more processes than GPUs.
    """
    local = int(os.environ["LOCAL_RANK"]) if dist.is_torchelastic_launched() else 0
    device = torch.device("cpu")
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise LaunchError(
                f"process {local + 1} of this machine has no GPU of its own, there are {torch.cuda.device_count()}; "
                "start as many with --nproc-per-node, or hide the GPUs with CUDA_VISIBLE_DEVICES= to train on CPUs"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    if not dist.is_torchelastic_launched():
        yield Processes(device=device)
        return
    store, rank, size = next(dist.rendezvous("env://"))
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=rendezvous.fresh(store, rank, size), rank=rank, world_size=size)
    try:
        yield Processes(rank, size, device, int(os.environ["TORCHELASTIC_RESTART_COUNT"]))
    finally:
        dist.destroy_process_group()


def moved(batch: Moved, device: torch.device) -> Moved:
    """A batch, or event rows, with every tensor on `device`."""
    if device.type == "cpu":
        return batch
    values = {one.name: getattr(batch, one.name) for one in fields(batch)}
    return type(batch)(
        **{name: v.to(device) if isinstance(v, Tensor) else moved(v, device) for name, v in values.items()}
    )

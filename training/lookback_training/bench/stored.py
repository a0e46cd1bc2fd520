"""A trained model as something other than training left it: coarser numbers, or vectors of another embedding model."""

from __future__ import annotations

import copy
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch

from .. import adapter
from ..data.log import item_rows
from ..train.trainee import Trainee

SNAPSHOTS = "embeddings"


class Stored(StrEnum):
    """What weights and item embeddings are when the test lists are scored."""

    AS_TRAINED = "as trained"
    SINGLE = "f32"
    HALF = "f16"
    INT8 = "int8"
    REPLACED = "replaced"
    ADAPTED = "adapted"

    @property
    def sentence(self) -> str:
        return SENTENCES[self]


SENTENCES = {
    Stored.AS_TRAINED: "Weights f32, item embeddings f16: what is shipped.",
    Stored.SINGLE: "Weights and item embeddings f32.",
    Stored.HALF: "Weights and item embeddings f16.",
    Stored.INT8: "Weights f32, item embeddings int8 with a scale each.",
    Stored.REPLACED: "Item embeddings of the embedding model that came later.",
    Stored.ADAPTED: "Item embeddings of the embedding model that came later, mapped back by the adapter.",
}


class Exact(torch.nn.Module):
    """Item vectors [items,d] as they are, in place of those that training rounds."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(weight, requires_grad=False)

    def rounded(self) -> torch.Tensor:
        return self.weight

    def shipped(self) -> torch.Tensor:
        return self.weight


def stored(trainee: Trainee, how: Stored, data: Path, items: np.ndarray) -> Trainee:
    """A copy of the trainee whose numbers are `how`; `items` [n] u64 are the ids of its table's rows."""
    if how == Stored.AS_TRAINED:
        return trainee
    result = copy.deepcopy(trainee)
    weight = trainee.embedding.weight.detach()
    if how == Stored.SINGLE:
        result.embedding = Exact(weight.clone())
    elif how == Stored.HALF:
        result.ranker.half().float()
    elif how == Stored.INT8:
        result.embedding = Exact(as_int8(weight))
    else:
        result.embedding = Exact(torch.from_numpy(replaced(data, items, how == Stored.ADAPTED)))
    return result


def as_int8(weight: torch.Tensor) -> torch.Tensor:
    """Vectors [n,d] rounded to whole numbers from -127 to 127 of a scale per vector, and back."""
    scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
    return (weight / scale).round() * scale


def possible(how: Stored, data: Path) -> bool:
    """Whether the data directory holds what that takes."""
    return how not in (Stored.REPLACED, Stored.ADAPTED) or snapshots(data) is not None


def snapshots(data: Path) -> tuple[Path, Path] | None:
    """The last day of the first embedding version and the last day of all; None where the version never changes."""
    days = sorted((data / SNAPSHOTS).glob("day=*"))
    if not days:
        return None
    last = adapter.read(days[-1]).version
    before = [day for day in days if adapter.read(day).version != last]
    return (before[-1], days[-1]) if before else None


def replaced(data: Path, items: np.ndarray, adapted: bool) -> np.ndarray:
    """The later version's vectors of all items, zeros where it knows none, through the adapter if asked."""
    found = snapshots(data)
    if found is None:
        raise adapter.DataError(f"{data / SNAPSHOTS} holds one embedding version only; nothing was replaced")
    old, new = (adapter.read(day) for day in found)
    vectors = adapter.between(new, old)[0].apply(new.vectors) if adapted else new.vectors
    row = item_rows(items, new.items)
    return np.where((row >= 0)[:, None], vectors[row], 0.0).astype(np.float32)

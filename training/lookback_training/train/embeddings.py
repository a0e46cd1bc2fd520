"""Item embeddings: a person's own, frozen; or learned, from a factorised engagement matrix."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from ..data.log import Log
from ..data.tables import DataError
from ..data.time_features import DAY_MS
from ..schema import ACTIONS
from .config import Embedding

WEIGHT: dict[str, float] = {"other": 0.5, "click": 0.7, "save": 1.0, "closeup": 0.8}
"""What an engaged action counts in the matrix."""


class ItemEmbedding(nn.Module):
    """Item vectors [items,d], always used as their f16 rounding, so that training sees what is shipped."""

    def __init__(self, weight: Tensor, learned: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=learned)

    def rounded(self) -> Tensor:
        """The f16 values as f32; gradients pass straight through to the f32 weights."""
        return self.weight + (self.weight.detach().half().float() - self.weight.detach())

    def shipped(self) -> Tensor:
        """The f16 values as f32, without gradient."""
        return self.weight.detach().half().float()


def own(column: pl.Series) -> np.ndarray | None:
    """Embeddings of items.parquet -> [items,d] f32 (zeros where an item has none), or None if no item has one."""
    lengths = column.list.len().drop_nulls().unique().to_list()
    if not lengths:
        return None
    if len(lengths) > 1 or lengths[0] == 0:
        raise DataError(f"item embeddings must have one length, found {sorted(lengths)}; mend items and import again")
    values = np.zeros((len(column), lengths[0]), dtype=np.float32)
    has = column.is_not_null().to_numpy()
    values[has] = np.array(column.drop_nulls().to_list(), dtype=np.float32)
    if not np.isfinite(values).all() or np.abs(values).max() > 60_000:
        raise DataError("item embeddings must be finite and within ±60000 (f16 holds no more); mend and import again")
    return values


def factorise(log: Log, train_end: int, items: int, config: Embedding, seed: int) -> np.ndarray:
    """Truncated SVD of the user×item engagement matrix of the training period -> [items,d] f32.

    Entries are action weights, halved per half-life of age, divided by the square roots of the user's and the item's
    sums (so that neither long histories nor popular items dominate). Vectors are V·sqrt(S), shrunk for items with
    few events: an item nobody engaged with is zero.
    """
    inside = log.engaged_rows[log.time[log.engaged_rows] < train_end]
    item = log.item[inside]
    users, user = np.unique(log.user[inside], return_inverse=True)
    per_action = np.array([WEIGHT.get(name, 0.0) for name in ACTIONS])
    value = per_action[log.action[inside]]
    if config.half_life_days > 0:
        value = value * 0.5 ** ((train_end - log.time[inside]) / DAY_MS / config.half_life_days)
    by_user = np.bincount(user, weights=value, minlength=len(users))
    by_item = np.bincount(item, weights=value, minlength=items)
    value = value / np.sqrt(by_user[user] * by_item[item]).clip(min=1e-12)
    matrix = torch.sparse_coo_tensor(
        torch.from_numpy(np.stack([user, item])), torch.from_numpy(value), (len(users), items)
    ).coalesce()
    rank = min(config.dim, len(users), items)
    generator_state = torch.get_rng_state()
    torch.manual_seed(seed)
    _, s, v = torch.svd_lowrank(matrix, q=min(rank + 16, len(users), items), niter=6)
    torch.set_rng_state(generator_state)
    vectors = np.zeros((items, config.dim), dtype=np.float64)
    vectors[:, :rank] = (v[:, :rank] * s[:rank].sqrt()).numpy()
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9)
    count = np.bincount(item, minlength=items)[:, None]
    vectors = vectors * config.norm * count / (count + config.shrink)
    return vectors.astype(np.float32)

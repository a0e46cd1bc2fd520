"""The adapter: a map from one embedding version to the one before, so that a model outlives its embedding model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.linear_model import RidgeCV

from .data.tables import DataError
from .train import embeddings

ALPHAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
"""Strengths of the ridge penalty among which leave-one-out error chooses."""
FEWEST = 100
HELD_OUT = 0.1


@dataclass(frozen=True)
class Adapter:
    """old ≈ new·matrix + bias; matrix [d_new,d_old], bias [d_old]."""

    matrix: np.ndarray
    bias: np.ndarray

    def apply(self, new: np.ndarray) -> np.ndarray:
        """new [n,d_new] -> [n,d_old] f32, in the space of the older version."""
        return (new @ self.matrix + self.bias).astype(np.float32)


def fit(new: np.ndarray, old: np.ndarray) -> Adapter:
    """Ridge regression of old [n,d_old] on new [n,d_new] over the items that have both; least squares in the limit."""
    if len(new) < FEWEST:
        raise DataError(
            f"{len(new)} items have both embeddings; an adapter needs {FEWEST}: choose snapshots that overlap"
        )
    ridge = RidgeCV(alphas=ALPHAS).fit(new, old)
    return Adapter(ridge.coef_.T, ridge.intercept_)


@dataclass(frozen=True)
class Snapshot:
    """Embeddings of one version: items [n] u64 ascending, vectors [n,d] f32."""

    items: np.ndarray
    vectors: np.ndarray
    version: str


def read(path: Path) -> Snapshot:
    """A Parquet file or folder with `item`, `embedding` and `embedding_version`, one version in all of it."""
    frame = pl.read_parquet(path)
    missing = {"item", "embedding", "embedding_version"} - set(frame.columns)
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(sorted(missing))}; it is no snapshot of embeddings")
    versions = frame["embedding_version"].unique().to_list()
    if len(versions) != 1:
        raise DataError(f"{path} holds the embedding versions {versions}; choose the snapshot of one day")
    frame = frame.drop_nulls("embedding").unique("item").sort("item")
    vectors = embeddings.own(frame["embedding"])
    if vectors is None:
        raise DataError(f"{path} holds no embedding")
    return Snapshot(frame["item"].to_numpy(), vectors, versions[0])


def between(new: Snapshot, old: Snapshot) -> tuple[Adapter, float]:
    """The adapter fitted on the items of both, and the mean cosine it reaches on a tenth of them held out before."""
    _, in_new, in_old = np.intersect1d(new.items, old.items, assume_unique=True, return_indices=True)
    x, y = new.vectors[in_new], old.vectors[in_old]
    order = np.random.default_rng(0).permutation(len(x))
    held, kept = np.split(order, [int(len(order) * HELD_OUT)])
    mapped = fit(x[kept], y[kept]).apply(x[held])
    lengths = np.linalg.norm(mapped, axis=1) * np.linalg.norm(y[held], axis=1)
    cosine = (mapped * y[held]).sum(axis=1) / np.maximum(lengths, 1e-12)
    return fit(x, y), float(cosine.mean())


def adapt(old: Path, new: Path, output: Path) -> str:
    """Write every item of `new` in the space of `old` to `output`, under the older version's name; says how well."""
    before, after = read(old), read(new)
    if before.version == after.version:
        raise DataError(f"both snapshots are of version {before.version}; there is nothing to adapt")
    adapter, cosine = between(after, before)
    frame = pl.DataFrame(
        {
            "item": after.items,
            "embedding": pl.Series(adapter.apply(after.vectors)).cast(pl.List(pl.Float32)),
            "embedding_version": [before.version] * len(after.items),
        }
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(output)
    both = len(np.intersect1d(before.items, after.items))
    return (
        f"{after.version} to {before.version}: fitted on {both:,} items, mean cosine {cosine:.4f} on items held out; "
        f"wrote {len(frame):,} items to {output}"
    )

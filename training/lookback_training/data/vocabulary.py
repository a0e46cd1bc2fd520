"""Names to indices: categories, surfaces and user attributes. Index i+1 is the i-th name, 0 = unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from .tables import Tables


@dataclass(frozen=True)
class Vocabulary:
    """The names a model knows, in index order."""

    categories: tuple[str, ...]
    surfaces: tuple[str, ...]
    user_fields: tuple[tuple[str, tuple[str, ...]], ...]


def build(tables: Tables, train_end: int, min_users: int, max_values: int) -> Vocabulary:
    """Categories of the catalogue, surfaces of the training period, and every user attribute that generalises.

    A value is kept if at least `min_users` users have it; an attribute with more than `max_values` kept
    values (or none) is left out: it names people more than it describes them.
    """
    train = tables.events.filter(pl.col("time").dt.epoch("ms") < train_end)
    fields = []
    for name in tables.users.columns:
        if name in ("user", "key"):
            continue
        counts = tables.users[name].cast(pl.Utf8).drop_nulls().value_counts().filter(pl.col("count") >= min_users)
        # An attribute with more distinct values than users to tell them apart is an identifier (a zip code).
        distinct = tables.users[name].n_unique()
        if 1 <= len(counts) <= max_values and distinct <= 2 * max_values:
            fields.append((name, tuple(sorted(counts[name]))))
    return Vocabulary(
        categories=tuple(sorted(tables.items["category"].drop_nulls().unique())),
        surfaces=tuple(sorted(train["surface"].drop_nulls().unique())),
        user_fields=tuple(fields),
    )


def indices(values: pl.Series, names: tuple[str, ...]) -> np.ndarray:
    """Index of each value, 0 where null or not known -> [n] i64."""
    place = {name: i + 1 for i, name in enumerate(names)}
    return np.array([place.get(value, 0) for value in values.cast(pl.Utf8)], dtype=np.int64)

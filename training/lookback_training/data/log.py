"""The event log as arrays, and what of it a request may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ..schema import ACTIONS, ENGAGED, SKIPPED, SKIPS
from .tables import Tables
from .vocabulary import Vocabulary, indices


@dataclass(frozen=True)
class Log:
    """One entry per row of events.parquet; `item` is the row of the item table, -1 if it does not know the item.

    `engaged_rows` and `skip_rows` list the rows of known items by kind; `engaged_before[r]` counts those above row r.
    """

    user: np.ndarray
    item: np.ndarray
    action: np.ndarray
    time: np.ndarray
    surface: np.ndarray
    position: np.ndarray
    engaged_rows: np.ndarray
    engaged_before: np.ndarray
    skip_rows: np.ndarray
    skips_before: np.ndarray

    def history(self, start: int, end: int) -> np.ndarray:
        """Rows of engaged events with a known item in [start, end), newest first."""
        return self.engaged_rows[self.engaged_before[start] : self.engaged_before[end]][::-1]

    def skips(self, start: int, end: int) -> np.ndarray:
        """Rows of the last 20 skips with a known item in [start, end), newest first."""
        rows = self.skip_rows[self.skips_before[start] : self.skips_before[end]]
        return rows[max(0, len(rows) - SKIPS) :][::-1]


def build(tables: Tables, vocabulary: Vocabulary, items: np.ndarray) -> Log:
    """Encode the events; `items` [n] u64 ascending is the item table's key."""
    events = tables.events
    codes = {name: code for code, name in enumerate(ACTIONS)}
    # An action this version does not name is `other`: something the user did with the item.
    action = np.array([codes.get(name, 0) for name in events["action"]], dtype=np.int64)
    item = item_rows(events["item"].to_numpy(), items)
    engaged = np.isin(action, [codes[name] for name in ENGAGED]) & (item >= 0)
    skipped = np.isin(action, [codes[name] for name in SKIPPED]) & (item >= 0)
    return Log(
        user=events["user"].to_numpy(),
        item=item,
        action=action,
        time=events["time"].dt.epoch("ms").to_numpy(),
        surface=indices(events["surface"], vocabulary.surfaces),
        position=events["position"].cast(pl.Int64).fill_null(-1).to_numpy(),
        engaged_rows=np.flatnonzero(engaged),
        engaged_before=np.concatenate([[0], np.cumsum(engaged)]),
        skip_rows=np.flatnonzero(skipped),
        skips_before=np.concatenate([[0], np.cumsum(skipped)]),
    )


def item_rows(wanted: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Row of each id in `items` (ascending), -1 where it is not there."""
    if not len(items):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.searchsorted(items, wanted).clip(max=len(items) - 1)
    return np.where(items[at] == wanted, at, -1).astype(np.int64)

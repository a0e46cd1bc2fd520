"""Candidate features of items, each as it stood at a moment, so that no example sees its own outcome.

Counting over the whole training period would tell a training example its own label: an item clicked once has
count 1 because of that click. Training therefore reads counts strictly before the example's time; the shard
stores the counts at the end of the training period, which is what a request after it may know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..schema import ACTIONS, CLICK_LABEL, ENGAGED
from .log import Log

PRIOR = 20.0
"""Pseudo-events that pull an item's rates towards the rates of the whole log."""
TIME_BITS = 44
YEAR_MS = 31_557_600_000


@dataclass(frozen=True)
class Counter:
    """Events of one kind in the training period as sorted (item, time) keys, to count those before a moment."""

    keys: np.ndarray
    times: np.ndarray

    def of_item(self, item: np.ndarray, before: np.ndarray) -> np.ndarray:
        low = np.searchsorted(self.keys, item.astype(np.int64) << TIME_BITS)
        high = np.searchsorted(self.keys, (item.astype(np.int64) << TIME_BITS) + before)
        return (high - low).astype(np.float64)

    def of_all(self, before: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.times, before).astype(np.float64)


class ItemFeatures:
    """log_popularity, save_rate, click_rate, and log_age where any item has a creation time; standardised."""

    def __init__(self, log: Log, train_end: int, items: int, created: np.ndarray) -> None:
        """`created` [items] Unix ms, NaN where unknown; `train_end` Unix ms (exclusive)."""
        self.items = items
        self.train_end = train_end
        inside = (log.time < train_end) & (log.item >= 0)
        self.origin = int(log.time[inside].min()) if inside.any() else 0
        self.any = self._counter(log, inside)
        self.engaged = self._counter(log, inside & _acted(log, ENGAGED))
        self.clicks = self._counter(log, inside & _acted(log, CLICK_LABEL))
        self.saves = self._counter(log, inside & _acted(log, ("save",)))
        self.age = self._log_age(created)
        self.names = ["log_popularity", "save_rate", "click_rate"] + (["log_age"] if self.age is not None else [])
        self.mean = np.zeros(len(self.names))
        self.scale = np.ones(len(self.names))

    def _counter(self, log: Log, rows: np.ndarray) -> Counter:
        time = log.time[rows] - self.origin
        return Counter(np.sort((log.item[rows] << TIME_BITS) + time), np.sort(time))

    def _log_age(self, created: np.ndarray) -> np.ndarray | None:
        if np.isnan(created).all():
            return None
        years = np.log1p(np.maximum(self.train_end - created, 0.0) / YEAR_MS)
        return np.where(np.isnan(years), np.nanmean(years), years)

    def raw(self, item: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Features of items [n] (rows) from events strictly before `before` [n] ms -> [n,F], not standardised."""
        at = np.clip(before, self.origin, self.train_end) - self.origin
        every = self.any.of_item(item, at)
        total = np.maximum(self.any.of_all(at), 1.0)
        save = (self.saves.of_item(item, at) + PRIOR * self.saves.of_all(at) / total) / (every + PRIOR)
        click = (self.clicks.of_item(item, at) + PRIOR * self.clicks.of_all(at) / total) / (every + PRIOR)
        # Share of all engagement, relative to an even share: comparable early and late in the log.
        share = (self.engaged.of_item(item, at) + 1.0) / (self.engaged.of_all(at) + self.items) * self.items
        columns = [np.log(share), save, click] + ([self.age[item]] if self.age is not None else [])
        return np.stack(columns, axis=1)

    def fit(self, item: np.ndarray, before: np.ndarray) -> None:
        """Set the standardisation from training examples."""
        raw = self.raw(item, before)
        self.mean, scale = raw.mean(axis=0), raw.std(axis=0)
        self.scale = np.where(scale > 1e-9, scale, 1.0)

    def at(self, item: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Standardised features, cut at ±6 -> [n,F] f32."""
        return np.clip((self.raw(item, before) - self.mean) / self.scale, -6.0, 6.0).astype(np.float32)

    def shipped(self) -> np.ndarray:
        """Features of every item at the end of the training period -> [items,F] f32."""
        item = np.arange(self.items)
        return self.at(item, np.full(self.items, self.train_end))


def _acted(log: Log, names: tuple[str, ...]) -> np.ndarray:
    return np.isin(log.action, [ACTIONS.index(name) for name in names])

"""Requests to tensors: search, then one flat table of the event rows that were found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..schema import RECENT, SKIPS
from .log import Log
from .requests import Requests
from .search import Search
from .time_features import event_time


@dataclass
class Events:
    """Event rows for the event encoder: item [R] (row of the item table), category, action [R], time [R,3]."""

    item: Tensor
    category: Tensor
    action: Tensor
    time: Tensor


@dataclass
class Batch:
    """G requests with C candidates in all. Shapes as in `Ranker.score`; `long_index` points into `long`."""

    user_field: Tensor
    context: Tensor
    item: Tensor
    category: Tensor
    feature: Tensor
    request: Tensor
    label: Tensor
    position: Tensor
    long: Events
    long_index: Tensor
    recent: Events
    recent_valid: Tensor
    skips: Events
    skip_valid: Tensor


class Batcher:
    """Builds batches of one split. `category` [items] and `feature` [C,F] are those of the split's candidates."""

    def __init__(
        self, log: Log, requests: Requests, category: np.ndarray, feature: np.ndarray, recent: int = RECENT
    ) -> None:
        """`recent`: how many of the newest events a batch carries."""
        self.log = log
        self.requests = requests
        self.category = category.astype(np.int64)
        self.feature = feature
        self.recent = recent

    def take(self, chosen: np.ndarray, recent: int = RECENT) -> Batcher:
        """The same split with the requests `chosen` alone."""
        feature = self.feature[self.requests.candidates(chosen)]
        return Batcher(self.log, self.requests.take(chosen), self.category, feature, recent)

    def items(self, chosen: np.ndarray, searched: int = 0) -> np.ndarray:
        """Items [n], ascending, that `build` would have the search look at: candidates and histories."""
        log, requests = self.log, self.requests
        spans = zip(requests.history_start[chosen], requests.history_end[chosen], strict=True)
        histories = [log.item[log.history(start, end)[: searched or None]] for start, end in spans]
        return np.unique(np.concatenate([requests.item[requests.candidates(chosen)], *histories])).astype(np.int64)

    def build(self, chosen: np.ndarray, search: Search, searched: int = 0) -> Batch:
        """Batch of the requests `chosen` [G]; `search` sees the newest `searched` events of each history, 0 = all."""
        log, requests = self.log, self.requests
        first, last = requests.first[chosen], requests.first[chosen + 1]
        rows = requests.candidates(chosen)
        long_rows: list[np.ndarray] = []
        long_times: list[np.ndarray] = []
        index: list[np.ndarray] = []
        recent = np.full((len(chosen), self.recent), -1, dtype=np.int64)
        skips = np.full((len(chosen), SKIPS), -1, dtype=np.int64)
        base = 0
        for g, r in enumerate(chosen):
            start, end = requests.history_start[r], requests.history_end[r]
            history = log.history(start, end)[: searched or None]
            found = search.find(log, self.category, requests.item[first[g] : last[g]], history, int(requests.time[r]))
            used, place = np.unique(found, return_inverse=True)
            # `used` begins with -1 where slots are missing; those stay -1 in the index.
            gaps = int(len(used) > 0 and used[0] < 0)
            place = place.reshape(found.shape) - gaps
            index.append(np.where(place >= 0, place + base, -1))
            long_rows.append(history[used[gaps:]])
            long_times.append(np.full(len(used) - gaps, requests.time[r]))
            base += len(used) - gaps
            recent[g, : min(self.recent, len(history))] = history[: self.recent]
            skipped = log.skips(start, end)
            skips[g, : len(skipped)] = skipped
        time = requests.time[chosen]
        item = requests.item[rows]
        # With no event at all the table still needs a row for the gathers to read; no index names it.
        empty = base == 0
        return Batch(
            user_field=_long(requests.user_field[chosen]),
            context=_long(requests.context[chosen]),
            item=_long(item),
            category=_long(self.category[item]),
            feature=torch.from_numpy(self.feature[rows]),
            request=_long(np.repeat(np.arange(len(chosen)), last - first)),
            label=torch.from_numpy(requests.label[rows]),
            position=_long(requests.position[rows]),
            long=self._events(
                np.array([-1]) if empty else np.concatenate(long_rows),
                time[:1] if empty else np.concatenate(long_times),
            ),
            long_index=_long(np.concatenate(index)),
            recent=self._events(recent.reshape(-1), np.repeat(time, self.recent)),
            recent_valid=torch.from_numpy((recent >= 0).astype(np.float32)),
            skips=self._events(skips.reshape(-1), np.repeat(time, SKIPS)),
            skip_valid=torch.from_numpy((skips >= 0).astype(np.float32)),
        )

    def _events(self, rows: np.ndarray, at: np.ndarray) -> Events:
        """Events of log rows [R] seen at moments [R]; a row of -1 is padding (item row 0, never attended to)."""
        log = self.log
        real = rows >= 0
        item = np.where(real, log.item[rows], 0)
        time = event_time(np.where(real, log.time[rows], at - 1), at)
        return Events(
            item=_long(item),
            category=_long(np.where(real, self.category[item], 0)),
            action=_long(np.where(real, log.action[rows], 0)),
            time=_long(np.where(real[:, None], time, 0)),
        )


def _long(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))

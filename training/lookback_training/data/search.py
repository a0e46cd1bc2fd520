"""The general search unit over a log: which events of a history a batch attends to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ..model.attention import Projected, Rows
from ..model.operators import search
from ..model.ranker import Ranker
from ..schema import Gsu, K
from .log import Log
from .time_features import event_time


class Vectors(Protocol):
    """Item embeddings [items,d], or those of the items that will be asked for."""

    def __getitem__(self, item: Tensor) -> Tensor:
        """Vectors [n,d] of items [n]."""
        ...


class Search(Protocol):
    """Picks `slots` events of a history for each candidate."""

    slots: int

    def find(self, log: Log, category: np.ndarray, item: np.ndarray, history: np.ndarray, at: int) -> np.ndarray:
        """Places in `history` [N] (log rows, newest first) for candidates `item` [c] at `at` ms.

        Returns [c,slots], -1 = none.

        `category` [items] is that of every item.
        """
        ...


@dataclass(frozen=True)
class GeneralSearch:
    """The ranker's own search, with its weights and the item embeddings as they are now."""

    gsu: Gsu
    embedding: Vectors
    ranker: Ranker
    slots: int = K

    def find(self, log: Log, category: np.ndarray, item: np.ndarray, history: np.ndarray, at: int) -> np.ndarray:
        found = np.full((len(item), self.slots), -1, dtype=np.int64)
        if not len(history):
            return found
        past = log.item[history]
        candidate, event = self.embedding[torch.from_numpy(item)], self.embedding[torch.from_numpy(past)]
        candidate_category, event_category = torch.from_numpy(category[item]), torch.from_numpy(category[past])
        with torch.no_grad():
            projected = self._projected(log, history, at, candidate, candidate_category, event, event_category)
            k = min(self.slots, len(history))
            index = search(
                candidate,
                event,
                candidate_category,
                event_category,
                torch.ones(len(history)),
                torch.tensor(int(self.gsu)),
                *projected,
                k,
                self.ranker.esu.heads,
            )
        found[:, :k] = index.numpy()
        return found

    def _projected(
        self,
        log: Log,
        history: np.ndarray,
        at: int,
        candidate: Tensor,
        candidate_category: Tensor,
        event: Tensor,
        event_category: Tensor,
    ) -> Projected:
        """Queries, keys and age biases of the ESU; only consistent search reads them, the others get empty ones."""
        ranker = self.ranker
        if self.gsu != Gsu.CONSISTENT:
            return Projected(torch.zeros(len(candidate), 0), torch.zeros(len(event), 0), torch.zeros(len(event), 0))
        time = torch.from_numpy(event_time(log.time[history], np.full(len(history), at)).astype(np.int64))
        action = torch.from_numpy(log.action[history])
        rows = Rows(ranker.event(event, event_category, action, time), time[:, 0], action)
        return ranker.esu.projected(ranker.event.candidate(candidate, candidate_category), rows)


@dataclass(frozen=True)
class NewestSearch:
    """No search at all: the newest events, the same for every candidate."""

    slots: int

    def find(self, log: Log, category: np.ndarray, item: np.ndarray, history: np.ndarray, at: int) -> np.ndarray:
        place = np.arange(self.slots)
        return np.tile(np.where(place < len(history), place, -1), (len(item), 1))

"""Examples grouped into requests: one user at one moment, with the candidates met then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from .log import Log, item_rows
from .tables import DataError, Tables
from .time_features import hour, weekday
from .vocabulary import Vocabulary, indices

POSITIONS = 100
"""Position buckets 1..100; bucket 0 = unknown."""


@dataclass(frozen=True)
class Requests:
    """G requests and their C candidates; candidates of request g are rows first[g]..first[g+1].

    Per request: list [G] (id within the split, -1 in train), user [G], time [G], history_start/end [G] (rows of
    the log), user_field [G,fields], context [G,3]. Per candidate: item [C] (row of the item table), item_id [C] u64,
    label [C,2] (click, save), logged [C], position [C] (bucket).
    """

    list: np.ndarray
    user: np.ndarray
    time: np.ndarray
    history_start: np.ndarray
    history_end: np.ndarray
    user_field: np.ndarray
    context: np.ndarray
    first: np.ndarray
    item: np.ndarray
    item_id: np.ndarray
    label: np.ndarray
    logged: np.ndarray
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    @property
    def request(self) -> np.ndarray:
        """Request of each candidate [C]."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))

    def candidates(self, chosen: np.ndarray) -> np.ndarray:
        """Rows of the candidates of the requests `chosen`, in that order."""
        spans = [np.arange(self.first[g], self.first[g + 1]) for g in chosen]
        return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)

    def take(self, chosen: np.ndarray) -> Requests:
        """The requests `chosen` alone, in that order."""
        rows = self.candidates(chosen)
        by_request = ("list", "user", "time", "history_start", "history_end", "user_field", "context")
        by_candidate = ("item", "item_id", "label", "logged", "position")
        return Requests(
            first=np.concatenate([[0], np.cumsum(np.diff(self.first)[chosen])]),
            **{name: getattr(self, name)[chosen] for name in by_request},
            **{name: getattr(self, name)[rows] for name in by_candidate},
        )


def build(tables: Tables, log: Log, vocabulary: Vocabulary, items: np.ndarray, split: str, limit: int = 0) -> Requests:
    """Requests of one split (train: same user and moment; else: same list), at most `limit` lists if not 0."""
    frame = tables.examples.filter(pl.col("split") == split)
    if split == "train":
        frame = frame.sort("user", "time", maintain_order=True)
        keys = frame.select("user", "time")
    else:
        frame = frame.sort("list", maintain_order=True)
        if limit:
            frame = frame.filter(pl.col("list").rank("dense") <= limit)
        keys = frame.select("list")
    if not len(frame):
        raise DataError(f"examples.parquet has no `{split}` rows; run `lookback examples` on a longer log")
    group = keys.select(pl.struct(pl.all()).rle_id()).to_series().to_numpy()
    first = np.concatenate([np.flatnonzero(np.diff(group, prepend=-1)), [len(group)]])
    time = frame["time"].dt.epoch("ms").to_numpy()
    start = frame["history_start"].to_numpy().astype(np.int64)
    end = frame["history_end"].to_numpy().astype(np.int64)
    user = frame["user"].to_numpy()
    check_no_future(log, user, time, start, end)
    head = first[:-1]
    user, time, start, end = user[head], time[head], start[head], end[head]
    item_id = frame["item"].to_numpy()
    item = item_rows(item_id, items)
    if (item < 0).any():
        raise DataError(f"example item {item_id[item < 0][0]} is not in the catalogue; run `lookback examples` again")
    own = event_at(log, user, time, end)
    surface = np.where(own >= 0, log.surface[own], 0)
    logged = (frame["origin"] == "logged").to_numpy()
    label = frame.select("click", "save").to_numpy().astype(np.float32)
    return Requests(
        list=frame["list"].cast(pl.Int64).fill_null(-1).to_numpy()[head],
        user=user,
        time=time,
        history_start=start,
        history_end=end,
        user_field=user_fields(tables, vocabulary, user),
        context=np.stack([hour(time), weekday(time), surface], axis=1),
        first=first,
        item=item,
        item_id=item_id,
        label=label,
        logged=logged,
        position=positions(log, own, group, item, end),
    )


def check_no_future(log: Log, user: np.ndarray, time: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Raise unless every history is its user's own and strictly before its request."""
    if (start > end).any() or (end > len(log.time)).any():
        raise DataError("a history range lies outside events.parquet; run `lookback examples` again")
    full = start < end
    last, begin = end[full] - 1, start[full]
    wrong = (log.time[last] >= time[full]) | (log.user[last] != user[full]) | (log.user[begin] != user[full])
    if wrong.any():
        at = int(np.flatnonzero(full)[np.flatnonzero(wrong)[0]])
        raise DataError(
            f"the history of user {user[at]} at {time[at]} ms holds an event that is not strictly before it, "
            "or not theirs; events.parquet and examples.parquet do not belong together: run `lookback examples` again"
        )


def event_at(log: Log, user: np.ndarray, time: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Row of the first event of each request's user at the request's very moment, -1 if there is none."""
    row = np.minimum(end, len(log.time) - 1)
    return np.where((end < len(log.time)) & (log.user[row] == user) & (log.time[row] == time), row, -1)


def user_fields(tables: Tables, vocabulary: Vocabulary, user: np.ndarray) -> np.ndarray:
    """Attribute indices of users [G] -> [G, max(1, fields)] i64."""
    known = tables.users["user"].to_numpy()
    row = item_rows(user, known)
    columns = [np.zeros(len(user), dtype=np.int64)] if not vocabulary.user_fields else []
    for name, values in vocabulary.user_fields:
        if name not in tables.users.columns:
            columns.append(np.zeros(len(user), dtype=np.int64))
            continue
        index = indices(tables.users[name], values)
        columns.append(np.where(row >= 0, index[row], 0))
    return np.stack(columns, axis=1)


def positions(log: Log, own: np.ndarray, group: np.ndarray, item: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Position bucket of each candidate [C].

    A logged candidate has the position of its own event. A sampled one was shown nowhere; it takes the position of
    the first event of its request, or the position tower would learn to tell sampled from logged.
    """
    if (log.position < 0).all():
        return np.zeros(len(group), dtype=np.int64)
    result = np.where(own >= 0, log.position[own], -1)[group]
    for candidate, (g, wanted) in enumerate(zip(group, item, strict=True)):
        row = own[g]
        while 0 <= row < len(log.time) and log.user[row] == log.user[own[g]] and log.time[row] == log.time[own[g]]:
            if log.item[row] == wanted:
                result[candidate] = log.position[row]
                break
            row += 1
    return np.where(result >= 0, np.minimum(result, POSITIONS - 1) + 1, 0)

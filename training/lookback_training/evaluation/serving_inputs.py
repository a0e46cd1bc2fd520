"""Inputs of model.onnx for one candidate list, built from Parquet and shard as a server would build them.

Written apart from the training batches on purpose: it is the second opinion that parity checks compare with.
"""

from __future__ import annotations

import numpy as np
import torch

from ..data.log import Log
from ..data.requests import Requests
from ..data.time_features import event_time
from ..export.shard import Shard
from ..schema import SKIPS, Gsu, K

Inputs = dict[str, np.ndarray]


def build(log: Log, requests: Requests, shard: Shard, g: int, gsu: Gsu) -> Inputs:
    """Named inputs of list g; shapes as in the graph: C candidates, N >= 50 event rows, 20 skips."""
    start, end, at = requests.history_start[g], requests.history_end[g], int(requests.time[g])
    history, skips = log.history(start, end), log.skips(start, end)
    items = requests.item[requests.first[g] : requests.first[g + 1]]
    return {
        "user_field": requests.user_field[g : g + 1].astype(np.int64),
        "context": requests.context[g : g + 1].astype(np.int64),
        "candidate_embedding": shard.embedding[items],
        "candidate_category": shard.category[items].astype(np.int64),
        "candidate_feature": shard.feature[items],
        **_events("event", log, history, shard, at, max(K, len(history))),
        **_events("skip", log, skips, shard, at, SKIPS),
        "gsu_mode": np.array(int(gsu), dtype=np.int64),
    }


def tensors(log: Log, requests: Requests, shard: Shard, g: int, gsu: Gsu = Gsu.CONSISTENT) -> dict[str, torch.Tensor]:
    """As `build`, for PyTorch."""
    return {name: torch.from_numpy(value) for name, value in build(log, requests, shard, g, gsu).items()}


def _events(prefix: str, log: Log, rows: np.ndarray, shard: Shard, at: int, size: int) -> Inputs:
    """Rows newest first, padded with zero rows (valid = 0) to `size`."""
    count, item = len(rows), log.item[rows]
    embedding = np.zeros((size, shard.embedding.shape[1]), dtype=np.float32)
    category, action = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    time, valid = np.zeros((size, 3), dtype=np.int64), np.zeros(size, dtype=np.float32)
    embedding[:count], category[:count] = shard.embedding[item], shard.category[item]
    action[:count], time[:count], valid[:count] = log.action[rows], event_time(log.time[rows], at), 1.0
    return {
        f"{prefix}_embedding": embedding,
        f"{prefix}_category": category,
        f"{prefix}_action": action,
        f"{prefix}_time": time,
        f"{prefix}_valid": valid,
    }

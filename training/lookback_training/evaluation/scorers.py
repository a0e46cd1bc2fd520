"""A model directory's logits on candidate lists: by PyTorch rebuilt from the graph, and by onnxruntime on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tqdm import tqdm

from ..data import log, requests, tables
from ..export import model_directory
from ..export.graph import INPUTS
from ..export.model_directory import GRAPH, ModelDirectory
from ..schema import Gsu
from . import serving_inputs


@dataclass(frozen=True)
class Lists:
    """The test lists of a data directory, encoded with a model directory's own vocabulary and shard."""

    model: ModelDirectory
    log: log.Log
    requests: requests.Requests


def load(data: Path, model: Path, limit: int) -> Lists:
    """Read both directories; at most `limit` lists if not 0."""
    directory = model_directory.read(model)
    frames = tables.read(data)
    items = directory.shard.item
    events = log.build(frames, directory.vocabulary, items)
    return Lists(directory, events, requests.build(frames, events, directory.vocabulary, items, "test", limit))


def by_pytorch(lists: Lists, gsu: Gsu) -> np.ndarray:
    """Logits [C,2] of all candidates in order."""
    parts = []
    with torch.no_grad():
        for g in tqdm(range(len(lists.requests)), desc="PyTorch", leave=False):
            inputs = serving_inputs.build(lists.log, lists.requests, lists.model.shard, g, gsu)
            logit, *_ = lists.model.ranker(*(torch.from_numpy(inputs[name]) for name in INPUTS))
            parts.append(logit.numpy())
    return np.concatenate(parts)


def by_onnxruntime(lists: Lists, gsu: Gsu) -> np.ndarray:
    """Logits [C,2] of all candidates in order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(lists.model.path / GRAPH), options, providers=["CPUExecutionProvider"])
    parts = []
    for g in tqdm(range(len(lists.requests)), desc="onnxruntime", leave=False):
        inputs = serving_inputs.build(lists.log, lists.requests, lists.model.shard, g, gsu)
        parts.append(session.run(["logit"], inputs)[0])
    return np.concatenate(parts)

"""From a data directory to everything a run needs: vocabulary, log, features, requests, a fresh trainee."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from ..data import item_features, log, requests, tables, vocabulary
from ..data.batch import Batcher
from ..data.search import GeneralSearch
from ..model.parts import WHOLE, Parts
from ..model.ranker import Ranker, Shape
from . import embeddings, sharded
from .config import Config
from .distributed import ALONE, Processes
from .trainee import Searching, Trainee


@dataclass
class Setup:
    """A run's data. `features` [items,F] are the shipped ones; batchers hold each split's own."""

    tables: tables.Tables
    vocabulary: vocabulary.Vocabulary
    log: log.Log
    items: np.ndarray
    category: np.ndarray
    item_features: item_features.ItemFeatures
    features: np.ndarray
    train_end: int
    train: Batcher
    valid: Batcher
    test: Batcher
    trainee: Trainee
    fingerprint: str


def prepare(directory: Path, config: Config, seed: int, holders: Processes = ALONE) -> Setup:
    """Read `directory` and build a trainee; the same seed gives the same weights.

    Several `holders` divide the item table among them; the first one's memory must hold it at the start.
    """
    data = tables.read(directory)
    train_end = end_of_training(data)
    names = vocabulary.build(data, train_end, config.vocabulary.min_users, config.vocabulary.max_values)
    items = data.items["item"].to_numpy()
    category = vocabulary.indices(data.items["category"], names.categories)
    events = log.build(data, names, items)
    splits = {split: requests.build(data, events, names, items, split) for split in ("train", "valid", "test")}
    created = data.items["created"].dt.epoch("ms").cast(pl.Float64).fill_null(float("nan")).to_numpy()
    counted = item_features.ItemFeatures(events, train_end, len(items), created)
    train_time = splits["train"].time[splits["train"].request]
    counted.fit(splits["train"].item, train_time)
    shipped = counted.shipped()
    feature = {split: shipped[part.item] for split, part in splits.items()}
    feature["train"] = counted.at(splits["train"].item, train_time)
    batchers = {split: Batcher(events, part, category, feature[split]) for split, part in splits.items()}
    return Setup(
        tables=data,
        vocabulary=names,
        log=events,
        items=items,
        category=category,
        item_features=counted,
        features=shipped,
        train_end=train_end,
        trainee=fresh(data, names, events, train_end, shipped.shape[1], config, seed, holders=holders),
        fingerprint=fingerprint(data, config, seed),
        **batchers,
    )


def end_of_training(data: tables.Tables) -> int:
    """First millisecond after the training period: every logged training event is an example at its own time."""
    train = data.examples.filter(pl.col("split") == "train")
    if not len(train):
        raise tables.DataError("examples.parquet has no `train` rows; run `lookback examples` on a longer log")
    return int(train["time"].dt.epoch("ms").max()) + 1  # type: ignore[arg-type]


def fresh(
    data: tables.Tables,
    names: vocabulary.Vocabulary,
    events: log.Log,
    train_end: int,
    features: int,
    config: Config,
    seed: int,
    parts: Parts = WHOLE,
    positions: bool = True,
    searching: Searching = GeneralSearch,
    holders: Processes = ALONE,
) -> Trainee:
    """An untrained trainee; without `positions` it has no position tower even where the log has positions."""
    own = embeddings.own(data.items["embedding"])
    items = len(data.items)
    width = config.embedding.dim if own is None else own.shape[1]

    def start() -> np.ndarray:
        return embeddings.factorise(events, train_end, items, config.embedding, seed) if own is None else own

    if holders.size > 1:
        table = sharded.divided(start, items, width, own is None, holders)
    else:
        table = embeddings.ItemEmbedding(torch.from_numpy(start()), learned=own is None)
    torch.manual_seed(seed)
    shape = Shape(
        embedding_dim=width,
        item_features=features,
        categories=len(names.categories),
        surfaces=len(names.surfaces),
        user_fields=tuple(len(values) for _, values in names.user_fields),
        **vars(config.model),
    )
    positions = positions and bool((events.position[events.time < train_end] >= 0).any())
    return Trainee(Ranker(shape, parts), table, positions, config.training.unknown_share, searching)


def fingerprint(data: tables.Tables, config: Config, seed: int) -> str:
    """Hash of settings, seed and data, to tell whether a checkpoint belongs to this run."""
    digest = hashlib.sha256(json.dumps([config.as_dict(), seed], sort_keys=True).encode())
    for frame in (data.events, data.items, data.users, data.examples):
        digest.update(str((frame.schema, frame.shape)).encode())
        digest.update(frame.hash_rows(seed=1).to_numpy().tobytes())
    return digest.hexdigest()

"""One run: a variant trained on one data directory with one seed, measured, and its result kept in two files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import blake3
import numpy as np
import torch

from ..data.batch import Batcher
from ..evaluation import baselines
from ..schema import AGE_BUCKETS, TASKS, Gsu
from ..train import calibration, loop, setup
from ..train.config import Config
from ..train.setup import Setup
from ..train.trainee import Trainee
from . import measures, peers, stored, truth
from .settings import Sizes
from .variants import Kind, Row, Scorer, Variant, full_row, named

FORMAT = 2
"""Raised whenever results of older code may not stand beside those of newer code."""
ATTENTION_LISTS = 200
"""Test lists over which attention is averaged by age."""
DATA_FILES = (
    "events.parquet",
    "items.parquet",
    "users.parquet",
    "examples.parquet",
    truth.FILE,
    f"{stored.SNAPSHOTS}/*/*.parquet",
)
IDENTITY = {task: {"platt": {"a": 1.0, "b": 0.0}} for task in TASKS}


@dataclass(frozen=True)
class Job:
    """What names a result: whatever differs here is another run."""

    data: Path
    fingerprint: str
    variant: str
    seed: int
    config: Config
    sizes: Sizes
    work: Path

    @property
    def name(self) -> str:
        return f"{self.data.resolve().name}: {self.variant}, seed {self.seed}"

    @property
    def path(self) -> Path:
        """The result's JSON file; the numbers per list lie beside it as .npz."""
        parts = [
            FORMAT,
            self.fingerprint,
            asdict(named(self.variant)),
            asdict(peers.named(self.variant).tuned) if named(self.variant).scorer == Scorer.PEER else None,
            self.config.as_dict(),
            self.sizes.of_run(),
            self.seed,
        ]
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
        folder = self.work / f"{self.data.resolve().name}-{self.fingerprint[:8]}"
        return folder / f"{self.variant}-seed{self.seed}-{key}.json"

    def is_done(self) -> bool:
        # The JSON file is written last.
        return self.path.is_file()


@dataclass(frozen=True)
class Result:
    """A run's files, read: `about` the JSON; lists [G], users [G] and AUC per row of it, list and task [rows,G,2]."""

    about: dict[str, Any]
    lists: np.ndarray
    users: np.ndarray
    auc: np.ndarray


def fingerprint(data: Path) -> str:
    """Hash of everything in a data directory that a run reads."""
    digest = blake3.blake3()
    for pattern in DATA_FILES:
        for path in sorted(data.glob(pattern)):
            digest.update(path.relative_to(data).as_posix().encode()).update(path.read_bytes())
    return digest.hexdigest()


def read(job: Job) -> Result:
    """The result of a job that is done."""
    with np.load(job.path.with_suffix(".npz")) as arrays:
        return Result(json.loads(job.path.read_text()), arrays["lists"], arrays["users"], arrays["auc"])


def run(job: Job) -> None:
    """Train, measure, and write the result; what training says goes to a .log beside it."""
    job.path.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with job.path.with_suffix(".log").open("w") as log, contextlib.redirect_stdout(log):
        about, arrays = _measured(job)
    about["seconds"] = round(time.monotonic() - began, 1)
    with _replacing(job.path.with_suffix(".npz")) as beside:
        np.savez_compressed(beside, **arrays)
    with _replacing(job.path) as beside:
        beside.write_text(json.dumps(about, indent=1))


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path to write to; an interrupted write leaves nothing under the name itself."""
    beside = path.with_name(f"partial-{path.name}")
    yield beside
    os.replace(beside, path)


@dataclass(frozen=True)
class Scored:
    """Logits [C,2] of the test lists per row, and the calibration fitted on the valid lists."""

    logits: dict[Row, np.ndarray]
    calibration: calibration.Calibration
    about: dict[str, Any]


def _measured(job: Job) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    variant = named(job.variant)
    config = replace(job.config, training=replace(job.config.training, epochs=job.sizes.epochs))
    made = _prepared(job.data, job.fingerprint, config)
    train = made.train.take(_drawn(len(made.train.requests), job.sizes.requests, job.seed), variant.recent)
    valid = made.valid.take(_even(len(made.valid.requests), job.sizes.valid_lists), variant.recent)
    test = made.test.take(_even(len(made.test.requests), job.sizes.test_lists), variant.recent)
    requests = test.requests
    known = truth.read(job.data, requests)
    if variant.scorer in (Scorer.RANKER, Scorer.PEER):
        scored = _by_ranker(job, config, made, train, valid, test)
    elif variant.scorer == Scorer.TRUTH:
        scored = _by_truth(variant, known)
    else:
        scored = _by_baseline(variant, made, train, valid, test, job.seed)
    rows, per_list = {}, []
    for row, logit in scored.logits.items():
        if np.isnan(logit).any():
            # An oracle that does not know every candidate is compared only where it does.
            rows[row.name] = {"truth": measures.against_truth(requests, logit, known)}
            per_list.append(np.full((len(requests), len(TASKS)), np.nan))
        else:
            rows[row.name] = measures.measure(made.log, requests, logit, scored.calibration, known)
            per_list.append(measures.auc_by_list(requests, logit))
    about = {
        "variant": variant.name,
        "seed": job.seed,
        "rows": rows,
        "calibration": scored.calibration,
        "counts": {
            "events": len(made.log.time),
            "users": len(made.tables.users),
            "items": len(made.items),
            "train_requests": len(train.requests),
            "train_requests_all": len(made.train.requests),
            "train_examples": len(train.requests.item),
            "valid_lists": len(valid.requests),
            "test_lists": len(requests),
            "test_candidates": len(requests.item),
        },
        **scored.about,
    }
    return about, {"lists": requests.list, "users": requests.user, "auc": np.stack(per_list)}


@lru_cache(maxsize=1)
def _prepared(data: Path, fingerprint: str, config: Config) -> Setup:
    """What all runs of a process on one data directory share."""
    return setup.prepare(data, config, seed=0)


def _drawn(count: int, wanted: int, seed: int) -> np.ndarray:
    """Training requests: as many as wanted, the same for every variant with this seed."""
    if wanted == 0 or wanted >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng([seed, count]).choice(count, wanted, replace=False))


def _even(count: int, wanted: int) -> np.ndarray:
    """Lists: as many as wanted, evenly over the split."""
    if wanted == 0 or wanted >= count:
        return np.arange(count)
    return np.linspace(0, count - 1, wanted).astype(np.int64)


def fresh(made: Setup, variant: Variant, config: Config, seed: int) -> Trainee:
    """An untrained trainee of the variant's parts and search."""
    trainee = setup.fresh(
        made.tables,
        made.vocabulary,
        made.log,
        made.train_end,
        made.features.shape[1],
        config,
        seed,
        variant.parts,
        variant.positions,
        variant.searching(variant.newest),
    )
    return peers.fresh(trainee, variant.name, config, seed) if variant.scorer == Scorer.PEER else trainee


def _by_ranker(job: Job, config: Config, made: Setup, train: Batcher, valid: Batcher, test: Batcher) -> Scored:
    variant = named(job.variant)
    if variant.scorer == Scorer.PEER:
        config = peers.tuned(variant.name, config)
    trainee = fresh(made, variant, config, job.seed)
    default = Gsu.named(config.training.default_gsu)
    with tempfile.TemporaryDirectory(dir=job.path.parent) as scratch:
        progress = loop.train(trainee, train, valid, config.training, job.seed, Path(scratch), job.fingerprint)
    fitted = calibration.fit_tasks(valid.requests.label, loop.score(trainee, valid, default))
    logits = {}
    for row in variant.rows():
        if stored.possible(row.stored, job.data):
            scorer = stored.stored(trainee, row.stored, job.data, made.items)
            scorer.searching = variant.searching(row.newest)
            logits[row] = loop.score(scorer, test, default if row.gsu is None else row.gsu)
    about: dict[str, Any] = {
        "parameters": sum(weight.numel() for weight in trainee.ranker.parameters()),
        "epochs": progress.history,
    }
    if variant.kind == Kind.FULL:
        trainee.searching = variant.searching()
        about["default_row"] = full_row(default)
        about["attention"] = attention_by_age(trainee, test, default)
    return Scored(logits, fitted, about)


def _by_baseline(variant: Variant, made: Setup, train: Batcher, valid: Batcher, test: Batcher, seed: int) -> Scored:
    """Both tasks get the same logit; calibration tells them apart."""
    splits = (valid.requests, test.requests)
    if variant.scorer == Scorer.POPULARITY:
        count = np.log1p(baselines.popularity(made.log, made.train_end, len(made.items)))
        logits = [count[part.item] for part in splits]
    else:
        embedding = made.trainee.embedding.shipped().numpy()
        weights, bias = baselines.fit_logistic(made.log, train.requests, embedding, seed)
        logits = [baselines.design(made.log, part, embedding) @ weights + bias for part in splits]
    on_valid, on_test = (np.repeat(logit[:, None], len(TASKS), axis=1) for logit in logits)
    (row,) = variant.rows()
    return Scored({row: on_test}, calibration.fit_tasks(valid.requests.label, on_valid), {})


def _by_truth(variant: Variant, known: np.ndarray | None) -> Scored:
    """True probabilities need no calibration; NaN where they are not known."""
    if known is None:
        raise truth.DataError(f"{truth.FILE} is missing; leave the variant {variant.name!r} out")
    p = np.clip(known, 1e-9, 1 - 1e-9)
    (row,) = variant.rows()
    return Scored({row: np.log(p) - np.log1p(-p)}, IDENTITY, {})


def attention_by_age(trainee: Trainee, test: Batcher, gsu: Gsu) -> dict[str, list[float]]:
    """Per age bucket [26]: the sum of weights (mean over heads) of found events, and how many there were."""
    trainee.eval()
    search = trainee.search(gsu)
    weights, count = np.zeros(AGE_BUCKETS), np.zeros(AGE_BUCKETS)
    chosen = _even(len(test.requests), ATTENTION_LISTS)
    with torch.no_grad():
        for some in np.array_split(chosen, max(1, len(chosen) // 20)):
            batch = test.build(some, search)
            _, weight = trainee.attended(batch)
            index = batch.long_index[:, : weight.shape[2]]
            found = index >= 0
            age = batch.long.time[index[found], 0].numpy()
            weights += np.bincount(age, weights=weight.mean(dim=1)[found].numpy(), minlength=AGE_BUCKETS)
            count += np.bincount(age, minlength=AGE_BUCKETS)
    return {"weight": weights.tolist(), "count": count.tolist()}

"""One training run, from data directory to model directory."""

from __future__ import annotations

import datetime
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from ..evaluation import baselines, report
from ..export import model_directory, popularity, shard
from . import calibration, loop
from .config import Config
from .setup import Setup, prepare

WORK = "work"
NOTE = (
    "Training examples carry item features counted strictly before their own time; the shard carries those at the end "
    "of the training period. Learned embeddings come from the training period alone."
)


def train(data: Path, output: Path, config: Config, seed: int, resume: bool) -> None:
    """Train, calibrate on valid, measure on test, and write the model directory `output`."""
    began = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    name = output.resolve().name
    setup = prepare(data, config, seed)
    requests = setup.train.requests
    print(
        f"{len(requests.item)} training examples in {len(requests)} requests; {len(setup.items)} items; "
        f"{len(setup.valid.requests)} valid and {len(setup.test.requests)} test lists"
    )
    work = output / WORK
    work.mkdir(exist_ok=True)
    # Checkpoints are no part of the model and never belong in version control.
    (work / ".gitignore").write_text("*\n")
    progress = loop.train(
        setup.trainee, setup.train, setup.valid, config.training, seed, work, setup.fingerprint, resume
    )
    logit = loop.score(setup.trainee, setup.valid, soft=True, quiet=False)
    fitted = calibration.fit_tasks(setup.valid.requests.label, logit)
    test = setup.test.requests
    rows = {
        f"lookback ({gsu})": report.metrics(test, loop.score(setup.trainee, setup.test, soft, quiet=False), fitted)
        for gsu, soft in (("soft", True), ("hard", False))
    }
    embedding = setup.trainee.embedding.shipped().numpy()
    others = baselines.run(setup.log, requests, test, setup.train_end, embedding, seed)
    shipped = shard.Shard(
        shard.embedding_version(name, embedding), setup.items, setup.category, setup.features, embedding
    )
    minutes = (time.monotonic() - began) / 60
    card = describe(data, setup, config, seed, progress, rows, others, minutes)
    train_examples = setup.tables.examples.filter(split="train")
    model_directory.write(
        output,
        setup.trainee.ranker,
        setup.vocabulary,
        setup.item_features.names,
        shipped,
        fitted,
        popularity.tables(train_examples, setup.tables.users, setup.vocabulary, config.popularity),
        others,
        card,
        name,
    )
    shutil.rmtree(work)
    print(report.render(rows | others))
    print(f"wrote {output} in {minutes:.1f} minutes; next: lookback prepare {output}")


def describe(
    data: Path,
    setup: Setup,
    config: Config,
    seed: int,
    progress: loop.Progress,
    rows: dict[str, Any],
    others: dict[str, Any],
    minutes: float,
) -> dict[str, Any]:
    """The model card: where the model comes from and what it reached."""
    ranking = {name: {task: values[task] for task in ("click", "save")} for name, values in others.items()}
    shown = {name.removeprefix("lookback (").removesuffix(")"): value for name, value in rows.items()}
    return {
        "data": data.resolve().name,
        "train_until": moment(setup.train_end),
        "created": moment(int(time.time() * 1000)),
        "counts": {
            "events": len(setup.log.time),
            "items": len(setup.items),
            "users": len(setup.tables.users),
            "train_examples": len(setup.train.requests.item),
            "valid_lists": len(setup.valid.requests),
            "test_lists": len(setup.test.requests),
        },
        "metrics": {"test": shown, "baselines": ranking},
        "epochs": progress.history,
        "best_epoch": progress.best_epoch + 1,
        "training_minutes": round(minutes, 2),
        "parameters": sum(weight.numel() for weight in setup.trainee.ranker.parameters()),
        "notes": NOTE,
        "versions": {
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
        },
        "seed": seed,
        "commit": commit(),
        "config": config.as_dict(),
    }


def moment(time_ms: int) -> str:
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).isoformat(timespec="seconds")


def commit() -> str | None:
    """The source's commit, None outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None

"""One training run, from data directory to model directory."""

from __future__ import annotations

import datetime
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import sklearn
import torch
from blake3 import blake3

from ..data.tables import REQUIRED
from ..evaluation import baselines, report
from ..export import model_directory, popularity, shard
from ..schema import TASKS, Gsu
from . import calibration, loop
from .config import Config
from .distributed import ALONE, LaunchError, Processes, processes
from .observe import NOWHERE, Board
from .setup import Setup, prepare

WORK = "work"
RUNS = Path(__file__).resolve().parents[3] / "target" / "lookback" / "runs"
"""Where TensorBoard's events go, a folder per model name."""
RAW: calibration.Calibration = {task: {"platt": {"a": 1.0, "b": 0.0}} for task in TASKS}
"""No calibration: p = sigmoid(logit)."""
NOTE = (
    "Training examples carry item features counted strictly before their own time; the shard carries those at the end "
    "of the training period. Learned embeddings come from the training period alone."
)


def train(
    data: Path,
    output: Path,
    config: Config,
    seed: int,
    resume: bool,
    figures: Path | None = None,
    shard_items: bool = False,
) -> None:
    """Train, calibrate on valid, measure on test, and write the model directory `output`.

    Under torchrun its processes share the work and the first of them writes; with `shard_items` they also divide the
    item table, and `LaunchError` is raised when there are no others. TensorBoard's events go to `figures`, by default
    to a folder of the model's name in `RUNS`.
    """
    began = time.monotonic()
    output.mkdir(parents=True, exist_ok=True)
    name = output.resolve().name
    work = output / WORK
    work.mkdir(exist_ok=True)
    with processes() as group:
        if shard_items and group.size == 1:
            raise LaunchError(
                "--shard-items divides the item table among processes, and this one is alone; start several with "
                "torchrun --nproc-per-node 2 -m lookback_training train …, or leave it out"
            )
        setup = prepare(data, config, seed, group if shard_items else ALONE)
        requests, valid, test = setup.train.requests, setup.valid.requests, setup.test.requests
        board = Board(figures or RUNS / name) if group.main else NOWHERE
        if group.main:
            print(
                f"{len(requests.item)} training examples in {len(requests)} requests; {len(setup.items)} items; "
                f"{len(valid)} valid and {len(test)} test lists; {group.size} process(es) on {device(group)}"
            )
            print(f"figures: python -m tensorboard.main --logdir {board.directory}")
            # Checkpoints are no part of the model and never belong in version control.
            (work / ".gitignore").write_text("*\n")
        progress = loop.train(
            setup.trainee,
            setup.train,
            setup.valid,
            config.training,
            seed,
            work,
            setup.fingerprint,
            resume,
            processes=group,
            board=board,
        )
        default = Gsu.named(config.training.default_gsu)
        logit = loop.score(setup.trainee, setup.valid, default, quiet=False, processes=group)
        scores = {gsu: loop.score(setup.trainee, setup.test, gsu, quiet=False, processes=group) for gsu in Gsu}
        embedding = setup.trainee.embedding.shipped().cpu().numpy()
    if not group.main:
        return
    setup.trainee.cpu()
    fitted = calibration.fit_tasks(valid.label, logit, config.training.calibration)
    board.calibration(progress.step, valid.label, calibration.apply(RAW, logit), calibration.apply(fitted, logit))
    board.close()
    rows = {f"lookback ({gsu.label})": report.metrics(test, logits, fitted) for gsu, logits in scores.items()}
    others = baselines.run(setup.log, requests, test, setup.train_end, embedding, seed)
    shipped = shard.Shard(
        shard.embedding_version(name, embedding), setup.items, setup.category, setup.features, embedding
    )
    minutes = (time.monotonic() - began) / 60
    card = describe(data, setup, config, seed, progress, rows, others, minutes, group)
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
    group: Processes,
) -> dict[str, Any]:
    """The model card: where the model comes from and what it reached."""
    ranking = {name: {task: values[task] for task in ("click", "save")} for name, values in others.items()}
    shown = {name.removeprefix("lookback (").removesuffix(")"): value for name, value in rows.items()}
    return {
        "data": data.resolve().name,
        "data_blake3": {
            f"{table}.parquet": blake3().update_mmap(data / f"{table}.parquet").hexdigest() for table in REQUIRED
        },
        "fingerprint": setup.fingerprint,
        "periods": periods(setup.tables.examples),
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
        "default_gsu": config.training.default_gsu,
        "processes": group.size,
        "device": device(group),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "numpy": np.__version__,
            "polars": pl.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "seed": seed,
        "commit": commit(),
        "config": config.as_dict(),
    }


def periods(examples: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Moment of the first and of the last request of each split."""
    asked = examples.with_columns(pl.col("time").dt.epoch("ms")).group_by("split")
    ends = asked.agg(first=pl.col("time").min(), last=pl.col("time").max()).sort("first")
    return {row["split"]: {"first": moment(row["first"]), "last": moment(row["last"])} for row in ends.to_dicts()}


def device(group: Processes) -> str:
    """What the first process computes on, by name."""
    return torch.cuda.get_device_name(group.device) if group.device.type == "cuda" else group.device.type


def moment(time_ms: int) -> str:
    return datetime.datetime.fromtimestamp(time_ms / 1000, datetime.UTC).isoformat(timespec="seconds")


def commit() -> str | None:
    """The source's commit, None outside a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None

"""The whole comparison: which runs, run them, write the page."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import polars as pl

from ..data.tables import DataError
from ..schema import SKIPPED
from ..train.config import Config
from . import plots, pool, report, runs, settings, truth
from .collected import DataSet, collect
from .runs import Job
from .settings import Sizes
from .variants import BenchError, Needs, Variant, named

NOTES = "notes.md"


def run(
    data: list[Path],
    output: Path,
    work: Path,
    config: Config,
    processes: int,
    seeds: int | None = None,
    quick: bool = False,
    only: list[str] | None = None,
    config_path: Path | None = None,
    sizes_path: Path = settings.FILE,
) -> None:
    """Run what is not done yet and write `output` with its figures in a folder of the same name beside it.

    Raises `BenchError` if nothing is left to compare, `DataError` on a data directory that lacks files.
    """
    if processes < 1 or (seeds is not None and seeds < 1):
        raise BenchError("--processes and --seeds: expected at least 1")
    names = [directory.resolve().name for directory in data]
    if len(set(names)) < len(names):
        raise BenchError(f"data directories of one name would share a heading ({', '.join(names)}); rename one")
    plans = [_plan(directory, work, config, seeds, quick, only or [], sizes_path) for directory in data]
    pool.run([job for jobs, _ in plans for job in jobs], processes)
    sets = [collect(directory, jobs, left_out) for directory, (jobs, left_out) in zip(data, plans, strict=True)]
    output.parent.mkdir(parents=True, exist_ok=True)
    figures = {one.name: _figures(one, output) for one in sets}
    made_by = command(data, output, seeds, quick, only or [], config_path)
    output.write_text(report.render(sets, made_by, figures, quick, notes(output)))


def notes(output: Path) -> str:
    """What people say of the figures: NOTES in the folder of the page's figures, if it is there."""
    path = output.with_suffix("") / NOTES
    return path.read_text() if path.is_file() else ""


def _plan(
    data: Path, work: Path, config: Config, seeds: int | None, quick: bool, only: list[str], sizes_path: Path
) -> tuple[list[Job], list[str]]:
    """The runs of one data directory, and what is left out and why."""
    sizes = settings.load(data.resolve().name, quick, sizes_path)
    has = holdings(data)
    variants = [named(name) for name in only] or sizes.chosen()
    left_out = [f"{one.name}, for the log has no {one.needs}" for one in variants if one.needs and one.needs not in has]
    variants = [one for one in variants if one.needs is None or one.needs in has]
    if not variants:
        raise BenchError(f"{data}: nothing to compare ({'; '.join(left_out)}); choose other variants with --only")
    print_of_data = runs.fingerprint(data)
    jobs = [
        Job(data, print_of_data, variant.name, seed, config, sizes, work)
        for seed in range(1, (seeds or sizes.seeds) + 1)
        for variant in variants
        if seed <= _seeds(sizes, variant, seeds)
    ]
    return jobs, left_out


def _seeds(sizes: Sizes, variant: Variant, asked: int | None) -> int:
    return sizes.seeds_for(variant) if asked is None else min(asked, asked if variant.seeded else 1)


def holdings(data: Path) -> set[Needs]:
    """Which of the optional things a data directory holds."""
    path = data / "events.parquet"
    if not path.is_file():
        raise DataError(f"{path} is missing; write it with `lookback import`")
    events = pl.scan_parquet(path)
    found = events.select(
        skips=pl.col("action").is_in(list(SKIPPED)).any(), positions=pl.col("position").is_not_null().any()
    ).collect()
    has = {Needs(name) for name in ("skips", "positions") if found[name][0]}
    return has | ({Needs.TRUTH} if (data / truth.FILE).is_file() else set())


def _figures(one: DataSet, output: Path) -> list[tuple[str, str]]:
    drawn = plots.draw(one, output.with_suffix(""))
    return [(title, path.relative_to(output.parent).as_posix()) for title, path in drawn]


def command(
    data: list[Path], output: Path, seeds: int | None, quick: bool, only: list[str], config_path: Path | None
) -> str:
    """The command that makes this page again; how many processes and where results lie change nothing in it."""
    words = ["python", "-m", "lookback_training", "bench", "--data", *(os.path.relpath(one) for one in data)]
    words += ["--output", os.path.relpath(output)]
    words += ["--config", os.path.relpath(config_path)] if config_path else []
    words += ["--seeds", str(seeds)] if seeds else []
    words += ["--quick"] if quick else []
    words += ["--only", *only] if only else []
    return shlex.join(words)

"""What the driver of the benchmark wrote down (bench/src/driver/results.rs)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MendableError

REFERENCE = "wasmtime"
NATIVE, EVERYTHING = "native-128", "native-all"
PEER, WEB = "onnxruntime", "onnxruntime-web"
ENOUGH_FOR_P99 = 100
"""Rounds from which a 99th percentile is told."""


class ResultsError(MendableError):
    """Results that are not there, or not of this version."""


@dataclass(frozen=True)
class Measured:
    """One variant in a cell; times in milliseconds."""

    median: float
    p99: float
    rounds: int
    quiet_p99: float | None
    """Of the rounds that began and ended on a quiet core; None where there were none, or it was not asked."""
    quiet_rounds: int
    ratio: float
    chunk: int | None
    differing: int
    wrong: int
    worst: float


@dataclass(frozen=True)
class Cell:
    candidates: int
    events: int
    search: str
    draws: int
    found_otherwise: int
    recall: float
    items: int
    """Distinct items in the history."""
    attended: int
    """Distinct events that were found for any candidate."""
    request_bytes: int
    variants: dict[str, Measured]
    left_out: dict[str, str]

    def ratio(self, one: str, other: str) -> float | None:
        """Median of one variant over that of another; None where one of them is not there."""
        if one not in self.variants or other not in self.variants:
            return None
        return self.variants[one].median / self.variants[other].median


@dataclass(frozen=True)
class Stages:
    """Milliseconds of each stage of the module, in the order they run."""

    candidates: int
    events: int
    search: str
    milliseconds: dict[str, float]


@dataclass(frozen=True)
class Results:
    quick: bool
    machine: dict[str, Any]
    cells: list[Cell]
    throughput: list[dict[str, Any]]
    growth: dict[str, Any]
    stages: list[Stages]
    module: dict[str, int]
    peaks: dict[str, float]
    quietness: dict[str, float]
    """Measurements, those of them that began without a quiet core, and seconds waited for one."""
    versions: dict[str, str]
    start: dict[str, Any] | None
    """What `start` of the host printed, where it is there."""

    def cell(self, candidates: int, events: int, search: str) -> Cell | None:
        asked = (candidates, events, search)
        return next((one for one in self.cells if (one.candidates, one.events, one.search) == asked), None)

    def searches(self) -> list[str]:
        return list(dict.fromkeys(one.search for one in self.cells))

    def by_length(self, candidates: int, search: str) -> list[Cell]:
        """Cells of one search and number of candidates, short histories first."""
        chosen = [one for one in self.cells if one.candidates == candidates and one.search == search]
        return sorted(chosen, key=lambda one: one.events)


def slope(short: Cell, long: Cell, variant: str = REFERENCE) -> float | None:
    """By which power of the length the cost grows from one cell to the other; 1 is linear."""
    if variant not in short.variants or variant not in long.variants:
        return None
    cost = long.variants[variant].median / short.variants[variant].median
    return math.log(cost) / math.log(long.events / short.events)


def read(folder: Path) -> Results:
    """Results of a folder: results.json and versions.json."""
    try:
        document = json.loads((folder / "results.json").read_text())
        return Results(
            quick=document["quick"],
            machine=document["machine"],
            cells=[_cell(one) for one in document["cells"]],
            throughput=document["throughput"],
            growth=document["growth"],
            stages=[_stages(one) for one in document["stages"]],
            module=document["module"],
            peaks=document["peaks"],
            quietness=document["quietness"],
            versions=json.loads((folder / "versions.json").read_text()),
            start=document["start"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{folder} holds no results ({error!r}); run `cargo xtask bench`") from error


def _cell(one: dict[str, Any]) -> Cell:
    variants = {
        name: Measured(
            median=found["times"]["median"],
            p99=found["times"]["p99"],
            rounds=found["times"]["rounds"],
            quiet_p99=found["quiet_times"] and found["quiet_times"]["p99"],
            quiet_rounds=found["quiet_times"]["rounds"] if found["quiet_times"] else 0,
            ratio=found["ratio"],
            chunk=found["chunk"],
            **found["agreement"],
        )
        for name, found in one["variants"].items()
    }
    kept = (
        "candidates",
        "events",
        "search",
        "draws",
        "found_otherwise",
        "recall",
        "items",
        "attended",
        "request_bytes",
        "left_out",
    )
    return Cell(variants=variants, **{name: one[name] for name in kept})


def _stages(one: dict[str, Any]) -> Stages:
    times = {stage["stage"]: stage["milliseconds"] for stage in one["stages"]}
    return Stages(candidates=one["candidates"], events=one["events"], search=one["search"], milliseconds=times)

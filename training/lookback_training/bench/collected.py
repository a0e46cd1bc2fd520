"""The results of one data directory, row by row over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import runs
from .runs import Job, Result
from .statistics import Difference, compare, holm
from .stored import Stored
from .variants import ORACLE, Kind, Row, Variant, named

SIMULATION = "simulation.json"


@dataclass(frozen=True)
class Line:
    """A row with what each seed measured, and AUC per list [seeds,G,2]."""

    row: Row
    variant: Variant
    seeds: list[dict[str, Any]]
    auc: np.ndarray

    def values(self, *path: str) -> np.ndarray:
        """One number of each seed, NaN where a row lacks it: values("overall", "click", "gauc")."""
        return np.array([_at(seed, path) for seed in self.seeds], dtype=np.float64)


@dataclass(frozen=True)
class DataSet:
    """Everything the report says of one data directory. `default` names the row that others are held against."""

    name: str
    simulated: bool
    counts: dict[str, int]
    lines: dict[str, Line]
    lists: np.ndarray
    users: np.ndarray
    default: str | None
    about: dict[str, list[dict[str, Any]]]
    left_out: list[str]

    @property
    def compared(self) -> dict[str, Line]:
        """The rows of models as they were trained."""
        return {name: line for name, line in self.lines.items() if line.row.stored == Stored.AS_TRAINED}

    @property
    def stored(self) -> dict[str, Line]:
        """The rows of the full model stored otherwise."""
        return {name: line for name, line in self.lines.items() if line.row.stored != Stored.AS_TRAINED}

    def differences(self) -> dict[str, Difference]:
        """Of each other row to the full model with its default search, click task, corrected together."""
        if self.default is None:
            return {}
        full = self.lines[self.default].auc[:, :, 0]
        found = {
            name: compare(self.users, full, line.auc[:, :, 0])
            for name, line in self.compared.items()
            if name != self.default and line.variant.name != ORACLE
        }
        return holm({name: one for name, one in found.items() if one is not None})

    def groups(self) -> dict[str, int]:
        """Lists by length of history."""
        for line in self.lines.values():
            if "by_history" in line.seeds[0]:
                return {name: part["lists"] for name, part in line.seeds[0]["by_history"].items()}
        return {}


def collect(data: Path, jobs: list[Job], left_out: list[str]) -> DataSet:
    """Read the results of `jobs`, all done."""
    by_variant: dict[str, list[Result]] = {}
    for job in jobs:
        by_variant.setdefault(job.variant, []).append(runs.read(job))
    lines, about, default = {}, {}, None
    for name, results in by_variant.items():
        variant = named(name)
        about[name] = [result.about for result in results]
        if variant.kind == Kind.FULL:
            default = results[0].about["default_row"]
        rows = {row.name: row for row in variant.rows()}
        for i, row_name in enumerate(results[0].about["rows"]):
            auc = np.stack([result.auc[i] for result in results])
            seeds = [result.about["rows"][row_name] for result in results]
            lines[row_name] = Line(rows[row_name], variant, seeds, auc)
    some = next(iter(by_variant.values()))[0]
    return DataSet(
        name=data.resolve().name,
        simulated=(data / SIMULATION).is_file(),
        counts=some.about["counts"],
        lines=lines,
        lists=some.lists,
        users=some.users,
        default=default,
        about=about,
        left_out=left_out,
    )


def _at(values: Any, path: tuple[str, ...]) -> float:
    for name in path:
        values = values.get(name)
        if values is None:
            return float("nan")
    return float(values)

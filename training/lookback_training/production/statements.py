"""The SQL files of pipeline/sql, with their parameters filled in."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import MendableError

FOLDER = Path(__file__).resolve().parents[3] / "pipeline" / "sql"
PARAMETER = re.compile(r"\$\{(\w+)\}")


class ProductionError(MendableError):
    """Data or parameters of which no production examples can be made."""


@dataclass(frozen=True)
class Parameters:
    """What the SQL files know as `${name}`.

    `day` is the validation day (UTC); `train_days` before it train, `test_days` after it test. `history` and `skips`
    are the most events a record holds, `double_click_seconds` the longest time between the clicks of a double click.
    """

    day: datetime.date
    train_days: int = 7
    test_days: int = 1
    history: int = 1000
    skips: int = 20
    double_click_seconds: int = 2

    def __post_init__(self) -> None:
        least = {"train_days": 1, "test_days": 0, "history": 1, "skips": 1, "double_click_seconds": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ProductionError(f"--{name.replace('_', '-')} is {getattr(self, name)}; give at least {low}")

    def splits(self) -> dict[str, tuple[datetime.date, datetime.date]]:
        """First and last day of each split; a split without days is left out."""
        one = datetime.timedelta(days=1)
        days = {"train": (self.day - self.train_days * one, self.day - one), "valid": (self.day, self.day)}
        if self.test_days:
            days["test"] = (self.day + one, self.day + self.test_days * one)
        return days


def fill(text: str, parameters: Parameters) -> str:
    """The text with every `${name}` replaced; raises `ProductionError` for a name that is no parameter."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise ProductionError(f"the SQL asks for ${{{found[1]}}}; the parameters are {', '.join(sorted(known))}")
        return str(getattr(parameters, found[1]))

    # Dates and integers alone, so that a value cannot be read as SQL.
    known = {field.name for field in fields(parameters)}
    return PARAMETER.sub(value, text)


def statement(name: str, parameters: Parameters, folder: Path = FOLDER) -> str:
    """The query in `NAME.sql`, ready to run."""
    path = folder / f"{name}.sql"
    if not path.is_file():
        raise ProductionError(f"{path} is missing; it is part of the repository, in pipeline/sql")
    return fill(path.read_text(), parameters)

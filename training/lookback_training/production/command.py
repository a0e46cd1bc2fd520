"""The command `production-examples`."""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import Any

from .statements import Parameters


def register(commands: Any) -> None:
    """Add the command to `argparse`'s subparsers."""
    one = commands.add_parser(
        "production-examples", help="make training records by day and hour from a log of impressions, with SQL"
    )
    one.add_argument("--data", type=Path, required=True, help="directory with events.parquet and embeddings/day=…/")
    one.add_argument("--output", type=Path, required=True, help="directory to write; must be empty or not there")
    one.add_argument("--day", type=_day, required=True, metavar="YYYY-MM-DD", help="the validation day (UTC)")
    for name, what in {
        "train_days": "days before it that train",
        "test_days": "days after it that test",
        "history": "most events in a record's history",
        "skips": "most skips in a record",
        "double_click_seconds": "longest time between the clicks of a double click",
    }.items():
        default = getattr(Parameters, name)
        flag = f"--{name.replace('_', '-')}"
        one.add_argument(flag, type=int, default=default, metavar="N", help=f"{what} ({default})")
    one.set_defaults(run=_run)


def _day(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day; write it like 2026-01-20") from None


def _run(options: argparse.Namespace) -> int:
    # Only this command needs the query engine.
    from .examples import run

    parameters = Parameters(
        options.day,
        options.train_days,
        options.test_days,
        options.history,
        options.skips,
        options.double_click_seconds,
    )
    run(options.data, options.output, parameters)
    return 0

"""Codes and sizes shared by every part that reads or writes Lookback data."""

from __future__ import annotations

from enum import IntEnum

ACTIONS: tuple[str, ...] = ("other", "click", "save", "closeup", "skip", "hide")
"""Action names in code order: the code of an action is its place here."""

ENGAGED: tuple[str, ...] = ("other", "click", "save", "closeup")
"""Actions that make up the history."""

SKIPPED: tuple[str, ...] = ("skip", "hide")
"""Actions that make up the skips."""

CLICK_LABEL: tuple[str, ...] = ("click", "save")
"""Actions that make the click label true (a save implies the click)."""

AGE_BUCKETS = 26
HOURS = 24
WEEKDAYS = 7

K = 50
"""Events the general search unit picks per candidate."""
RECENT = 20
"""Newest history events the recent Transformer reads."""
SKIPS = 20
"""Newest skips the skip attention reads."""


class Gsu(IntEnum):
    """The three searches; the value is the graph's `gsu_mode`."""

    HARD = 0
    SOFT = 1
    CONSISTENT = 2

    @property
    def label(self) -> str:
        """The name in files and on the command line."""
        return self.name.lower()

    @classmethod
    def named(cls, label: str) -> Gsu:
        return cls[label.upper()]


GSU_NAMES: tuple[str, ...] = tuple(gsu.label for gsu in Gsu)
TASKS: tuple[str, ...] = ("click", "save")

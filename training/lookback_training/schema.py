"""Codes and sizes shared by every part that reads or writes Lookback data."""

from __future__ import annotations

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

HARD, SOFT = 0, 1
GSU_MODES: dict[str, int] = {"hard": HARD, "soft": SOFT}
TASKS: tuple[str, ...] = ("click", "save")

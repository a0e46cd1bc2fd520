"""Figures beside the tables, as SVG: quality by history, reliability, attention by age."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np

from ..schema import AGE_BUCKETS, TASKS
from .collected import DataSet
from .variants import EXACT, FULL

MINUTES_A_DAY = 1440
MAIN = ("attention-1000", "transformer-50", "din-50", "din-20", "dcn", "logistic-50", "popularity")
"""Rows shown beside the full model's."""
# A fixed salt and no date: the same results give the same file.
matplotlib.rcParams |= {"svg.hashsalt": "lookback", "axes.spines.top": False, "axes.spines.right": False}


def draw(one: DataSet, folder: Path) -> list[tuple[str, Path]]:
    """Write the figures there are results for; (title, path) of each."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = [("GAUC by length of history", "history", by_history(one))]
    if one.default is not None:
        figures.append(("Reliability before and after calibration", "reliability", reliability(one)))
        figures.append(("Attention by age of the event", "attention", attention(one)))
    drawn = []
    for title, name, figure in figures:
        path = folder / f"{one.name}-{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        drawn.append((title, path))
    return drawn


def _title(one: DataSet, text: str) -> str:
    return f"{text} — {one.name}{' (simulated platform)' if one.simulated else ''}"


def by_history(one: DataSet) -> plt.Figure:
    """Click GAUC against the length of history."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    groups = one.groups()
    place = np.arange(len(groups))
    shown = [name for name in (one.default, EXACT, *MAIN) if name in one.lines]
    for name in shown:
        values = np.array([one.lines[name].values("by_history", group, "click", "gauc") for group in groups])
        spread = values.std(axis=1, ddof=1) if values.shape[1] > 1 else None
        width = 2.5 if name == one.default else 1.2
        axes.errorbar(place, values.mean(axis=1), spread, marker="o", linewidth=width, capsize=3, label=name)
    axes.set_xticks(place, [f"{name}\n{count:,} lists" for name, count in groups.items()])
    axes.set(xlabel="engaged events before the list", ylabel="GAUC, click", title=_title(one, "Quality and history"))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure


def reliability(one: DataSet) -> plt.Figure:
    """Share of positives against predicted probability, bins of all seeds together."""
    figure, panels = plt.subplots(1, len(TASKS), figsize=(9, 4.5), layout="constrained")
    line = one.lines[str(one.default)]
    for axes, task in zip(panels, TASKS, strict=True):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
        for name in ("before", "after"):
            bins = np.array([row for seed in line.seeds for row in seed["reliability"][task][name]])
            order = np.argsort(bins[:, 1])
            size = 8 + 60 * np.sqrt(bins[order, 0] / bins[:, 0].max())
            axes.scatter(bins[order, 1], bins[order, 2], s=size, alpha=0.7, label=f"{name} calibration")
        axes.set(xlabel=f"predicted P({task})", ylabel="share that is positive", title=task, xlim=(0, 1), ylim=(0, 1))
        axes.legend(frameon=False)
    figure.suptitle(_title(one, f"Reliability of {one.default}"))
    return figure


def attention(one: DataSet) -> plt.Figure:
    """Mean weight of a found event, and the share of all weight, against age."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    each = [about["attention"] for about in one.about[FULL]]
    weight = np.array([seed["weight"] for seed in each]).sum(axis=0)
    count = np.array([seed["count"] for seed in each]).sum(axis=0)
    some = count > 0
    days = bucket_days()[some]
    axes.plot(days, weight[some] / count[some], marker="o", label="mean weight of a found event")
    axes.plot(days, weight[some] / weight.sum(), marker=".", linestyle=":", label="share of all weight")
    axes.plot(days, count[some] / count.sum(), marker=".", linestyle="--", color="0.6", label="share of found events")
    axes.set(xscale="log", xlabel="age of the event, days", ylabel="weight", ylim=(0, None))
    axes.set_title(_title(one, f"What {one.default} attends to"))
    axes.legend(frameon=False)
    return figure


def bucket_days() -> np.ndarray:
    """Geometric middle of each age bucket [26], in days."""
    # Bucket b holds ages of 2^(b-1) to 2^b minutes; bucket 0 those below a minute.
    return 2.0 ** (np.arange(AGE_BUCKETS) - 0.5) / MINUTES_A_DAY

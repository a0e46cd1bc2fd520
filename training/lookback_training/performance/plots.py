"""Cost against length of history, as SVG."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from .results import REFERENCE, Results

# A fixed salt and no date: the same results give the same file.
matplotlib.rcParams |= {"svg.hashsalt": "lookback", "axes.spines.top": False, "axes.spines.right": False}

CANDIDATES = 1000


def draw(results: Results, folder: Path) -> list[tuple[str, Path]]:
    """A figure for each search of which two lengths were measured; (title, path) of each."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for search in results.searches():
        if len(results.by_length(CANDIDATES, search)) < 2:
            continue
        title = f"Cost against length of history, {search} search, {CANDIDATES:,} candidates"
        path = folder / f"length-{search}.svg"
        figure = by_length(results, search)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
        drawn.append((title, path))
    return drawn


def by_length(results: Results, search: str) -> plt.Figure:
    """Median time of each variant over the number of events, both logarithmic, with a line that grows linearly."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    cells = results.by_length(CANDIDATES, search)
    for name in dict.fromkeys(name for cell in cells for name in cell.variants):
        points = [(cell.events, cell.variants[name].median) for cell in cells if name in cell.variants]
        width = 2.5 if name == REFERENCE else 1.2
        axes.plot(*zip(*points, strict=True), marker="o", linewidth=width, label=name)
    lengths = [cell.events for cell in cells]
    start = cells[0].variants[REFERENCE].median
    linear = [start * length / lengths[0] for length in lengths]
    axes.plot(lengths, linear, linestyle=":", color="grey", label="linear growth")
    axes.set(
        xscale="log", yscale="log", xlabel="events searched", ylabel="ms a request, median", title=f"{search} search"
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return figure

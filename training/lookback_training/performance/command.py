"""The commands `performance-graphs`, `performance-draws`, `performance-worker` and `performance-page`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..schema import Gsu
from . import fixture
from .made import Stamp, digest, sources

CORE_HOUR_PRICE = 0.04
NOTES = "notes.md"
VERDICT = {True: "met   ", False: "MISSED", None: "      "}


def register(commands: Any) -> None:
    """Add the commands to `argparse`'s subparsers."""
    one = commands.add_parser("performance-graphs", help="write model.onnx as ordinary graphs, one for each search")
    one.add_argument("--model", type=Path, required=True, help="model directory")
    one.add_argument("--output", type=Path, required=True, help="folder to write")
    one.set_defaults(run=_graphs)
    two = commands.add_parser("performance-draws", help="find what exact search finds for fixtures, and its draws")
    two.add_argument("--model", type=Path, required=True, help="model directory")
    two.add_argument("fixtures", type=Path, nargs="+", metavar="FIXTURE", help="JSON files of the benchmark's driver")
    two.set_defaults(run=_draws)
    three = commands.add_parser("performance-worker", help="answer the benchmark's driver with onnxruntime")
    three.add_argument("--graphs", type=Path, required=True, help="folder of performance-graphs")
    three.set_defaults(run=_worker)
    four = commands.add_parser("performance-page", help="write the page of the benchmark's results")
    four.add_argument("--model", type=Path, required=True, help="model directory that was measured")
    four.add_argument("--results", type=Path, required=True, metavar="DIR", help="what `cargo xtask bench` measured")
    four.add_argument("--output", type=Path, required=True, help="Markdown page to write, such as docs/performance.md")
    four.add_argument("--fleet", type=Path, required=True, help="the note on cost to write, such as docs/fleet.md")
    four.add_argument("--command", required=True, help="what the pages say they are written by")
    four.add_argument(
        "--core-hour-price",
        type=float,
        default=CORE_HOUR_PRICE,
        metavar="PRICE",
        help=f"assumed price of a core for an hour ({CORE_HOUR_PRICE})",
    )
    four.set_defaults(run=_page)


def _graphs(options: argparse.Namespace) -> int:
    model = options.model / "model.onnx"
    options.output.mkdir(parents=True, exist_ok=True)
    stamp = Stamp(options.output / "made-of", digest([model, *sources("export")]))
    if stamp.holds(options.output / f"{gsu.label}.onnx" for gsu in Gsu):
        print("the graphs are those of this model already")
        return 0
    # The exporter's packages take a while to import.
    from ..export import ordinary

    ordinary.write(model, options.output)
    stamp.write()
    return 0


def _draws(options: argparse.Namespace) -> int:
    model = options.model / "model.onnx"
    of_all = [model, *sources("model", "export", "performance")]
    stamps = {}
    for path in options.fixtures:
        stamp = Stamp(path.with_suffix(".searched"), digest([path, *fixture.files(path), *of_all]))
        if not stamp.holds(path.parent / f"{path.stem}-exact-{gsu.label}.i32" for gsu in Gsu):
            stamps[path] = stamp
    if not stamps:
        print("exact search of these fixtures is known already")
        return 0
    # PyTorch takes a while to import.
    from . import draws

    draws.write(list(stamps), model)
    for stamp in stamps.values():
        stamp.write()
    return 0


def _worker(options: argparse.Namespace) -> int:
    from . import worker

    worker.serve(options.graphs)
    return 0


def _page(options: argparse.Namespace) -> int:
    from . import fleet, page, plots, results, roofline
    from .bars import bars

    found = results.read(options.results)
    folder = options.output.with_suffix("")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    drawn = [(title, f"{folder.name}/{path.name}") for title, path in plots.draw(found, folder)]
    notes = folder / NOTES
    text = notes.read_text() if notes.is_file() else ""
    options.output.write_text(page.render(found, options.command, drawn, text, roofline.shape(options.model)))
    cost = fleet.render(found, options.command, options.core_hour_price)
    options.fleet.write_text(cost)
    for bar in bars(found):
        print(f"{VERDICT[bar.met]} {bar.asked}: {bar.figure} ({bar.threshold})")
    print(f"\n{cost}")
    return 0

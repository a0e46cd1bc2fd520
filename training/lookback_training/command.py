"""The command line: train, evaluate, parity, bench, adapt, production-examples, performance-…."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from pathlib import Path

from .errors import MendableError
from .performance import command as performance
from .production import command as production
from .schema import GSU_NAMES, Gsu

BENCH_WORK = Path(__file__).resolve().parents[2] / "target" / "lookback" / "bench"
"""Where results of the comparison lie unless said otherwise: beside everything else that is built."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit status 0 = done, 1 = parity does not hold or the input needs mending."""
    options = parser().parse_args(arguments)
    # The exporter warns about packages that this project does not use.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\.|lookback_training")
    try:
        return int(options.run(options))
    except (MendableError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m lookback_training", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("train", help="train on a data directory and write a model directory")
    one.add_argument("--data", type=Path, required=True, help="directory written by `lookback import` and `examples`")
    one.add_argument("--output", type=Path, required=True, help="model directory to write; its name names the model")
    one.add_argument("--config", type=Path, help="TOML file over the defaults in configs/default.toml")
    one.add_argument("--seed", type=int, default=1)
    one.add_argument("--resume", action="store_true", help="go on from the checkpoint in OUTPUT/work")
    one.add_argument(
        "--shard-items", action="store_true", help="divide the item embeddings among the processes of torchrun"
    )
    one.add_argument(
        "--board", type=Path, metavar="DIR", help="where TensorBoard's events go (default: target/lookback/runs/NAME)"
    )
    one.set_defaults(run=train)

    two = commands.add_parser("evaluate", help="print a model directory's metrics on the test lists")
    two.set_defaults(run=evaluate)
    three = commands.add_parser(
        "parity", help="compare the logits of PyTorch, onnxruntime and files of scores on the test lists"
    )
    three.add_argument("--scores", type=Path, nargs="*", default=[], metavar="FILE", help="Parquet files of logits")
    three.add_argument(
        "--metrics", type=Path, nargs="*", default=[], metavar="FILE", help="documents of `lookback evaluate --metrics`"
    )
    three.add_argument("--gsu", choices=GSU_NAMES, help="compare this search only (default: all)")
    three.set_defaults(run=check_parity)
    four = commands.add_parser("bench", help="compare the full model, baselines and ablations, and write the page")
    four.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="data directories")
    four.add_argument("--output", type=Path, required=True, help="Markdown page to write, such as docs/results.md")
    four.add_argument("--work", type=Path, default=BENCH_WORK, help="where results are kept (target/lookback/bench)")
    four.add_argument("--config", type=Path, help="TOML file over the defaults in configs/default.toml")
    four.add_argument("--seeds", type=int, metavar="N", help="trainings per row (default: as in configs/bench.toml)")
    four.add_argument("--quick", action="store_true", help="one seed, few rows, little data: minutes")
    four.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="runs at once")
    four.add_argument(
        "--only",
        nargs="+",
        type=_variant,
        metavar="VARIANT",
        help="only these, such as no-time; what is none has all of them listed",
    )
    four.set_defaults(run=compare)
    five = commands.add_parser("adapt", help="map a new embedding version back to the one that a model was trained on")
    five.add_argument("--old", type=Path, required=True, metavar="SNAPSHOT", help="Parquet file or folder, old version")
    five.add_argument("--new", type=Path, required=True, metavar="SNAPSHOT", help="Parquet file or folder, new version")
    five.add_argument("--output", type=Path, required=True, metavar="FILE", help="Parquet file to write, old version")
    five.set_defaults(run=adapt)
    production.register(commands)
    performance.register(commands)
    for command in (two, three):
        command.add_argument("--data", type=Path, required=True, help="data directory")
        command.add_argument("--model", type=Path, required=True, help="model directory")
        command.add_argument("--limit", type=int, default=0, metavar="LISTS", help="only the first LISTS test lists")
    return top


# Each command imports what it runs, and no other's: PyTorch and what else there is take many seconds.
def _variant(text: str) -> str:
    from .bench.variants import BenchError, named

    try:
        return named(text).name
    except BenchError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def train(options: argparse.Namespace) -> int:
    from .train import config, run

    settings = config.load(options.config)
    run.train(options.data, options.output, settings, options.seed, options.resume, options.board, options.shard_items)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    from .evaluation import report, scorers

    lists = scorers.load(options.data, options.model, options.limit)
    calibration = lists.model.manifest["calibration"]
    rows = {
        f"{lists.model.manifest['name']} ({gsu.label})": report.metrics(
            lists.requests, scorers.by_pytorch(lists, gsu), calibration
        )
        for gsu in Gsu
    }
    print(f"{len(lists.requests)} test lists, {len(lists.requests.item)} candidates")
    print(report.render(rows))
    return 0


def compare(options: argparse.Namespace) -> int:
    from .bench import bench
    from .train import config

    settings = config.load(options.config)
    bench.run(
        options.data,
        options.output,
        options.work,
        settings,
        options.processes,
        options.seeds,
        options.quick,
        options.only,
        options.config,
    )
    print(f"wrote {options.output}; results are kept in {options.work}")
    return 0


def adapt(options: argparse.Namespace) -> int:
    from . import adapter

    print(adapter.adapt(options.old, options.new, options.output))
    return 0


def check_parity(options: argparse.Namespace) -> int:
    from .evaluation import parity, scorers

    lists = scorers.load(options.data, options.model, options.limit)
    searches = [options.gsu] if options.gsu else list(GSU_NAMES)
    found, measured = parity.compare(lists, options.scores, searches, options.metrics)
    print(f"{'face':<32}{'gsu':<12}{'examples':>10}{'draws':>8}{'max |Δ|':>12}{'lists misordered':>18}")
    for one in found:
        print(f"{one.face:<32}{one.gsu:<12}{one.examples:>10}{one.draws:>8}{one.worst:>12.2e}{one.misordered:>18}")
    if measured:
        print(f"\n{'metrics of':<32}{'gsu':<12}{'metrics':>10}{'max |Δ|':>12}  in")
    for each in measured:
        print(f"{each.face:<32}{each.gsu:<12}{each.metrics:>10}{each.worst:>12.2e}  {each.where}")
    if all(one.holds for one in (*found, *measured)):
        return 0
    print(
        f"parity does not hold: expected at least {parity.MIN_EXAMPLES} examples, every |Δ| at most "
        f"{parity.TOLERANCE}, no list misordered, every metric within {parity.METRIC_TOLERANCE}; "
        "make sure all faces scored this data with this model",
        file=sys.stderr,
    )
    return 1

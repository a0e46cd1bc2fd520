"""The bench on made-up logs: parts taken away are really gone, measures are right, results are kept and shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_up
import numpy as np
import polars as pl
import pytest
import torch

from lookback_training.bench import bars, bench, pool, runs, settings, stored
from lookback_training.bench.collected import DataSet, Line
from lookback_training.bench.variants import VARIANTS, BenchError, Kind, Scorer, named
from lookback_training.data.batch import Batch
from lookback_training.evaluation import metrics
from lookback_training.train import config, setup

SIZES = settings.Sizes(requests=400, epochs=1, seeds=1, valid_lists=0, test_lists=0)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up log with everything, and a truth beside it that favours what was saved."""
    data = made_up.write(tmp_path_factory.mktemp("bench") / "data", rich=True)
    examples = pl.read_parquet(data / "examples.parquet").filter(pl.col("split") == "test")
    rows = examples.unique(["user", "item", "time"], maintain_order=True)
    p = pl.when(pl.col("click")).then(0.9).otherwise(0.1).cast(pl.Float32)
    rows.select("user", "item", "time", p_click=p, p_save=p * 0.5).with_columns(
        pl.col("p_save").cast(pl.Float32)
    ).write_parquet(data / "truth.parquet")
    return data


def job(data: Path, work: Path, small: config.Config, variant: str) -> runs.Job:
    return runs.Job(data, runs.fingerprint(data), variant, 1, small, SIZES, work)


def rows_of_the_full_model(data: Path) -> set[str]:
    """All that can be had without a change of the embedding model, which made-up logs do not know."""
    return {row.name for row in named("lookback").rows() if stored.possible(row.stored, data)}


def logits(made: setup.Setup, small: config.Config, variant: str, change: str | None = None) -> torch.Tensor:
    """Logits of three test lists by a fresh trainee of the variant, with one table of the batch shuffled."""
    chosen = named(variant)
    trainee = runs.fresh(made, chosen, small, seed=4).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in trainee.ranker.parameters():
            weight += 0.2 * torch.randn(weight.shape, generator=generator)
        search = trainee.search(runs.Gsu.SOFT)
        batch: Batch = made.test.take(np.arange(3), chosen.recent).build(np.arange(3), search)
        if change is not None:
            events = getattr(batch, change)
            batch = replace(batch, **{change: replace(events, item=events.item.flip(0), action=events.action.flip(0))})
        return trainee(batch)


@pytest.mark.parametrize(
    ("variant", "absent"),
    [("no-long", "long"), ("no-recent", "recent"), ("no-skips", "skips"), ("din-50", "long"), ("dcn", "recent")],
)
def test_a_part_taken_away_has_no_influence(rich: Path, small: config.Config, variant: str, absent: str) -> None:
    made = setup.prepare(rich, small, seed=0)
    assert torch.equal(logits(made, small, variant), logits(made, small, variant, absent))
    assert not torch.allclose(logits(made, small, "lookback"), logits(made, small, "lookback", absent), atol=1e-6)


def test_every_variant_runs_and_none_is_the_full_model_by_another_name(
    rich: Path, small: config.Config, tmp_path: Path
) -> None:
    results = {}
    for variant in VARIANTS:
        one = job(rich, tmp_path, small, variant.name)
        runs.run(one)
        assert one.is_done()
        results[variant.name] = runs.read(one)
    full = results["lookback"].about["rows"]
    assert set(full) == rows_of_the_full_model(rich)
    losses = {
        name: result.about["rows"][name]["overall"]["click"]["log_loss"]
        for name, result in results.items()
        if named(name).scorer == Scorer.RANKER and named(name).kind != Kind.FULL
    }
    default = full[results["lookback"].about["default_row"]]["overall"]["click"]["log_loss"]
    assert all(loss != default for loss in losses.values()), losses | {"lookback": default}
    assert results["oracle"].about["rows"]["oracle"]["truth"]["click"]["expected_auc"] > 0.5


def test_runs_that_are_done_are_not_run_again(rich: Path, small: config.Config, tmp_path: Path) -> None:
    one = job(rich, tmp_path, small, "popularity")
    pool.run([one], processes=1)
    written = one.path.stat().st_mtime_ns
    pool.run([one], processes=1)
    assert one.path.stat().st_mtime_ns == written
    other = replace(one, seed=2)
    assert other.path != one.path
    assert not other.is_done()


def test_the_page_holds_every_row_and_says_how_it_was_made(rich: Path, small: config.Config, tmp_path: Path) -> None:
    sizes = tmp_path / "bench.toml"
    text = "[default]\nrequests = 60\nepochs = 1\nseeds = 2\nvalid_lists = 0\ntest_lists = 0\n[quick]\n"
    sizes.write_text(text)
    page = tmp_path / "results.md"
    only = ["lookback", "popularity", "no-skips", "oracle"]
    bench.run([rich], page, tmp_path / "work", small, processes=2, only=only, sizes_path=sizes)
    shown = page.read_text()
    for name in only[1:]:
        assert f"| {name}" in shown, name
    for name in rows_of_the_full_model(rich):
        assert f"| {name} |" in shown or f"| **{name}** |" in shown, name
    assert "python -m lookback_training bench --data" in shown
    assert "simulated" not in shown.lower()
    (rich / "simulation.json").write_text("{}")
    bench.run([rich], page, tmp_path / "work", small, processes=2, only=only, sizes_path=sizes)
    (rich / "simulation.json").unlink()
    simulated = page.read_text()
    assert "simulated" in simulated.lower()
    assert "| skips: AUC with them less without them |" in simulated
    assert "the best baseline or peer, popularity" not in simulated
    assert "the best baseline or peer, popularity" in shown
    with pytest.raises(BenchError, match="no variant"):
        named("nothing")


def test_recall_by_hand() -> None:
    label, score = np.array([1, 0, 1, 0, 0, 1.0]), np.array([3, 2, 1, 9, 8, 7.0])
    first, item = np.array([0, 3, 6]), np.arange(6)
    assert metrics.recall(label, score, first, item, at=1) == pytest.approx((1 / 2 + 0) / 2)
    assert metrics.recall(label, score, first, item, at=3) == 1.0


def test_expected_auc_by_hand_and_for_certain_labels() -> None:
    # Pairs: p_i (1 - p_j) over i != j; the better score wins.
    p, score = np.array([0.8, 0.3]), np.array([2.0, 1.0])
    assert metrics.expected_auc(p, score) == pytest.approx(0.8 * 0.7 / (0.8 * 0.7 + 0.3 * 0.2))
    label = np.array([1, 0, 1, 0.0])
    score = np.array([0.1, 0.4, 0.4, 0.2])
    assert metrics.expected_auc(label, score) == pytest.approx(metrics.auc(label, score))


def line(name: str, click: list[float], ece: float = 0.0) -> tuple[str, Line]:
    """A row whose every click measure is the same, one number per seed."""
    full = named("lookback")
    rows = {row.name: (row, full) for row in full.rows()}
    row, variant = rows.get(name) or (named(name).rows()[0], named(name))
    measured = [dict.fromkeys(("auc", "gauc", "expected_auc"), value) | {"ece": ece} for value in click]
    seeds = [{key: {"click": one, "save": one} for key in ("overall", "long_history", "truth")} for one in measured]
    return name, Line(row, variant, seeds, np.zeros((len(click), 1, 2)))


def test_bars_by_hand() -> None:
    lines = dict(
        [
            line("lookback, consistent", [0.80, 0.82], ece=0.02),
            line("lookback, soft", [0.78, 0.78]),
            line("lookback, hard", [0.70, 0.70]),
            line("lookback, exact", [0.80, 0.82]),
            line("lookback, f32", [0.8001, 0.8201]),
            line("lookback, f16", [0.8, 0.82]),
            line("lookback, int8", [0.798, 0.818]),
            line("lookback, replaced", [0.7, 0.72]),
            line("lookback, adapted", [0.79, 0.79]),
            line("din-50", [0.75, 0.76]),
            line("transformer-50", [0.805, 0.805]),
            line("no-skips", [0.79, 0.83]),
            line("oracle", [0.85]),
        ]
    )
    one = DataSet("made-up", True, {}, lines, np.zeros(1), np.zeros(1), "lookback, consistent", {}, [])
    found = {bar.asked: bar for bar in bars.bars(one)}

    def bar(*words: str) -> bars.Bar:
        (asked,) = (asked for asked in found if all(word in asked for word in words))
        return found[asked]

    assert bar("before din-50").met
    assert bar("before din-50").figure == pytest.approx([0.05, 0.06])
    assert not bar("before transformer-50").met
    assert bar("share of the way").figure == pytest.approx([0.05 / 0.10, 0.06 / 0.09])
    assert not bar("share of the way").met
    assert bar("over lookback, exact").met
    assert not bar("ECE of click").met
    assert bar("adapter").figure == pytest.approx([0.9, 0.7])
    assert bar("adapter").met
    assert bar("f16 costs").met
    assert not bar("int8 costs").met
    assert not bar("skips", "against the truth").met

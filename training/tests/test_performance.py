"""Peers are timed on the same model, whole or in parts, and the pages say what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from test_export import random_inputs

from lookback_training.export import graph, ordinary
from lookback_training.model.ranker import Ranker
from lookback_training.performance import bars, draws, fixture, fleet, made, page, plots, results, roofline
from lookback_training.performance.worker import Worker
from lookback_training.schema import Gsu


@pytest.fixture(scope="module")
def exported(ranker: Ranker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("performance") / "model.onnx"
    graph.export(ranker, path)
    return path


@pytest.fixture(scope="module")
def graphs(exported: Path) -> Path:
    folder = exported.with_name("graphs")
    ordinary.write(exported, folder)
    return folder


def run(path: Path, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {one.name: inputs[one.name] for one in session.get_inputs()})


def request(ranker: Ranker, candidates: int, events: int, gsu: Gsu, skips: int = 20) -> dict[str, np.ndarray]:
    inputs = {name: value.numpy() for name, value in random_inputs(ranker, candidates, events, events, gsu).items()}
    inputs["skip_valid"][skips:] = 0
    return inputs


@pytest.mark.parametrize("gsu", list(Gsu))
@pytest.mark.parametrize(("candidates", "events", "skips"), [(1, 50, 20), (7, 60, 0), (40, 300, 13)])
def test_an_ordinary_graph_answers_as_the_model_does(
    exported: Path, graphs: Path, ranker: Ranker, candidates: int, events: int, skips: int, gsu: Gsu
) -> None:
    inputs = request(ranker, candidates, events, gsu, skips)
    expected = run(exported, inputs)[0]
    np.testing.assert_allclose(run(graphs / f"{gsu.label}.onnx", inputs)[0], expected, atol=1e-5)


@pytest.mark.parametrize("gsu", list(Gsu))
def test_its_two_parts_say_what_the_whole_says(graphs: Path, ranker: Ranker, gsu: Gsu) -> None:
    inputs = request(ranker, 9, 80, gsu)
    whole = run(graphs / f"{gsu.label}.onnx", inputs)[0]
    first = graphs / f"{gsu.label}-events.onnx"
    names = [one.name for one in onnx.load(first).graph.output]
    assert not {one.name for one in onnx.load(first).graph.input} & set(ordinary.CANDIDATE_INPUTS)
    shared = inputs | dict(zip(names, run(first, inputs), strict=True))
    parts = []
    for at in (0, 4, 8):
        chunk = {name: inputs[name][at : at + 4] for name in ordinary.CANDIDATE_INPUTS}
        parts.append(run(graphs / f"{gsu.label}-candidates.onnx", shared | chunk)[0])
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_ordinary_graphs_are_standard_and_ask_for_no_more_than_they_need(graphs: Path) -> None:
    for path in graphs.iterdir():
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert not model.functions
        assert {node.domain for node in model.graph.node} == {""}, path.name
        read = {name for node in model.graph.node for name in node.input}
        assert {one.name for one in model.graph.input} <= read
        assert not {one.name for one in model.graph.input} & set(ordinary.CONSTANT)
    assert [one.name for one in onnx.load(graphs / "soft.onnx").graph.output] == ["logit"]


def write_fixture(folder: Path, inputs: dict[str, np.ndarray]) -> Path:
    data, places = b"", []
    for name, value in inputs.items():
        if name not in ordinary.CONSTANT:
            kind = "float32" if value.dtype == np.float32 else "int64"
            place = {"name": name, "kind": kind, "shape": value.shape, "file": "all.bin", "offset": len(data)}
            places.append(place)
            data += value.tobytes() + b"\0" * (-value.nbytes % 8)
    (folder / "all.bin").write_bytes(data)
    sizes = {"candidates": len(inputs["candidate_category"]), "events": len(inputs["event_category"])}
    path = folder / "fixture.json"
    path.write_text(json.dumps(sizes | {"items": [], "requests": {}, "tensors": places}))
    return path


def test_the_worker_gives_the_same_logits_whole_and_in_chunks(graphs: Path, ranker: Ranker, tmp_path: Path) -> None:
    inputs = request(ranker, 23, 90, Gsu.CONSISTENT)
    path = write_fixture(tmp_path, inputs)
    worker = Worker(graphs)
    given = fixture.read(path)
    expected = run(graphs / "consistent.onnx", inputs)[0]
    for one in (worker.whole("consistent", given), worker.divided("consistent", given, 5)):
        seconds, logit = one()
        assert seconds > 0
        np.testing.assert_allclose(logit, expected, atol=1e-5)


def test_the_worker_obeys_the_drivers_orders(graphs: Path, ranker: Ranker, tmp_path: Path) -> None:
    inputs = request(ranker, 23, 90, Gsu.SOFT)
    path = write_fixture(tmp_path, inputs)
    worker = Worker(graphs)
    order = {"fixture": str(path), "search": "soft"}
    with pytest.raises(ValueError, match="no fixture"):
        worker.obey({"task": "run", **order})
    prepared = worker.obey({"task": "prepare", **order})
    assert prepared["chunk"] is None
    assert prepared["nanoseconds"] > 0
    assert worker.obey({"task": "run", **order})["nanoseconds"] > 0
    worker.obey({"task": "score", "to": str(tmp_path / "logits"), **order})
    logit = np.frombuffer((tmp_path / "logits").read_bytes(), "<f4").reshape(-1, 2)
    np.testing.assert_allclose(logit, run(graphs / "soft.onnx", inputs)[0], atol=1e-6)


def test_a_search_whose_last_place_rounding_decides_is_a_draw(ranker: Ranker, tmp_path: Path) -> None:
    inputs = request(ranker, 3, 60, Gsu.SOFT)
    # Scores of the first candidate are 60, 59, 58, … but for two: the 51st is all but equal to the 50th.
    inputs["candidate_embedding"][0] = 0
    inputs["candidate_embedding"][0, 0] = 1
    inputs["event_embedding"][:, 0] = np.arange(60, 0, -1)

    def drawn(gsu: Gsu) -> np.ndarray:
        given = draws.tensors(write_fixture(tmp_path, inputs))
        return draws.draws(given, ranker, gsu, draws.exact(given, ranker, gsu))

    assert not drawn(Gsu.SOFT)[0]
    # Codes cannot tell them apart, and the newer is found; embeddings can, and the older is.
    inputs["event_embedding"][50, 0] = inputs["event_embedding"][49, 0] + 1e-4
    assert drawn(Gsu.SOFT)[0]
    inputs["event_embedding"][50, 0] = inputs["event_embedding"][49, 0] - 1e-4
    assert not drawn(Gsu.SOFT)[0]
    # One step of a float apart: what a sum rounds to depends on its order.
    inputs["event_embedding"][50, 0] = np.nextafter(inputs["event_embedding"][49, 0], np.float32(0))
    assert drawn(Gsu.SOFT)[0]
    # A twin is found or not by its place, in every runtime.
    inputs["event_embedding"][50, 0] = inputs["event_embedding"][49, 0]
    assert not drawn(Gsu.SOFT)[0]
    assert not drawn(Gsu.HARD).any()


@pytest.mark.parametrize("gsu", list(Gsu))
def test_exact_search_is_that_of_the_model(exported: Path, ranker: Ranker, tmp_path: Path, gsu: Gsu) -> None:
    inputs = request(ranker, 11, 200, gsu)
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["long_index"], inputs)
    found = draws.exact(draws.tensors(write_fixture(tmp_path, inputs)), ranker, gsu)
    np.testing.assert_array_equal(np.sort(found), np.sort(expected))
    draws.write([write_fixture(tmp_path, inputs)], exported)
    written = (tmp_path / f"fixture-exact-{gsu.label}.i32").read_bytes()
    np.testing.assert_array_equal(np.frombuffer(written, "<i4").reshape(-1, 50), found)


def test_what_was_made_of_the_same_files_is_not_made_again(tmp_path: Path) -> None:
    source, product = tmp_path / "source", tmp_path / "product"
    source.write_text("one")
    product.write_text("made")
    stamp = made.Stamp(tmp_path / "stamp", made.digest([source]))
    assert not stamp.holds([product])
    stamp.write()
    assert stamp.holds([product])
    product.unlink()
    assert not stamp.holds([product])
    source.write_text("two")
    assert not made.Stamp(tmp_path / "stamp", made.digest([source])).holds([])


def cell(events: int, search: str, medians: dict[str, float], wrong: int = 0, quiet: int = 0) -> dict:
    agreement = {"differing": wrong + 2, "wrong": wrong, "worst": 3e-6}
    variants = {
        name: {
            "times": {"median": median, "p99": 1.5 * median, "least": median, "rounds": 110},
            "quiet_times": {"median": median, "p99": 1.2 * median, "least": median, "rounds": quiet} if quiet else None,
            "ratio": median / medians["wasmtime"],
            "chunk": None,
            "agreement": agreement,
        }
        for name, median in medians.items()
    }
    return {
        "candidates": 1000,
        "events": events,
        "search": search,
        "draws": 2,
        "found_otherwise": 5,
        "recall": 0.985,
        "items": 500,
        "attended": 400,
        "request_bytes": 12_000,
        "variants": variants,
        "left_out": {"tract": "about 60 s a request"},
    }


@pytest.fixture
def measured(tmp_path: Path) -> results.Results:
    document = {
        "quick": False,
        "machine": {
            "cpu": "A CPU",
            "cores": 2,
            "memory_gb": 8.0,
            "system": "linux on x86_64",
            "features": ["avx2"],
            "load": [0.0, 1.0],
        },
        "cells": [
            cell(1000, "hard", {"wasmtime": 5.0}),
            cell(54_000, "hard", {"wasmtime": 7.0}),
            cell(1000, "soft", {"wasmtime": 10.0, "native-128": 9.0, "onnxruntime": 8.0, "onnxruntime-web": 40.0}),
            cell(16_000, "soft", {"wasmtime": 20.0}),
            cell(54_000, "soft", {"wasmtime": 60.0, "onnxruntime": 240.0}, wrong=1),
            cell(200_000, "soft", {"wasmtime": 80.0}),
        ],
        "throughput": [
            {
                "candidates": 1000,
                "events": 1000,
                "search": "soft",
                "one_thread": 50.0,
                "two_threads": 97.5,
                "ratio": 1.95,
            }
        ],
        "growth": {
            "candidates": 1000,
            "events": [1000, 54_000],
            "search": "hard",
            "milliseconds": [5.0, 7.1],
            "ratio": 1.4,
        },
        "stages": [
            {
                "candidates": 1000,
                "events": 1000,
                "search": "soft",
                "stages": [
                    {"stage": "search", "milliseconds": 4.0},
                    {"stage": "head", "milliseconds": 6.0},
                    {"stage": "answer", "milliseconds": 0.1},
                ],
            }
        ],
        "module": {"raw": 8_000_000, "gzip": 1_900_000},
        "quietness": {"starts": 1200, "disturbed": 34, "waited": 600.0},
        "peaks": {
            "read_gb_per_second": 10.0,
            "wasmtime_f32_multiply_add_gflops": 20.0,
            "wasmtime_i16_dot_gops": 50.0,
        },
    }
    shard = {"rows": 7000, "element": "f16", "bytes": 2_000_000, "load_in_module_ms": 1.0, "load_natively_ms": 0.5}
    shard |= {"lookups": {"one_by_one_ns": 20.0, "together_ns": 10.0, "gather_ns": 30.0}}
    shard |= {"push_shard_to_ready_ms": 40.0, "push_bundle_to_ready_ms": 50.0}
    start = {"shard_rows": 100_000, "start_us": {"median": 31.0, "p99": 120.0}, "first_to_later": 1.1}
    start |= {"just_pushed": [{"candidates": 500, "events": 1_000, "pushes": 15, "first_to_later": 1.3}]}
    memory = {"added_pss": 170_000_000, "added_pss_after_push": 450_000_000, "shard_bytes": 200_000_000, "instances": 8}
    document["start"] = {"start": start, "memory": memory, "shards": [shard]}
    (tmp_path / "results.json").write_text(json.dumps(document))
    (tmp_path / "versions.json").write_text(json.dumps({"wasmtime": "48.0.8"}))
    return results.read(tmp_path)


def test_bars_are_met_or_missed_by_what_was_measured(measured: results.Results) -> None:
    found = {bar.asked: bar for bar in bars.bars(measured)}
    verdicts = {
        "1,000 candidates, 1,000 events, soft: against onnxruntime": ("1.25×", False),
        "1,000 candidates, 1,000 events, soft: against onnxruntime-web": ("0.25×", True),
        "1,000 candidates, 54,000 events, soft: against onnxruntime": ("0.25×", True),
        "1,000 candidates, 54,000 events, soft: recall@50 against exact search": ("0.9850", True),
        "1,000 candidates, 54,000 events, soft: P99 over 110 requests": ("90.0 ms", True),
        "hard search, 54,000 events against 1,000": ("1.40×", False),
        "soft: cost grows as length to the power of, 16,000 to 200,000 events": ("0.55", True),
        "1,000 candidates, 1,000 events, soft: against the same Rust natively, 128-bit SIMD": ("1.11×", True),
        "1,000 candidates, 1,000 events, soft: requests of two cores": ("1.95×", True),
        "an instance with bundle and 100,000 rows: ready, median": ("31.0 µs", True),
        "an instance with bundle and 100,000 rows: ready, P99": ("120.0 µs", False),
        "an instance with bundle and 100,000 rows: its first request against a later one": ("1.10×", True),
        "500 candidates, 1,000 events: the first request after a push against a later one": ("1.30×", False),
        "8 instances on one shard of 200 MB: memory added (PSS)": ("170.0 MB", True),
        "8 instances on one shard of 200 MB: memory added (PSS), once the shard was pushed again": ("450.0 MB", False),
        "the module, gzip'd": ("1.90 MB", True),
    }
    assert {asked: (found[asked].figure, found[asked].met) for asked in verdicts} == verdicts
    assert set(found) == set(verdicts)


@pytest.mark.parametrize(
    ("quiet", "asked", "figure"),
    [
        (0, "P99 over 110 requests", "90.0 ms"),
        (54, "P99 over 110 requests", "90.0 ms"),
        (55, "P99 over 55 requests on a quiet core, of 110", "72.0 ms"),
    ],
)
def test_the_percentile_is_of_a_quiet_core_where_half_of_all_were(
    measured: results.Results, tmp_path: Path, quiet: int, asked: str, figure: str
) -> None:
    document = json.loads((tmp_path / "results.json").read_text())
    document["cells"] = [cell(54_000, "soft", {"wasmtime": 60.0}, quiet=quiet)]
    (tmp_path / "results.json").write_text(json.dumps(document))
    found = {bar.asked: bar.figure for bar in bars.bars(results.read(tmp_path))}
    assert found[f"1,000 candidates, 54,000 events, soft: {asked}"] == figure


def test_the_page_shows_times_ratios_and_what_is_not_there(measured: results.Results, tmp_path: Path) -> None:
    drawn = plots.draw(measured, tmp_path / "figures")
    assert [path.name for _, path in drawn] == ["length-hard.svg", "length-soft.svg"]
    text = page.render(measured, "cargo xtask bench", [(title, path.name) for title, path in drawn], "A note.\n")
    assert "| 1,000 | 1,000 | 10.0 | 9.0 (0.90) | 8.0 (0.80) | 40.0 (4.00) | too long |" in text
    assert "| 1,000 | 54,000 | 60.0 **wrong** | – | 240.0 (4.00) **wrong** | – | too long |" in text
    assert "about 60 s a request" in text
    assert "A note." in text
    assert "34 of 1,200 measurements began without a quiet core, after 600 s of waiting in all" in text
    assert "cargo xtask bench\n" in text
    assert "| start, start us, median | 31 |" in text
    assert "| 7,000 | f16 | 2.0 | 1.0 | 0.5 | 20 | 10 | 30 | 40 | 50 |" in text
    assert "](length-soft.svg)" in text
    assert "quick run" not in text


SHAPE = roofline.Shape(
    dimension=64,
    width=64,
    columns=128,
    heads=4,
    k=50,
    marks=63,
    head_operations=60_000,
    head_bytes=1_000_000,
    row_bytes=300,
)


def test_stages_are_told_by_what_they_have_to_do_and_what_they_reached(measured: results.Results) -> None:
    (profiled,) = measured.stages
    search, head, answer = roofline.reached(measured, SHAPE, profiled)
    # 1,000 candidates × 500 items × 64 numbers, a multiplication and an addition each, in 4 ms of 50 a nanosecond.
    assert search.of_arithmetic == pytest.approx(64e6 / 4e-3 / 50e9)
    assert head.of_arithmetic == pytest.approx(60e6 / 6e-3 / 20e9)
    assert (answer.work, answer.of_arithmetic) == (None, None)
    assert roofline.bottleneck([search, head, answer]) == head
    text = page.render(measured, "cargo xtask bench", [], shape=SHAPE)
    assert "| soft | 1,000 | 1,000 | 4.00 | 6.00 | 0.10 | 10.1 |" in text
    assert "| head | 6.00 | 60.0 | 2.02 | 50% | 3% |" in text
    assert "The next bottleneck: head" in text


def test_the_shape_of_a_model_is_read_from_its_files() -> None:
    model = Path(__file__).parents[2] / "tests/models/made-up"
    shape = roofline.shape(model)
    manifest = json.loads((model / "manifest.json").read_text())
    assert (shape.dimension, shape.k) == (manifest["embedding_dim"], manifest["k"])
    assert shape.columns % shape.heads == 0
    assert shape.marks > 24 + 7
    assert shape.head_operations > 2 * shape.width * shape.columns
    assert shape.head_bytes > 0
    assert shape.row_bytes > shape.dimension


def test_a_fleet_costs_what_its_requests_take(measured: results.Results) -> None:
    assert fleet.core_hours(3.6) == pytest.approx(1.0)
    assert fleet.cores(3.6) == pytest.approx(3.6)
    text = fleet.render(measured, "cargo xtask bench", 0.5)
    assert "0.5 a core-hour" in text
    assert "| soft | 54,000 | 60.0 | 16.7 | 8.33 | 60.0 | 240.0 | 66.7 | 33.33 | 240.0 | 4.00× |" in text
    assert "| soft | 16,000 | 20.0 | 5.6 | 2.78 | 20.0 | – | – | – | – | – |" in text


def test_results_that_are_not_there_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(results.ResultsError, match="cargo xtask bench"):
        results.read(tmp_path)

"""Search and Attend: properties, and agreement with their ONNX function bodies in onnxruntime."""

from __future__ import annotations

import functools
import math

import numpy as np
import onnx
import onnxruntime
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from lookback_training.export import functions
from lookback_training.model.operators import attend, codes, search
from lookback_training.schema import Gsu

HEADS, WIDTH = 2, 8


@functools.cache
def session(operator: str, attribute: int) -> onnxruntime.InferenceSession:
    """A model of one node of the operator."""
    f, i = TensorProto.FLOAT, TensorProto.INT64
    if operator == "Search":
        inputs = [("candidate", f, ["C", "d"]), ("event", f, ["N", "d"]), ("candidate_category", i, ["C"])]
        inputs += [("event_category", i, ["N"]), ("event_valid", f, ["N"]), ("mode", i, [])]
        inputs += [("query", f, ["C", WIDTH]), ("key", f, ["N", WIDTH]), ("bias", f, ["N", HEADS])]
        outputs, attributes = [("index", i, ["C", "K"])], {"k": attribute, "heads": HEADS}
    else:
        inputs = [("query", f, ["C", WIDTH]), ("key", f, ["R", WIDTH]), ("value", f, ["R", WIDTH])]
        inputs += [("bias", f, ["R", HEADS]), ("index", i, ["C", "K"])]
        outputs = [("output", f, ["C", WIDTH]), ("weight", f, ["C", HEADS, "K"]), ("intensity", f, ["C", HEADS])]
        attributes = {"heads": attribute}
    node = helper.make_node(
        operator, [n for n, *_ in inputs], [n for n, *_ in outputs], domain=functions.DOMAIN, **attributes
    )
    infos = [[helper.make_tensor_value_info(*one) for one in side] for side in (inputs, outputs)]
    model = helper.make_model(
        helper.make_graph([node], operator, *infos), opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    )
    functions.add_to(model)
    onnx.checker.check_model(model, full_check=True)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@st.composite
def searches(draw: st.DrawFn) -> tuple[dict[str, torch.Tensor], int]:
    k, c = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    n = k + draw(st.integers(0, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Small whole numbers: inner products are exact and often equal, so ties are tried all the time.
    inputs = {
        "candidate": rng.integers(-2, 3, (c, 3)).astype(np.float32),
        "event": rng.integers(-2, 3, (n, 3)).astype(np.float32),
        "candidate_category": rng.integers(0, 3, c),
        "event_category": rng.integers(0, 3, n),
        "event_valid": (rng.random(n) < draw(st.sampled_from([0.0, 0.5, 1.0]))).astype(np.float32),
        "mode": np.array(draw(st.integers(0, 2))),
        # Heads of width 4: the scale is 2 and every logit exact.
        "query": rng.integers(-2, 3, (c, WIDTH)).astype(np.float32),
        "key": rng.integers(-2, 3, (n, WIDTH)).astype(np.float32),
        "bias": rng.integers(-2, 3, (n, HEADS)).astype(np.float32),
    }
    return {name: torch.from_numpy(value) for name, value in inputs.items()}, k


def search_by_definition(x: dict[str, torch.Tensor], k: int) -> list[list[int]]:
    rows = []
    mode = Gsu(int(x["mode"]))
    candidate, event = codes(x["candidate"], x["event"])
    for c, category in enumerate(x["candidate_category"].tolist()):
        found = []
        for row in range(len(x["event"])):
            alike = category > 0 and x["event_category"][row] == category
            score = {
                Gsu.HARD: 0.0,
                Gsu.SOFT: float(candidate[c] @ event[row]),
                Gsu.CONSISTENT: float(x["query"][c] @ x["key"][row]) / 2 + float(x["bias"][row].sum()),
            }[mode]
            if x["event_valid"][row] > 0 and (mode != Gsu.HARD or alike):
                found.append((-score, row))
        best = [row for _, row in sorted(found)[:k]]
        rows.append(best + [-1] * (k - len(best)))
    return rows


@settings(max_examples=60, deadline=None)
@given(searches())
def test_search_is_its_definition_and_its_function_body(case: tuple[dict[str, torch.Tensor], int]) -> None:
    x, k = case
    ours = search(**x, k=k, heads=HEADS)
    assert ours.tolist() == search_by_definition(x, k)
    (theirs,) = session("Search", k).run(None, {name: value.numpy() for name, value in x.items()})
    assert ours.tolist() == theirs.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.sampled_from([0.0, 1e-20, 1e-3, 1.0, 1e4]), st.integers(0, 2**32 - 1))
def test_codes_keep_the_inner_product_and_fit_32_bits(d: int, size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = [torch.from_numpy((rng.standard_normal((5, d)) * size).astype(np.float32)) for _ in range(2)]
    candidate, event = codes(*tables)
    assert candidate.abs().sum(1).max() <= d * 2**15
    assert (candidate.abs() @ event.abs().T).max() < 2**31
    largest = max(float(table.abs().max()) for table in tables)
    if largest > 0:
        limit = float(max(candidate.abs().max(), event.abs().max()))
        exact = tables[0].double() @ tables[1].double().T
        error = (candidate @ event.T * (largest / limit) ** 2 - exact).abs().max()
        assert error <= 1.01 * d * largest * largest / limit


@st.composite
def attentions(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    c, r, k = draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.1, 1.0, 30.0]))
    shapes = {"query": (c, WIDTH), "key": (r, WIDTH), "value": (r, WIDTH), "bias": (r, HEADS)}
    inputs = {name: (rng.standard_normal(shape) * scale).astype(np.float32) for name, shape in shapes.items()}
    inputs["index"] = rng.integers(-1, r, (c, k))
    return {name: torch.from_numpy(value) for name, value in inputs.items()}


@settings(max_examples=60, deadline=None)
@given(attentions())
def test_attend_is_its_definition_and_its_function_body(x: dict[str, torch.Tensor]) -> None:
    output, weight, intensity = attend(**x, heads=HEADS)
    size = WIDTH // HEADS
    for c, slots in enumerate(x["index"].tolist()):
        for h in range(HEADS):
            cut = slice(h * size, (h + 1) * size)
            query = x["query"][c, cut].double()
            logit = {
                s: float(query @ x["key"][row, cut].double()) / math.sqrt(size) + float(x["bias"][row, h])
                for s, row in enumerate(slots)
                if row >= 0
            }
            top = max(logit.values(), default=0.0)
            total = sum(math.exp(v - top) for v in logit.values())
            expected = [math.exp(logit[s] - top) / total if s in logit else 0.0 for s in range(len(slots))]
            np.testing.assert_allclose(weight[c, h], expected, atol=2e-4)
            np.testing.assert_allclose(intensity[c, h], np.logaddexp.reduce([0.0, *logit.values()]), atol=1e-3)
            mixed = sum((w * x["value"][slots[s], cut] for s, w in enumerate(expected) if w), torch.zeros(size))
            np.testing.assert_allclose(output[c, cut], mixed, atol=2e-2 if x["value"].abs().max() > 10 else 1e-4)
    theirs = session("Attend", HEADS).run(None, {name: value.numpy() for name, value in x.items()})
    np.testing.assert_allclose(weight, theirs[1], atol=2e-4)
    np.testing.assert_allclose(intensity, theirs[2], atol=1e-3)
    np.testing.assert_allclose(output, theirs[0], atol=2e-2 if x["value"].abs().max() > 10 else 1e-4)


def test_attend_without_any_slot_is_zero() -> None:
    x = torch.randn(1, WIDTH)
    attended = attend(x, x, x, torch.zeros(1, HEADS), torch.full((1, 3), -1), HEADS)
    assert not any(part.any() for part in attended)

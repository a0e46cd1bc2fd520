"""What each stage of a request has to do, and how near it comes to what the core can do.

Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model" (CACM 2009): a stage is bound by
arithmetic or by memory, whichever of the two would take longer at its peak.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import onnx

from ..export import shard as shards
from .results import Cell, Results, Stages

FLOAT = 4
CODE = 2
F32_PEAK, I16_PEAK = "wasmtime_f32_multiply_add_gflops", "wasmtime_i16_dot_gops"
READ_PEAK = "read_gb_per_second"
SUMMED_UP = 8
"""A number of an event that is summed up of parts takes as long as so many multiplications: src/long_attention."""


@dataclass(frozen=True)
class Shape:
    """What of the model decides how much there is to do."""

    dimension: int
    width: int
    columns: int
    """D, all heads together."""
    heads: int
    k: int
    marks: int
    head_operations: int
    """Of one candidate, in the half of the graph that is computed for each."""
    head_bytes: int
    """Its weights."""
    row_bytes: int
    """A row of the shard."""


@dataclass(frozen=True)
class Work:
    """Multiplications and additions, and bytes that have to be read or written at least once."""

    operations: float
    bytes: float
    codes: bool = False
    """Whether the operations are on 16-bit codes."""


@dataclass(frozen=True)
class Reached:
    """A stage: its work, its time, and the shares of both peaks that it reached."""

    stage: str
    milliseconds: float
    work: Work | None
    of_arithmetic: float | None
    of_memory: float | None


def shape(model: Path) -> Shape:
    """Reads model.onnx and shard.lbs of a model directory."""
    inferred = onnx.shape_inference.infer_shapes(onnx.load(model / "model.onnx"))
    graph = inferred.graph
    weights = {one.name: one for one in graph.initializer}
    long = next(node for node in graph.node if node.op_type == "LongAttention")
    attributes = {one.name: one.i for one in long.attribute}
    operations, head_bytes = _head(graph, weights)
    dims = {name.rsplit("event.", 1)[-1]: weights[name].dims for name in weights if name.startswith("event.")}
    width, dimension = dims["item.weight"]
    marks = sum(dims[f"{name}.weight"][0] for name in ("action", "age", "hour", "weekday"))
    shard = (model / "shard.lbs").read_bytes()
    rows = len(shards.decode(shard).item)
    return Shape(
        dimension=dimension,
        width=width,
        columns=weights[long.input[16]].dims[0],
        heads=attributes["heads"],
        k=attributes["k"],
        marks=marks,
        head_operations=operations,
        head_bytes=head_bytes,
        row_bytes=len(shard) // max(rows, 1),
    )


def _head(graph: onnx.GraphProto, weights: dict[str, onnx.TensorProto]) -> tuple[int, int]:
    """Operations of a candidate and bytes of weights in what is computed for each candidate, beside long attention."""
    of_candidates = {"candidate_embedding", "candidate_category", "candidate_feature"}
    shapes = {one.name: [dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in graph.value_info}
    operations: dict[str, int] = {}
    of_weights = 0
    for node in graph.node:
        # Long attention encodes candidates, and the head takes them from there.
        if node.op_type == "Gemm" and node.input[0] == "candidate_embedding":
            of_candidates |= set(node.output)
            continue
        if of_candidates & set(node.input):
            of_candidates |= set(node.output)
        if node.op_type == "Gemm" and node.output[0] in of_candidates:
            rows, columns = weights[node.input[1]].dims
            operations[node.output[0]] = 2 * rows * columns
            of_weights += FLOAT * rows * columns
    made_by = {output: node for node in graph.node for output in node.output}
    read_by = {name: node for node in graph.node for name in node.input}
    for node in graph.node:
        if node.op_type == "Attend" and node.output[0] in of_candidates:
            slots, width = shapes[node.input[4]][1], shapes[node.input[0]][1]
            heads = next(one.i for one in node.attribute if one.name == "heads")
            before, after = made_by[node.input[0]], read_by[node.output[0]]
            ends = weights[before.input[1]].dims[1] + weights[after.input[1]].dims[0]
            around = [operations.pop(one.output[0]) for one in (before, after)]
            # Rows may take the projections before and after upon themselves, where that is less.
            operations[node.output[0]] = min(sum(around) + 4 * slots * width, 2 * heads * slots * ends)
    return sum(operations.values()), of_weights


def work(shape: Shape, cell: Cell) -> dict[str, Work]:
    """What the stages have to do that do the bulk of it; see src/long_attention and src/gsu."""
    c, n, m, p = cell.candidates, cell.events, cell.items, cell.attended
    d, w, wide = shape.dimension, shape.width, shape.columns
    # Few events are projected, many are attended to as they are: src/long_attention takes what is less.
    items = m if cell.search == "consistent" else min(m, p)
    projected = c * (w + 2 * shape.k) * wide + 2 * items * w * wide
    summed_up = 2 * p * wide
    absorbed = c * (shape.heads * w * (w + 1 + 2 * shape.k) + w * wide)
    if projected + SUMMED_UP * summed_up < absorbed:
        # Two parts of marks, the scale and the bias; of an event itself only its scale is found.
        attend, read, encode = 2 * projected + 4 * summed_up, 2 * (items + p) * wide, 4 * p * w
    else:
        attend, read, encode = 2 * absorbed, p * w, 8 * p * w
    encoded = 0 if cell.search == "consistent" else min(m, p)
    all_work = {
        "decode": Work(0, cell.request_bytes),
        "lookup": Work(0, c * shape.row_bytes + n * 16),
        "query": Work(2 * c * d * w, FLOAT * c * (d + w)),
        "encode": Work(2 * encoded * d * w + encode, FLOAT * (2 * encoded * d + 2 * p * w)),
        "attend": Work(attend, FLOAT * (read + c * (w + shape.k * shape.heads + wide))),
        "head": Work(c * shape.head_operations, shape.head_bytes + FLOAT * c * (2 * d + wide)),
    }
    if cell.search == "soft":
        all_work["index"] = Work(2 * m * d, 2 * FLOAT * m * d)
        all_work["search"] = Work(2 * c * m * d, CODE * (c + m) * d + FLOAT * c * m, codes=True)
    if cell.search == "consistent":
        all_work["index"] = Work(
            2 * m * d * w + 2 * c * w * (w + shape.marks) + 6 * n * w, FLOAT * (2 * m * w + 4 * n)
        )
        all_work["search"] = Work(2 * c * m * w, CODE * (c + m) * w + FLOAT * c * m, codes=True)
    return all_work


def reached(results: Results, shape: Shape, one: Stages) -> Iterable[Reached]:
    """Each stage of a profiled request."""
    cell = results.cell(one.candidates, one.events, one.search)
    found = work(shape, cell) if cell else {}
    for stage, milliseconds in one.milliseconds.items():
        done = found.get(stage)
        if done is None or milliseconds <= 0:
            yield Reached(stage, milliseconds, done, None, None)
            continue
        peak = results.peaks[I16_PEAK if done.codes else F32_PEAK]
        per_second = 1e-6 / milliseconds
        of_arithmetic = done.operations * per_second / peak if done.operations else None
        yield Reached(stage, milliseconds, done, of_arithmetic, done.bytes * per_second / results.peaks[READ_PEAK])


def bottleneck(stages: Iterable[Reached]) -> Reached | None:
    """The stage from which most time would go if it ran at the peak that binds it."""

    def above_peak(stage: Reached) -> float:
        return stage.milliseconds * (1 - max(stage.of_arithmetic or 0.0, stage.of_memory or 0.0))

    return max((stage for stage in stages if stage.work), key=above_peak, default=None)

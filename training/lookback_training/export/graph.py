"""The ranker as `model.onnx`: one file, weights inside, initializers named as in PyTorch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import torch
from onnx_ir.passes.common import (
    CommonSubexpressionEliminationPass,
    LiftConstantsToInitializersPass,
    RemoveUnusedNodesPass,
)
from onnxscript.optimizer import fold_constants
from torch import Tensor, nn

from ..model.ranker import Ranker, Shape
from ..schema import SKIPS, K
from . import functions

INPUTS: tuple[str, ...] = (
    "user_field",
    "context",
    "candidate_embedding",
    "candidate_category",
    "candidate_feature",
    "event_embedding",
    "event_category",
    "event_action",
    "event_time",
    "event_valid",
    "skip_embedding",
    "skip_category",
    "skip_action",
    "skip_time",
    "skip_valid",
    "gsu_mode",
)
OUTPUTS: tuple[str, ...] = ("logit", "long_index", "long_weight", "recent_weight", "skip_weight")

PLAIN: frozenset[str] = frozenset(
    "MatMul Gemm Add Mul Sub Div Relu Sigmoid Tanh Sqrt ReduceMean Concat Gather Slice Reshape Unsqueeze Squeeze "
    "Expand Transpose Cast Shape Constant Identity LongAttention Attend".split()
)
"""Operators a reader of the graph must know; the export fails on any other."""


def example_inputs(shape: Shape, candidates: int = 7, events: int = 60) -> dict[str, Tensor]:
    """Zero-filled inputs of the right shapes and types."""
    d = shape.embedding_dim
    long = torch.int64
    return {
        "user_field": torch.zeros(1, max(1, len(shape.user_fields)), dtype=long),
        "context": torch.zeros(1, 3, dtype=long),
        "candidate_embedding": torch.zeros(candidates, d),
        "candidate_category": torch.zeros(candidates, dtype=long),
        "candidate_feature": torch.zeros(candidates, shape.item_features),
        "event_embedding": torch.zeros(events, d),
        "event_category": torch.zeros(events, dtype=long),
        "event_action": torch.zeros(events, dtype=long),
        "event_time": torch.zeros(events, 3, dtype=long),
        "event_valid": torch.ones(events),
        "skip_embedding": torch.zeros(SKIPS, d),
        "skip_category": torch.zeros(SKIPS, dtype=long),
        "skip_action": torch.zeros(SKIPS, dtype=long),
        "skip_time": torch.zeros(SKIPS, 3, dtype=long),
        "skip_valid": torch.ones(SKIPS),
        "gsu_mode": torch.tensor(1),
    }


def export(ranker: Ranker, path: Path) -> None:
    """Write the graph of `ranker` to `path`; raises if it is not the graph the format promises."""
    ranker = ranker.eval()
    candidates, events = torch.export.Dim("C", min=1), torch.export.Dim("N", min=K)
    dims: dict[str, dict[int, torch.export.Dim]] = {name: {} for name in INPUTS}
    for name in INPUTS:
        if name.startswith("candidate_"):
            dims[name] = {0: candidates}
        elif name.startswith("event_"):
            dims[name] = {0: events}
    inputs = example_inputs(ranker.shape)
    with torch.no_grad():
        program = torch.onnx.export(
            ranker,
            tuple(inputs[name] for name in INPUTS),
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=tuple(dims[name] for name in INPUTS),
            opset_version=functions.OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    # The exporter's own optimiser merges weights that hold equal values and so loses names; folding alone keeps them.
    fold_constants(program.model)
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(program.model)
    CommonSubexpressionEliminationPass()(program.model)
    RemoveUnusedNodesPass()(program.model)
    model = program.model_proto
    functions.add_to(model)
    tidy(model)
    check(model, ranker)
    path.write_bytes(model.SerializeToString())


def tidy(model: onnx.ModelProto) -> None:
    """Drop what only the exporter's author needs: stack traces, node metadata, value hints."""
    graph = model.graph
    del model.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, graph):
        del part.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
    del graph.value_info[:]
    model.producer_name, model.producer_version = "lookback_training", ""


def check(model: onnx.ModelProto, ranker: nn.Module) -> None:
    """Raise unless the file is valid, plain, and holds every weight under its PyTorch name."""
    onnx.checker.check_model(model, full_check=True)
    kinds = Counter(node.op_type for node in model.graph.node)
    odd = sorted(set(kinds) - PLAIN)
    if odd:
        raise ValueError(f"the graph uses operators outside the plain list: {odd}; write that part in plain operators")
    stored = {tensor.name for tensor in model.graph.initializer}
    missing = sorted(set(ranker.state_dict()) - stored)
    if missing:
        raise ValueError(f"weights missing from the graph under their own names: {missing}; check the export options")

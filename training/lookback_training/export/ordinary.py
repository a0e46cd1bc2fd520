"""The model as one ordinary ONNX graph for each search: what a runtime without our operators would be given.

The same weights and the same answers as model.onnx, for other runtimes to be timed on: no operator of a domain of its
own, only one search in each graph and soft search on the embeddings themselves, no input for what is the same in every
request of 50 events or more, no output but the logits. Attention over a sequence that all candidates share (recent
events, skips) is a plain matrix product; attention over the events found gathers them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto, helper, inliner, numpy_helper, parser
from onnxscript import optimizer

from ..schema import RECENT, Gsu
from .functions import DOMAIN, functions

CANDIDATE_INPUTS: tuple[str, ...] = ("candidate_embedding", "candidate_category", "candidate_feature")
CONSTANT: tuple[str, ...] = ("event_valid", "gsu_mode")
"""Inputs of model.onnx that these graphs do not have: every event counts, and the search is chosen."""

_HEADER = '<opset_import: ["" : 20], domain: "ai.lookback">\n'
_SEARCH_INPUTS = "candidate, event, candidate_category, event_category, query, key, bias"

_SEARCH: dict[Gsu, str] = {
    Gsu.HARD: f"""{_HEADER}
Search <k, heads>({_SEARCH_INPUTS}) => (index) {{
    zero = Constant <value_int: int = 0> ()
    one = Constant <value_int: int = 1> ()
    axis0 = Constant <value_ints: ints = [0]> ()
    axis1 = Constant <value_ints: ints = [1]> ()
    none = Constant <value_int: int = -1> ()
    never = Constant <value_float: float = -inf> ()
    k_scalar = Constant <value_int: int = @k> ()
    k_list = Unsqueeze (k_scalar, axis0)
    count = Shape (event_category)
    count_scalar = Squeeze (count, axis0)
    row = Range (zero, count_scalar, one)
    row_float = Cast <to = 1> (row)
    newest = Neg (row_float)
    unknown = Constant <value_int: int = -2> ()
    is_known = Greater (candidate_category, zero)
    asked = Where (is_known, candidate_category, unknown)
    asked_column = Unsqueeze (asked, axis1)
    alike = Equal (asked_column, event_category)
    score = Where (alike, newest, never)
    best, found = TopK <axis = 1, largest = 1, sorted = 0> (score, k_list)
    missing = Equal (best, never)
    index = Where (missing, none, found)
}}
""",
    Gsu.SOFT: f"""{_HEADER}
Search <k, heads>({_SEARCH_INPUTS}) => (index) {{
    axis0 = Constant <value_ints: ints = [0]> ()
    k_scalar = Constant <value_int: int = @k> ()
    k_list = Unsqueeze (k_scalar, axis0)
    event_t = Transpose <perm = [1, 0]> (event)
    score = MatMul (candidate, event_t)
    best, index = TopK <axis = 1, largest = 1, sorted = 0> (score, k_list)
}}
""",
    Gsu.CONSISTENT: f"""{_HEADER}
Search <k, heads>({_SEARCH_INPUTS}) => (index) {{
    axis0 = Constant <value_ints: ints = [0]> ()
    axis1 = Constant <value_ints: ints = [1]> ()
    k_scalar = Constant <value_int: int = @k> ()
    k_list = Unsqueeze (k_scalar, axis0)
    width = Shape <start = 1, end = 2> (query)
    heads_scalar = Constant <value_int: int = @heads> ()
    heads_list = Unsqueeze (heads_scalar, axis0)
    head_width = Div (width, heads_list)
    head_width_float = Cast <to = 1> (head_width)
    scale = Sqrt (head_width_float)
    query_scaled = Div (query, scale)
    key_t = Transpose <perm = [1, 0]> (key)
    product = MatMul (query_scaled, key_t)
    prior = ReduceSum <keepdims = 0> (bias, axis1)
    score = Add (product, prior)
    best, index = TopK <axis = 1, largest = 1, sorted = 0> (score, k_list)
}}
""",
}

# Every slot holds an event, and all heads of a candidate are one product with its gathered keys: the query of a head
# stands in the head's columns, among zeros.
_ATTEND_FOUND = f"""{_HEADER}
AttendFound <heads>(query, key, value, bias, index) => (output, weight, intensity) {{
    axis0 = Constant <value_ints: ints = [0]> ()
    axis1 = Constant <value_ints: ints = [1]> ()
    keep = Constant <value_ints: ints = [0]> ()
    rest = Constant <value_ints: ints = [-1]> ()
    heads_scalar = Constant <value_int: int = @heads> ()
    heads_list = Unsqueeze (heads_scalar, axis0)
    width = Shape <start = 1, end = 2> (query)
    head_width = Div (width, heads_list)
    head_width_float = Cast <to = 1> (head_width)
    scale = Sqrt (head_width_float)
    zero = Constant <value_int: int = 0> ()
    one = Constant <value_int: int = 1> ()
    width_scalar = Squeeze (width, axis0)
    column = Range (zero, width_scalar, one)
    head_of_column = Div (column, head_width)
    head = Range (zero, heads_scalar, one)
    head_row = Unsqueeze (head, axis0)
    column_head = Unsqueeze (head_of_column, axis1)
    of_head = Equal (column_head, head_row)
    of_head_float = Cast <to = 1> (of_head)
    of_head_scaled = Div (of_head_float, scale)
    query_column = Unsqueeze (query, rest)
    query_by_head = Mul (query_column, of_head_scaled)
    keys = Gather <axis = 0> (key, index)
    values = Gather <axis = 0> (value, index)
    biases = Gather <axis = 0> (bias, index)
    product = MatMul (keys, query_by_head)
    logit = Add (product, biases)
    top = ReduceMax <keepdims = 1> (logit, axis1)
    below = Sub (logit, top)
    power = Exp (below)
    total = ReduceSum <keepdims = 1> (power, axis1)
    share = Div (power, total)
    weight = Transpose <perm = [0, 2, 1]> (share)
    mixed = MatMul (weight, values)
    of_column = Transpose <perm = [1, 0]> (of_head_float)
    own = Mul (mixed, of_column)
    output = ReduceSum <keepdims = 0> (own, axis1)
    log_total = Log (total)
    log_sum_row = Add (top, log_total)
    log_sum = Squeeze (log_sum_row, axis1)
    intensity = Softplus (log_sum)
}}
"""

_ATTEND_SHARED = f"""{_HEADER}
AttendShared <heads>(query, key, value, bias, index) => (output, weight, intensity) {{
    zero = Constant <value_int: int = 0> ()
    axis0 = Constant <value_ints: ints = [0]> ()
    axis2 = Constant <value_ints: ints = [2]> ()
    keep = Constant <value_ints: ints = [0]> ()
    rest = Constant <value_ints: ints = [-1]> ()
    masked = Constant <value_float: float = -1e30> ()
    one = Constant <value_float: float = 1.0> ()
    heads_scalar = Constant <value_int: int = @heads> ()
    heads_list = Unsqueeze (heads_scalar, axis0)
    width = Shape <start = 1, end = 2> (query)
    head_width = Div (width, heads_list)
    head_width_float = Cast <to = 1> (head_width)
    scale = Sqrt (head_width_float)
    slot = Squeeze (index, axis0)
    row = Max (slot, zero)
    keys = Gather <axis = 0> (key, row)
    values = Gather <axis = 0> (value, row)
    biases = Gather <axis = 0> (bias, row)
    split = Concat <axis = 0> (keep, heads_list, rest)
    keys_split = Reshape (keys, split)
    keys_by_head = Transpose <perm = [1, 2, 0]> (keys_split)
    values_split = Reshape (values, split)
    values_by_head = Transpose <perm = [1, 0, 2]> (values_split)
    bias_by_head_row = Transpose <perm = [1, 0]> (biases)
    axis1 = Constant <value_ints: ints = [1]> ()
    bias_by_head = Unsqueeze (bias_by_head_row, axis1)
    query_scaled = Div (query, scale)
    query_split = Reshape (query_scaled, split)
    query_by_head = Transpose <perm = [1, 0, 2]> (query_split)
    product = MatMul (query_by_head, keys_by_head)
    biased = Add (product, bias_by_head)
    present = GreaterOrEqual (slot, zero)
    present_float = Cast <to = 1> (present)
    logit = Where (present, biased, masked)
    top = ReduceMax <keepdims = 1> (logit, axis2)
    below = Sub (logit, top)
    power = Exp (below)
    power_present = Mul (power, present_float)
    total = ReduceSum <keepdims = 1> (power_present, axis2)
    total_safe = Max (total, one)
    share = Div (power_present, total_safe)
    mixed = MatMul (share, values_by_head)
    mixed_rows = Transpose <perm = [1, 0, 2]> (mixed)
    flat = Concat <axis = 0> (keep, rest)
    output = Reshape (mixed_rows, flat)
    weight = Transpose <perm = [1, 0, 2]> (share)
    log_total = Log (total_safe)
    log_sum_row = Add (top, log_total)
    log_sum_heads = Squeeze (log_sum_row, axis2)
    log_sum = Transpose <perm = [1, 0]> (log_sum_heads)
    intensity = Softplus (log_sum)
}}
"""


def ordinary(model: ModelProto, gsu: Gsu) -> ModelProto:
    """`model` (model.onnx) for one search and at least 50 events of known items; one output, `logit` [C,2]."""
    result = ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    _share_slots(graph)
    _drop_constants(graph)
    for node in graph.node:
        if node.op_type == "LongAttention":
            kept = [name for name in node.input if name not in CONSTANT]
            _replace(node.input, kept)
    _replace(graph.output, [value for value in graph.output if value.name == "logit"])
    _replace(result.functions, _functions(gsu))
    result = inliner.inline_local_functions(result)
    _replace(result.opset_import, [entry for entry in result.opset_import if entry.domain != DOMAIN])
    result = optimizer.optimize(result, num_iterations=4, onnx_shape_inference=True)
    result.producer_name, result.producer_version = "lookback_training", ""
    onnx.checker.check_model(result, full_check=True)
    return result


def _functions(gsu: Gsu) -> list[FunctionProto]:
    """Bodies of the operators, for this search alone."""
    bodies = {body.name: body for body in functions()}
    long = bodies["LongAttention"]
    _replace(long.input, [name for name in long.input if name not in CONSTANT])
    for node in long.node:
        if node.op_type == "Search":
            _replace(node.input, [name for name in node.input if name not in CONSTANT])
        # Hard search may find fewer than K events; the others find K of all.
        if node.op_type == "Attend" and gsu != Gsu.HARD:
            node.op_type = "AttendFound"
    texts = (_SEARCH[gsu], _ATTEND_FOUND, _ATTEND_SHARED)
    return [bodies["Attend"], long, *(parser.parse_function(text) for text in texts)]


def _share_slots(graph: GraphProto) -> None:
    """Where every candidate attends to the same slots, hand over the slots once."""
    made_by = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "Attend" and made_by[node.input[4]].op_type == "Expand":
            node.op_type = "AttendShared"
            node.input[4] = made_by[node.input[4]].input[0]


def _drop_constants(graph: GraphProto) -> None:
    """Every event counts: the recent ones are there, and nothing else asks."""
    _replace(graph.input, [value for value in graph.input if value.name not in CONSTANT])
    graph.initializer.append(numpy_helper.from_array(np.ones(RECENT, dtype=np.float32), "event_valid"))


def split(model: ModelProto) -> tuple[ModelProto, ModelProto]:
    """An ordinary graph in two: what is the same for all candidates, and what is not.

    The first gives what the second takes beside the candidates, so that candidates can come in parts.
    """
    graph = model.graph
    constant = {tensor.name for tensor in graph.initializer}
    shared = {value.name for value in graph.input if value.name not in CANDIDATE_INPUTS}
    first, second = [], []
    for node in graph.node:
        reads = [name for name in node.input if name]
        is_shared = all(name in shared or name in constant for name in reads) and any(name in shared for name in reads)
        (first if is_shared else second).append(node)
        if is_shared:
            shared.update(node.output)
    asked = {name for node in second for name in node.input}
    cut = [name for node in first for name in node.output if name in asked]
    cut += [value.name for value in graph.input if value.name in asked and value.name not in CANDIDATE_INPUTS]
    known = {value.name: value for value in (*graph.input, *graph.value_info, *graph.output)}
    inputs = [value for value in graph.input if value.name not in CANDIDATE_INPUTS]
    passed = [_with_length(known[name]) for name in cut]
    computed = [value for value in passed if value.name not in {given.name for given in graph.input}]
    candidates = [value for value in graph.input if value.name in CANDIDATE_INPUTS]
    parts = (
        _part(model, first, inputs, computed),
        _part(model, second, [*candidates, *passed], list(graph.output)),
    )
    for part in parts:
        onnx.checker.check_model(part, full_check=True)
    return parts


def _with_length(value: ValueInfoProto) -> ValueInfoProto:
    """Shape inference knows no length of a range whose end is computed; the one range that is cut counts events."""
    known = ValueInfoProto()
    known.CopyFrom(value)
    for dim in known.type.tensor_type.shape.dim:
        if not dim.WhichOneof("value"):
            dim.dim_param = "N"
    return known


def _part(model: ModelProto, nodes: list[NodeProto], inputs: list, outputs: list) -> ModelProto:
    read = {name for node in nodes for name in node.input}
    weights = [tensor for tensor in model.graph.initializer if tensor.name in read]
    graph = helper.make_graph(nodes, "part", [one for one in inputs if one.name in read], outputs, weights)
    part = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    part.producer_name = model.producer_name
    return part


def _replace(field, values: list) -> None:
    """The values in place of what a repeated field held."""
    kept = list(values)
    del field[:]
    field.extend(kept)


def write(model: Path, folder: Path) -> list[Path]:
    """Write, for each search, the graph and its two parts to `folder`; returns the files."""
    source = onnx.load(model)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for gsu in Gsu:
        whole = ordinary(source, gsu)
        first, second = split(whole)
        for name, one in ((gsu.label, whole), (f"{gsu.label}-events", first), (f"{gsu.label}-candidates", second)):
            path = folder / f"{name}.onnx"
            path.write_bytes(one.SerializeToString())
            written.append(path)
    return written

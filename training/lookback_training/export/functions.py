"""ONNX function bodies of `ai.lookback::Search` and `ai.lookback::Attend`, in standard operators only.

Any ONNX runtime can thus run the model; a runtime that knows the operators may replace the bodies.
The definitions are those of `model/operators.py`.
"""

from __future__ import annotations

import onnx
from onnx import FunctionProto, parser

DOMAIN = "ai.lookback"
VERSION = 3
OPSET = 20

_SEARCH = """
<opset_import: ["" : 20], domain: "ai.lookback">
Search <k, heads>(candidate, event, candidate_category, event_category, event_valid, mode, query, key, bias) => (index) {
    zero = Constant <value_int: int = 0> ()
    one = Constant <value_int: int = 1> ()
    axis0 = Constant <value_ints: ints = [0]> ()
    axis1 = Constant <value_ints: ints = [1]> ()
    none = Constant <value_int: int = -1> ()
    never_float = Constant <value_float: float = -inf> ()
    never = Cast <to = 11> (never_float)
    k_scalar = Constant <value_int: int = @k> ()
    k_list = Unsqueeze (k_scalar, axis0)
    count = Shape (event_valid)
    count_scalar = Squeeze (count, axis0)
    row = Range (zero, count_scalar, one)
    row_float = Cast <to = 1> (row)
    newest_float = Neg (row_float)
    newest = Cast <to = 11> (newest_float)
    dimension = Shape <start = 1, end = 2> (candidate)
    dimension_double = Cast <to = 11> (dimension)
    largest_int = Constant <value_int: int = 2147483647> ()
    largest_double = Cast <to = 11> (largest_int)
    largest_square = Div (largest_double, dimension_double)
    root = Sqrt (largest_square)
    whole_root = Floor (root)
    widest_int = Constant <value_int: int = 32767> ()
    widest = Cast <to = 11> (widest_int)
    limit_double = Min (whole_root, widest)
    limit = Cast <to = 1> (limit_double)
    both = Concat <axis = 0> (candidate, event)
    size = Abs (both)
    least = Constant <value_float: float = 1e-30> ()
    largest = ReduceMax <keepdims = 0> (size)
    largest_safe = Max (largest, least)
    code_scale = Div (limit, largest_safe)
    candidate_scaled = Mul (candidate, code_scale)
    candidate_round = Round (candidate_scaled)
    candidate_code = Cast <to = 11> (candidate_round)
    event_scaled = Mul (event, code_scale)
    event_round = Round (event_scaled)
    event_code = Cast <to = 11> (event_round)
    event_t = Transpose <perm = [1, 0]> (event_code)
    soft = MatMul (candidate_code, event_t)
    zero_float = Constant <value_float: float = 0.0> ()
    valid = Greater (event_valid, zero_float)
    category = Unsqueeze (candidate_category, axis1)
    same = Equal (category, event_category)
    known = Greater (category, zero)
    alike = And (same, known)
    hard = Where (alike, newest, never)
    width = Shape <start = 1, end = 2> (query)
    heads_scalar = Constant <value_int: int = @heads> ()
    heads_list = Unsqueeze (heads_scalar, axis0)
    head_width = Div (width, heads_list)
    head_width_float = Cast <to = 1> (head_width)
    scale = Sqrt (head_width_float)
    key_t = Transpose <perm = [1, 0]> (key)
    product = MatMul (query, key_t)
    scaled = Div (product, scale)
    age = ReduceSum <keepdims = 0> (bias, axis1)
    logit = Add (scaled, age)
    consistent = Cast <to = 11> (logit)
    is_soft = Equal (mode, one)
    two = Constant <value_int: int = 2> ()
    is_consistent = Equal (mode, two)
    inner = Where (is_consistent, consistent, soft)
    by_product = Or (is_soft, is_consistent)
    any = Where (by_product, inner, hard)
    score = Where (valid, any, never)
    best, found = TopK <axis = 1, largest = 1, sorted = 1> (score, k_list)
    missing = Equal (best, never)
    index = Where (missing, none, found)
}
"""

_ATTEND = """
<opset_import: ["" : 20], domain: "ai.lookback">
Attend <heads>(query, key, value, bias, index) => (output, weight, intensity) {
    zero = Constant <value_int: int = 0> ()
    axis0 = Constant <value_ints: ints = [0]> ()
    axis1 = Constant <value_ints: ints = [1]> ()
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
    row = Max (index, zero)
    keys = Gather <axis = 0> (key, row)
    values = Gather <axis = 0> (value, row)
    biases = Gather <axis = 0> (bias, row)
    split = Concat <axis = 0> (keep, keep, heads_list, rest)
    keys_split = Reshape (keys, split)
    values_split = Reshape (values, split)
    keys_by_head = Transpose <perm = [0, 2, 3, 1]> (keys_split)
    values_by_head = Transpose <perm = [0, 2, 1, 3]> (values_split)
    bias_by_head = Transpose <perm = [0, 2, 1]> (biases)
    query_shape = Concat <axis = 0> (keep, heads_list, axis1, rest)
    query_by_head = Reshape (query, query_shape)
    product = MatMul (query_by_head, keys_by_head)
    product_flat = Squeeze (product, axis2)
    scaled = Div (product_flat, scale)
    biased = Add (scaled, bias_by_head)
    present_slot = GreaterOrEqual (index, zero)
    present = Unsqueeze (present_slot, axis1)
    present_float = Cast <to = 1> (present)
    logit = Where (present, biased, masked)
    top = ReduceMax <keepdims = 1> (logit, axis2)
    below = Sub (logit, top)
    power = Exp (below)
    power_present = Mul (power, present_float)
    total = ReduceSum <keepdims = 1> (power_present, axis2)
    total_safe = Max (total, one)
    weight = Div (power_present, total_safe)
    weight_row = Unsqueeze (weight, axis2)
    mixed = MatMul (weight_row, values_by_head)
    mixed_flat = Squeeze (mixed, axis2)
    flat = Concat <axis = 0> (keep, rest)
    output = Reshape (mixed_flat, flat)
    log_total = Log (total_safe)
    log_sum_row = Add (top, log_total)
    log_sum = Squeeze (log_sum_row, axis2)
    size = Abs (log_sum)
    negative_size = Neg (size)
    smaller = Exp (negative_size)
    one_more = Add (one, smaller)
    correction = Log (one_more)
    positive = Relu (log_sum)
    intensity = Add (positive, correction)
}
"""


def functions() -> list[FunctionProto]:
    """The function bodies to put into a model that uses the domain."""
    return [parser.parse_function(_SEARCH), parser.parse_function(_ATTEND)]


def add_to(model: onnx.ModelProto) -> None:
    """Give `model` the function bodies and the domain's version, in place of whatever it had."""
    del model.functions[:]
    model.functions.extend(functions())
    kept = [entry for entry in model.opset_import if entry.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, VERSION))

"""ONNX function bodies of the domain `ai.lookback`: Search, Attend, and LongAttention, which calls both.

All else in them is standard.

Any ONNX runtime can thus run the model; a runtime that knows the operators may replace the bodies.
The definitions are those of `model/operators.py`.
"""

from __future__ import annotations

import onnx
from onnx import FunctionProto, parser

DOMAIN = "ai.lookback"
VERSION = 4
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

_LONG_ATTENTION = """
<opset_import: ["" : 20, "ai.lookback" : 4], domain: "ai.lookback">
LongAttention <k, heads, epsilon> (
    candidate_embedding, candidate_category, event_embedding, event_category, event_action, event_time, event_valid,
    gsu_mode, item, category, action, age, hour, weekday, norm, candidate_norm, query_weight, query_bias, key_weight,
    key_bias, value_weight, value_bias, age_bias, action_bias
) => (output, weight, intensity, index) {
    zero = Constant <value_int: int = 0> ()
    one = Constant <value_int: int = 1> ()
    two = Constant <value_int: int = 2> ()
    last = Constant <value_ints: ints = [-1]> ()
    small = Constant <value_float: float = @epsilon> ()
    item_t = Transpose <perm = [1, 0]> (item)
    query_t = Transpose <perm = [1, 0]> (query_weight)
    key_t = Transpose <perm = [1, 0]> (key_weight)
    value_t = Transpose <perm = [1, 0]> (value_weight)
    candidate_item = MatMul (candidate_embedding, item_t)
    candidate_table = Gather <axis = 0> (category, candidate_category)
    candidate_sum = Add (candidate_item, candidate_table)
    candidate_square = Mul (candidate_sum, candidate_sum)
    candidate_mean = ReduceMean <keepdims = 1> (candidate_square, last)
    candidate_safe = Add (candidate_mean, small)
    candidate_root = Sqrt (candidate_safe)
    candidate_unit = Div (candidate_sum, candidate_root)
    candidate = Mul (candidate_unit, candidate_norm)
    event_item = MatMul (event_embedding, item_t)
    event_table = Gather <axis = 0> (category, event_category)
    event_1 = Add (event_item, event_table)
    action_table = Gather <axis = 0> (action, event_action)
    event_2 = Add (event_1, action_table)
    age_index = Gather <axis = 1> (event_time, zero)
    age_table = Gather <axis = 0> (age, age_index)
    event_3 = Add (event_2, age_table)
    hour_index = Gather <axis = 1> (event_time, one)
    hour_table = Gather <axis = 0> (hour, hour_index)
    event_4 = Add (event_3, hour_table)
    weekday_index = Gather <axis = 1> (event_time, two)
    weekday_table = Gather <axis = 0> (weekday, weekday_index)
    event_sum = Add (event_4, weekday_table)
    event_square = Mul (event_sum, event_sum)
    event_mean = ReduceMean <keepdims = 1> (event_square, last)
    event_safe = Add (event_mean, small)
    event_root = Sqrt (event_safe)
    event_unit = Div (event_sum, event_root)
    event = Mul (event_unit, norm)
    query_product = MatMul (candidate, query_t)
    query = Add (query_product, query_bias)
    key_product = MatMul (event, key_t)
    key = Add (key_product, key_bias)
    value_product = MatMul (event, value_t)
    value = Add (value_product, value_bias)
    event_age_bias = Gather <axis = 0> (age_bias, age_index)
    event_action_bias = Gather <axis = 0> (action_bias, event_action)
    bias = Add (event_age_bias, event_action_bias)
    index = ai.lookback.Search <k: int = @k, heads: int = @heads> (
        candidate_embedding, event_embedding, candidate_category, event_category, event_valid, gsu_mode, query, key, bias
    )
    output, weight, intensity = ai.lookback.Attend <heads: int = @heads> (query, key, value, bias, index)
}
"""


def functions() -> list[FunctionProto]:
    """The function bodies to put into a model that uses the domain."""
    return [parser.parse_function(text) for text in (_SEARCH, _ATTEND, _LONG_ATTENTION)]


def add_to(model: onnx.ModelProto) -> None:
    """Give `model` the function bodies and the domain's version, in place of whatever it had."""
    del model.functions[:]
    model.functions.extend(functions())
    kept = [entry for entry in model.opset_import if entry.domain != DOMAIN]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, VERSION))

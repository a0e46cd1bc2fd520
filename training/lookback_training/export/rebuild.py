"""The PyTorch ranker rebuilt from model.onnx alone: sizes from the initialisers' shapes, weights from their values."""

from __future__ import annotations

import itertools
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from ..errors import MendableError
from ..model.ranker import Ranker, Shape


class GraphError(MendableError):
    """A graph that is not one of this package's."""


def ranker(path: Path) -> Ranker:
    """Read `path` (model.onnx); raises `GraphError` if weights are missing or do not fit."""
    model = onnx.load(path)
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
    inputs = {value.name: value for value in model.graph.input}
    try:
        result = Ranker(shape(weights, inputs))
        result.load_state_dict({name: weights[name] for name in result.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise GraphError(f"{path} does not hold this package's ranker ({error}); export the model again") from error
    return result.eval()


def shape(weights: dict[str, torch.Tensor], inputs: dict[str, onnx.ValueInfoProto]) -> Shape:
    """Sizes of the ranker whose weights these are."""
    fields = tuple(_series(weights, "user_field.{}.weight"))
    hidden = (len(weights["head.deep_first.user.bias"]), *_series(weights, "head.deep.{}.weight"))
    feature = inputs["candidate_feature"].type.tensor_type.shape.dim[1].dim_value
    return Shape(
        embedding_dim=weights["event.item.weight"].shape[1],
        item_features=feature,
        categories=len(weights["category.weight"]) - 1,
        surfaces=len(weights["surface.weight"]) - 1,
        user_fields=tuple(size - 1 for size in fields),
        width=len(weights["event.norm.weight"]),
        attention_width=len(weights["esu.query.bias"]),
        heads=weights["esu.age_bias"].shape[1],
        skip_width=len(weights["skips.output.bias"]),
        skip_heads=weights["skips.age_bias"].shape[1],
        recent_hidden=len(weights["recent.inner.bias"]),
        field_width=weights["hour.weight"].shape[1],
        category_width=weights["category.weight"].shape[1],
        **_cross(weights),
        hidden=hidden,
    )


def _cross(weights: dict[str, torch.Tensor]) -> dict[str, int]:
    """Layers, rank (0 = full) and experts of the cross layers."""
    if "head.cross_first.user.weight" in weights:
        return {"cross_layers": 1 + len(_series(weights, "head.cross.{}.weight")), "cross_rank": 0}
    return {
        "cross_layers": len(_series(weights, "head.cross.{}.experts.0.up.bias")),
        "cross_rank": len(weights["head.cross.0.experts.0.down.weight"]),
        "cross_experts": len(_series(weights, "head.cross.0.experts.{}.up.bias")),
    }


def _series(weights: dict[str, torch.Tensor], pattern: str) -> list[int]:
    """Leading sizes of the weights pattern.format(0), pattern.format(1), ..."""
    names = itertools.takewhile(lambda name: name in weights, (pattern.format(i) for i in itertools.count()))
    return [len(weights[name]) for name in names]

"""A small made-up model with random weights, for tests of everything that loads and runs models.

`python -m lookback_training.made_up DIRECTORY` writes it; the same seed gives the same model.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from blake3 import blake3

from .export import graph, shard
from .model.ranker import Ranker, Shape
from .schema import RECENT, SKIPS, K

ITEMS = 300
CATEGORIES = ("architecture", "ceramics", "gardens", "knitting", "trains")
FIELDS = (("age", ("18-24", "25-34", "35-44")), ("gender", ("F", "M")))
SURFACES = ("home", "related")
FEATURES = ("log_popularity", "save_rate")
SHAPE = Shape(
    embedding_dim=8,
    item_features=len(FEATURES),
    categories=len(CATEGORIES),
    surfaces=len(SURFACES),
    user_fields=tuple(len(values) for _, values in FIELDS),
    width=16,
    attention_width=24,
    heads=2,
    skip_width=8,
    skip_heads=2,
    recent_hidden=16,
    field_width=4,
    category_width=4,
    cross_rank=6,
    hidden=(16, 8),
)


def ranker(seed: int) -> Ranker:
    """The model: random weights everywhere, so that every part of it moves the logits."""
    torch.manual_seed(seed)
    model = Ranker(SHAPE).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def popularity_table(items: np.ndarray, rng: np.random.Generator) -> dict[str, object]:
    """Random rates, saves below clicks."""
    click = rng.uniform(0.05, 0.6, len(items)).round(4)
    return {
        "default_click": 0.03,
        "default_save": 0.01,
        "items": items.tolist(),
        "click": click.tolist(),
        "save": (click * 0.5).round(4).tolist(),
    }


def write(directory: Path, seed: int) -> None:
    """Write model.onnx, manifest.json, popularity.json and shard.lbs; `lookback prepare` makes the bundle of them."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    # Ids with gaps, so that unknown items lie between known ones.
    items = np.arange(1, ITEMS + 1, dtype=np.uint64) * 3
    embedding = rng.normal(size=(ITEMS, SHAPE.embedding_dim)).astype(np.float16)
    version = shard.embedding_version("made-up", embedding)
    category = rng.integers(0, len(CATEGORIES) + 1, ITEMS).astype(np.uint32)
    feature = rng.normal(size=(ITEMS, len(FEATURES))).astype(np.float32)
    shard.write(shard.Shard(version, items, category, feature, embedding), directory / "shard.lbs")
    graph.export(ranker(seed), directory / "model.onnx")
    popularity = {
        "group_fields": [name for name, _ in FIELDS],
        "global": popularity_table(items, rng),
        "groups": [{"values": ["25-34", "F"], "table": popularity_table(items[::2], rng)}],
    }
    manifest = {
        "format_version": 4,
        "name": "made-up",
        "embedding_version": version,
        "embedding_dim": SHAPE.embedding_dim,
        "item_features": FEATURES,
        "categories": CATEGORIES,
        "surfaces": SURFACES,
        "user_fields": [{"name": name, "values": values} for name, values in FIELDS],
        "k": K,
        "recent": RECENT,
        "skips": SKIPS,
        "heads": SHAPE.heads,
        "default_gsu": "soft",
        "calibration": {
            "click": {"platt": {"a": 0.9, "b": -0.3}},
            "save": {"isotonic": {"logit": [-3.0, -1.0, 0.5, 2.0], "probability": [0.01, 0.2, 0.45, 0.9]}},
        },
        "onnx_blake3": blake3((directory / "model.onnx").read_bytes()).hexdigest(),
        "card": {"data": "made up at random; it ranks nothing in this world", "metrics": {}, "seed": seed},
    }
    for name, document in (("manifest.json", manifest), ("popularity.json", popularity)):
        (directory / name).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write(arguments.directory, arguments.seed)

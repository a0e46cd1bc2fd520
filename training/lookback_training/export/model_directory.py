"""The model directory: model.onnx, manifest.json, popularity.json, shard.lbs, baselines.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from ..data.vocabulary import Vocabulary
from ..errors import MendableError
from ..model.ranker import Ranker
from ..schema import RECENT, SKIPS, K
from ..train.calibration import Calibration
from . import graph, rebuild, shard

FORMAT_VERSION = 4
GRAPH, MANIFEST, SHARD = "model.onnx", "manifest.json", "shard.lbs"
POPULARITY, BASELINES = "popularity.json", "baselines.json"


class ModelError(MendableError):
    """A model directory that cannot be used as it is."""


@dataclass(frozen=True)
class ModelDirectory:
    """What a model directory says. `ranker` is rebuilt from the graph file alone."""

    path: Path
    manifest: dict[str, Any]
    shard: shard.Shard
    ranker: Ranker
    vocabulary: Vocabulary


def write(
    path: Path,
    ranker: Ranker,
    names: Vocabulary,
    item_features: list[str],
    shipped: shard.Shard,
    calibration: Calibration,
    popularity: dict[str, Any],
    baselines: dict[str, Any],
    card: dict[str, Any],
    name: str,
) -> None:
    """Write all files of a model directory."""
    path.mkdir(parents=True, exist_ok=True)
    graph.export(ranker, path / GRAPH)
    shard.write(shipped, path / SHARD)
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": name,
        "embedding_version": shipped.embedding_version,
        "embedding_dim": ranker.shape.embedding_dim,
        "item_features": item_features,
        "categories": list(names.categories),
        "surfaces": list(names.surfaces),
        "user_fields": [{"name": field, "values": list(values)} for field, values in names.user_fields],
        "k": K,
        "recent": RECENT,
        "skips": SKIPS,
        "heads": ranker.shape.heads,
        "default_gsu": card["config"]["training"]["default_gsu"],
        "calibration": calibration,
        "onnx_blake3": blake3((path / GRAPH).read_bytes()).hexdigest(),
        "card": card,
    }
    (path / POPULARITY).write_text(json.dumps(popularity, separators=(",", ":")) + "\n")
    (path / BASELINES).write_text(json.dumps(finite(baselines), indent=1) + "\n")
    (path / MANIFEST).write_text(json.dumps(finite(manifest), indent=1, ensure_ascii=False) + "\n")


def finite(value: Any) -> Any:
    """JSON has no NaN: a metric that is not defined becomes null."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def read(path: Path) -> ModelDirectory:
    """Read a model directory; raises `ModelError` naming what is missing or does not belong together."""
    for name in (GRAPH, MANIFEST, SHARD):
        if not (path / name).is_file():
            raise ModelError(f"{path / name} is missing; write the directory with `python -m lookback_training train`")
    manifest = json.loads((path / MANIFEST).read_text())
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ModelError(
            f"{path / MANIFEST} has format version {manifest.get('format_version')}, this reader knows "
            f"{FORMAT_VERSION}; use the version of this package that wrote it"
        )
    if blake3((path / GRAPH).read_bytes()).hexdigest() != manifest["onnx_blake3"]:
        raise ModelError(f"{path / GRAPH} is not the graph the manifest names; copy the whole directory again")
    rows = shard.read(path / SHARD)
    if rows.embedding_version != manifest["embedding_version"]:
        raise ModelError(
            f"{path / SHARD} holds embedding version {rows.embedding_version}, the manifest wants "
            f"{manifest['embedding_version']}; copy the shard that belongs to this model"
        )
    names = Vocabulary(
        categories=tuple(manifest["categories"]),
        surfaces=tuple(manifest["surfaces"]),
        user_fields=tuple((field["name"], tuple(field["values"])) for field in manifest["user_fields"]),
    )
    return ModelDirectory(path, manifest, rows, rebuild.ranker(path / GRAPH), names)

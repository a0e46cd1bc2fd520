"""Embedding versions mapped onto each other, and the full model scored as something other than training left it."""

from __future__ import annotations

from pathlib import Path

import made_up
import numpy as np
import polars as pl
import pytest
import torch

from lookback_training import adapter, command
from lookback_training.bench import runs, stored
from lookback_training.bench.settings import Sizes
from lookback_training.bench.stored import Stored
from lookback_training.bench.variants import FULL, stored_row
from lookback_training.data.tables import DataError
from lookback_training.train import config

DIMENSION = 12


def snapshot(path: Path, items: np.ndarray, vectors: np.ndarray, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        {
            "item": pl.Series(items, dtype=pl.UInt64),
            "embedding": pl.Series(vectors.tolist(), dtype=pl.List(pl.Float32)),
            "embedding_version": [version] * len(items),
        }
    ).write_parquet(path)
    return path


def turned(vectors: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """The vectors as another embedding model would give them: turned, shifted, with an error."""
    rng = np.random.default_rng(7)
    turn, _ = np.linalg.qr(rng.standard_normal((vectors.shape[1], vectors.shape[1])))
    return vectors @ turn + 0.3 + noise * rng.standard_normal(vectors.shape)


def test_items_new_since_the_change_land_where_the_old_model_would_have_put_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = np.random.default_rng(1).standard_normal((400, DIMENSION)).astype(np.float32)
    items = np.arange(400) * 3 + 1
    old = snapshot(tmp_path / "old.parquet", items[:300], vectors[:300], "one")
    new = snapshot(tmp_path / "new.parquet", items, turned(vectors), "two")
    output = tmp_path / "adapted" / "items.parquet"
    assert command.main(["adapt", "--old", str(old), "--new", str(new), "--output", str(output)]) == 0
    assert "300 items, mean cosine 1.0" in capsys.readouterr().out
    written = adapter.read(output)
    assert written.version == "one"
    assert np.array_equal(written.items, items)
    assert np.allclose(written.vectors[300:], vectors[300:], atol=1e-2)


def test_what_cannot_be_adapted_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vectors = np.random.default_rng(1).standard_normal((200, DIMENSION))
    old = snapshot(tmp_path / "old.parquet", np.arange(200), vectors, "one")
    apart = snapshot(tmp_path / "apart.parquet", np.arange(150, 350), vectors, "two")
    with pytest.raises(DataError, match="choose snapshots that overlap"):
        adapter.adapt(old, apart, tmp_path / "output.parquet")
    with pytest.raises(DataError, match="nothing to adapt"):
        adapter.adapt(old, old, tmp_path / "output.parquet")
    arguments = [
        "adapt",
        "--old",
        str(old),
        "--new",
        str(tmp_path / "none"),
        "--output",
        str(tmp_path / "output.parquet"),
    ]
    assert command.main(arguments) == 1
    assert "none" in capsys.readouterr().err


def test_the_adapter_wins_back_what_a_new_embedding_model_loses(small: config.Config, tmp_path: Path) -> None:
    data = made_up.write(tmp_path / "data", rich=True, items=160, per_user=60)
    items = pl.read_parquet(data / "items.parquet").drop_nulls("embedding")
    ids, vectors = items["item"].to_numpy(), np.array(items["embedding"].to_list())
    sizes = Sizes(requests=0, epochs=2, seeds=1, valid_lists=0, test_lists=0)

    def rows() -> dict[str, dict]:
        job = runs.Job(data, runs.fingerprint(data), FULL, 1, small, sizes, tmp_path / "work")
        runs.run(job)
        return runs.read(job).about["rows"]

    without = rows()
    assert stored_row(Stored.INT8) in without
    assert stored_row(Stored.REPLACED) not in without
    snapshot(data / "embeddings" / "day=2023-12-01" / "part.parquet", ids, vectors, "one")
    snapshot(data / "embeddings" / "day=2023-12-02" / "part.parquet", ids, turned(vectors, noise=0.01), "two")
    found = {how: row_auc(rows(), stored_row(how)) for how in (Stored.REPLACED, Stored.ADAPTED, Stored.SINGLE)}
    assert found[Stored.ADAPTED] > found[Stored.REPLACED] + 0.02
    assert found[Stored.ADAPTED] == pytest.approx(found[Stored.SINGLE], abs=0.01)


def row_auc(rows: dict[str, dict], name: str) -> float:
    return float(rows[name]["overall"]["click"]["auc"])


def test_int8_is_within_half_a_step_of_each_number() -> None:
    vectors = torch.randn(50, DIMENSION) * torch.logspace(-3, 3, 50)[:, None]
    step = vectors.abs().amax(dim=1, keepdim=True) / 127
    assert ((stored.as_int8(vectors) - vectors).abs() <= step * 0.5001).all()
    assert torch.equal(stored.as_int8(torch.zeros(2, 3)), torch.zeros(2, 3))

"""The shard file: what is written is what is read, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookback_training.export.shard import COLUMNS_AT, ELEMENTS, Shard, ShardError, decode, embedding_version, encode


def made_up(rows: int, d: int, features: int, seed: int = 0) -> Shard:
    rng = np.random.default_rng(seed)
    item = np.sort(rng.choice(10**6, rows, replace=False)).astype(np.uint64)
    embedding = rng.standard_normal((rows, d)).astype(np.float16).astype(np.float32)
    feature = rng.standard_normal((rows, features)).astype(np.float32)
    category = rng.integers(0, 9, rows).astype(np.uint32)
    return Shard(embedding_version("made-up", embedding), item, category, feature, embedding)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 20), st.integers(0, 4))
def test_round_trip(rows: int, d: int, features: int) -> None:
    shard = made_up(rows, d, features)
    again = decode(encode(shard))
    assert again.embedding_version == shard.embedding_version
    for name in ("item", "category", "feature", "embedding"):
        assert np.array_equal(getattr(again, name), getattr(shard, name)), name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(1, 20), st.sampled_from(sorted(ELEMENTS)))
def test_each_element_type_stores_what_its_definition_says(rows: int, d: int, element: str) -> None:
    shard = made_up(rows, d, 1)
    if rows:
        shard.embedding[0] = 0
    again = decode(encode(shard, element)).embedding
    if element != "int8":
        assert np.array_equal(again, shard.embedding)
        return
    for row, numbers in zip(again, shard.embedding):
        scale = np.float32(np.abs(numbers).max() / np.float32(127))
        whole = [np.rint(x / scale) if scale > 0 else np.float32(0) for x in numbers]
        assert np.array_equal(row, np.array(whole, dtype=np.float32) * scale)


def test_an_unknown_element_type_is_refused() -> None:
    with pytest.raises(ShardError, match="expected one of f32, f16, int8"):
        encode(made_up(1, 1, 1), "f8")


def test_layout_by_hand() -> None:
    data = encode(made_up(rows=3, d=2, features=1))
    assert data[:8] == b"LBSHARD\0"
    assert data[8:24] == b"".join(n.to_bytes(4, "little") for n in (2, 2, 2, 1))
    assert data[24:32] == (3).to_bytes(8, "little")
    assert data[64:68] == int(made_up(rows=3, d=2, features=1).category.max()).to_bytes(4, "little")
    assert data[68:96] == bytes(28)
    # item 24 bytes, to 32; category 12, to 48; feature 12, to 64; embedding 12, no padding at the end.
    assert len(data) == COLUMNS_AT + 64 + 12


@pytest.mark.parametrize("at", [0, 8, 12, 40, 64, 70, 100, 130, -1])
def test_a_flipped_bit_is_refused(at: int) -> None:
    data = bytearray(encode(made_up(5, 4, 2)))
    data[at] ^= 1
    with pytest.raises(ShardError):
        decode(bytes(data))


def test_cut_and_empty_files_are_refused() -> None:
    data = encode(made_up(5, 4, 2))
    for cut in (0, 7, 127, 128, len(data) - 1):
        with pytest.raises(ShardError):
            decode(data[:cut])


def test_values_that_are_not_finite_are_refused() -> None:
    shard = made_up(5, 4, 2)
    shard.embedding[0, 0] = 1e9
    with pytest.raises(ShardError, match="finite"):
        encode(shard)


def test_rows_of_items() -> None:
    shard = made_up(5, 4, 2)
    wanted = np.array([shard.item[3], 10**9, shard.item[0]], dtype=np.uint64)
    assert shard.row(wanted).tolist() == [3, -1, 0]

"""Peers of another library on made-up logs: they learn by our loop, and read what they should and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lookback_training.bench import peers, runs
from lookback_training.bench.variants import BenchError
from lookback_training.bench.variants import named as variant
from lookback_training.data.batch import Batch
from lookback_training.evaluation.metrics import gauc
from lookback_training.schema import HOURS, Gsu
from lookback_training.train import loop, setup
from lookback_training.train.config import Config
from lookback_training.train.setup import Setup

NAMES = sorted(peers.PEERS)
HISTORY = [name for name in NAMES if peers.PEERS[name].history]


@pytest.fixture(scope="module")
def made(data: Path, small: Config) -> Setup:
    return setup.prepare(data, small, seed=0)


def stirred(made: Setup, small: Config, name: str) -> tuple[peers.PeerTrainee, Batch]:
    """An untrained peer with random weights everywhere, scoring; and the first requests of training, which still have
    fewer events than a peer reads."""
    trainee = runs.fresh(made, variant(name), small, seed=4)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in trainee.ranker.parameters():
            weight += 0.2 * torch.randn(weight.shape, generator=generator)
    trainee.eval()
    chosen = np.arange(3, 8)
    return trainee, made.train.take(chosen, peers.RECENT).build(np.arange(5), trainee.search(Gsu.SOFT))


def with_items(batch: Batch, item: Tensor) -> Batch:
    return replace(batch, recent=replace(batch.recent, item=item))


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_learns_by_the_loop_that_trains_ours(made: Setup, small: Config, name: str, tmp_path: Path) -> None:
    config = peers.tuned(name, small)
    trainee = runs.fresh(made, variant(name), config, seed=1)
    # The log is small, and running means want many batches.
    training = replace(config.training, candidates=32, learning_rate=5e-3)
    train = made.train.take(np.arange(200, 500), peers.RECENT)
    valid = made.valid.take(np.arange(len(made.valid.requests)), peers.RECENT)
    progress = loop.train(trainee, train, valid, training, 1, tmp_path, made.fingerprint)
    first, second = (epoch["loss"] for epoch in progress.history)
    assert second < first
    logit = loop.score(trainee, valid, Gsu.SOFT)
    assert logit.shape == (len(valid.requests.item), 2)
    if name in HISTORY:
        assert gauc(valid.requests.label[:, 0], logit[:, 0], valid.requests.first) > 0.55


@pytest.mark.parametrize("name", NAMES)
def test_a_peer_starts_from_our_item_embeddings_at_their_rate(made: Setup, small: Config, name: str) -> None:
    ours = runs.fresh(made, variant("lookback"), small, seed=3)
    trainee = runs.fresh(made, variant(name), peers.tuned(name, small), seed=3)
    assert torch.equal(trainee.embedding.weight, ours.embedding.weight)
    groups = loop.optimiser(trainee, small.training).param_groups
    rates = {id(weight): group["lr"] for group in groups for weight in group["params"]}
    trained = {id(weight) for weight in trainee.parameters() if weight.requires_grad}
    assert set(rates) == trained
    assert rates.get(id(trainee.embedding.weight)) == (
        small.training.embedding_learning_rate if ours.embedding.weight.requires_grad else None
    )
    assert (trainee.position is None) == (ours.position is None)
    assert runs.fresh(made, replace(variant(name), positions=False), small, seed=3).position is None


@pytest.mark.parametrize("name", NAMES)
def test_history_counts_for_peers_that_read_it_and_padding_for_none(made: Setup, small: Config, name: str) -> None:
    trainee, batch = stirred(made, small, name)
    valid = batch.recent_valid.reshape(-1) > 0
    assert valid.any()
    assert not valid.all()
    other = (batch.recent.item + 7) % len(made.items)
    with torch.no_grad():
        logit = trainee(batch)
        padded = trainee(with_items(batch, torch.where(valid, batch.recent.item, other)))
        changed = trainee(with_items(batch, torch.where(valid, other, batch.recent.item)))
    assert torch.equal(logit, padded)
    assert torch.equal(logit, changed) == (name not in HISTORY)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", ["item", "feature", "context", "user_field"])
def test_every_input_counts(made: Setup, small: Config, name: str, field: str) -> None:
    trainee, batch = stirred(made, small, name)
    value = getattr(batch, field)
    known = {
        "item": len(made.items),
        "user_field": 1 + min((len(values) for _, values in made.vocabulary.user_fields), default=0),
        "context": 1 + len(made.vocabulary.surfaces),
    }
    changed = value + 1.0 if field == "feature" else (value + 1) % known[field]
    if field == "context" and known[field] == 1:
        changed = torch.stack([(value[:, 0] + 1) % HOURS, *value[:, 1:].T], dim=1)
    with torch.no_grad():
        same = torch.allclose(trainee(batch), trainee(replace(batch, **{field: changed})), atol=1e-6)
    # A log without attributes has one field that is always unknown.
    assert same == (known.get(field) == 1 and field == "user_field")


@pytest.mark.parametrize("name", NAMES)
def test_a_candidates_logits_do_not_depend_on_those_scored_beside_it(
    made: Setup, small: Config, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainee, batch = stirred(made, small, name)
    with torch.no_grad():
        whole = trainee(batch)
        monkeypatch.setattr(peers, "CHUNK", 3)
        assert torch.allclose(whole, trainee(batch), atol=1e-5)
    # Click and save have units of their own.
    assert not torch.allclose(whole[:, 0], whole[:, 1])


@pytest.mark.parametrize("name", NAMES)
def test_logits_are_what_the_librarys_sigmoid_is_of(made: Setup, small: Config, name: str) -> None:
    trainee, batch = stirred(made, small, name)
    given: list[Tensor] = []
    trainee.ranker.model.register_forward_hook(lambda _module, _inputs, output: given.append(output))
    with torch.no_grad():
        logit = trainee(batch)
    assert torch.allclose(torch.sigmoid(logit), torch.cat(given))


def test_position_counts_in_training_alone(made: Setup, small: Config) -> None:
    trainee, batch = stirred(made, small, "peer-dcn")
    if trainee.position is None:
        assert not (made.log.position >= 0).any()
        return
    torch.nn.init.constant_(trainee.position.offset.weight, 0.0)
    trainee.position.offset.weight.data[:, 0] = torch.arange(len(trainee.position.offset.weight)) * 1.0
    elsewhere = replace(batch, position=batch.position + 5)
    with torch.no_grad():
        assert torch.equal(trainee(batch), trainee(elsewhere))
        trainee.train()
        trainee.unknown_share = 0.0
        torch.manual_seed(0)
        here = trainee(batch)
        torch.manual_seed(0)
        assert not torch.allclose(here, trainee(elsewhere), atol=0.5)


def test_tuning_changes_the_learning_rate_alone_and_only_of_peers(small: Config) -> None:
    for name in NAMES:
        config = peers.tuned(name, small)
        rate = peers.PEERS[name].tuned.learning_rate
        assert config == replace(small, training=replace(small.training, learning_rate=rate))
    with pytest.raises(BenchError, match="no peer 'peer-nothing'; there are peer-din"):
        peers.named("peer-nothing")

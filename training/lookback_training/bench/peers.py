"""DIN, DCN-v2 and BST as torch-rechub has them, on our examples, our inputs and our loop.

Only the model on top is the library's. Items, events and the fields of user, context and candidate enter through tables
like those of `Ranker`, item embeddings start and train as ours do, and position counts in training through the same
tower. Click and save are two units of the last layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_rechub.basic.features import SequenceFeature, SparseFeature
from torch_rechub.models.ranking import BST, DIN, DCNv2

from ..data.batch import Batch
from ..data.search import NewestSearch, Search
from ..model.event import EventEncoder, column
from ..model.parts import Parts
from ..model.ranker import Ranker, Shape
from ..schema import HOURS, TASKS, WEEKDAYS, Gsu
from ..train.config import Config
from ..train.trainee import Trainee
from .variants import BenchError

RECENT = 50
"""Newest events that the peers with a history read."""
CHUNK = 1024
"""Candidates scored at once: each has its own copy of the history, so a whole batch would take a gigabyte."""
CONTEXT, CANDIDATE, EVENT = "context", "candidate", "event"
ALONE = Parts(long=False, recent=False, skips=False, time=False, action=False)


@dataclass(frozen=True)
class Tuned:
    """What was tuned for a peer; the rest of the training settings are those of our model.

    Learning rates 5e-4, 1.5e-3 and 5e-3, each with dropout 0 and 0.2, were tried on the simulated platform: one epoch
    of 2,500 training requests (BST 1,500), chosen by click GAUC on 600 valid lists (BST 300). From the best, rates were
    raised until GAUC fell or, for DCN-v2, to 1.5e-2. For DIN the softmax of attention was tried beside the plain sum.
    With 2,500 requests and 600 lists: DIN 0.587 (with another seed 0.602; plain sum at best 0.576), DCN-v2 0.577, BST
    0.581. Most settings lie within 0.02 of the best, which is what another draw of requests changes.
    """

    learning_rate: float
    dropout: float


@dataclass(frozen=True)
class Peer:
    """A model of the library: `build` takes the width of the context, of an event, and the dropout."""

    build: Callable[[int, int, float], nn.Module]
    history: bool
    tuned: Tuned


class TwoLogits(nn.Linear):
    """A last layer of two units that keeps its output: the library's models end in a sigmoid, training wants logits."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, len(TASKS))
        self._kept: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self._kept = super().forward(x)
        return self._kept

    def taken(self) -> Tensor:
        """The logits [C,2] of the last pass, once."""
        kept, self._kept = self._kept, None
        assert kept is not None
        return kept


class Handed(nn.Module):
    """In the place of the library's embedding layer: hands on the vectors that were looked up already."""

    def forward(
        self, x: dict[str, Tensor], features: list[SparseFeature | SequenceFeature], squeeze_dim: bool = False
    ) -> Tensor:
        """[C,·] if squeezed, else [C,1,·] (a candidate or a context) or [C,1,S,·] (events)."""
        (feature,) = features
        vector = x[vector_of(feature.name)]
        return vector if squeeze_dim else vector.unsqueeze(1)


def vector_of(name: str) -> str:
    """Key of a feature's vectors; the name itself is the key of its index, from which the library tells padding."""
    return f"{name} vector"


def din(context: int, width: int, dropout: float) -> nn.Module:
    """Zhou et al., KDD 2018, with the paper's sizes.

    Attention is normalised, as the library offers; it masks nothing, so padding, whose vectors are zero, dilutes it.
    """
    model = DIN(
        [SparseFeature(CONTEXT, 1, context)],
        [SequenceFeature(EVENT, 1, width, pooling="concat", padding_idx=0)],
        [SparseFeature(CANDIDATE, 1, width)],
        mlp_params={"dims": [200, 80], "dropout": dropout},
        attention_mlp_params={"dims": [36], "use_softmax": True},
    )
    model.embedding = Handed()
    model.mlp.mlp[-1] = TwoLogits(model.mlp.mlp[-1].in_features)
    return model


def dcn(context: int, width: int, dropout: float) -> nn.Module:
    """Wang et al., WWW 2021: full-rank cross layers beside an MLP. It reads no history."""
    model = DCNv2(
        [SparseFeature(CONTEXT, 1, context + width)],
        n_cross_layers=3,
        mlp_params={"dims": [256, 128], "dropout": dropout},
        use_low_rank_mixture=False,
    )
    model.embedding = Handed()
    model.linear.fc = TwoLogits(model.linear.fc.in_features)
    return model


def bst(context: int, width: int, dropout: float) -> nn.Module:
    """Chen et al., 2019: a Transformer over the events and the candidate after them.

    The library leaves the inner width of the Transformer at PyTorch's 2,048, made for a model width of 512; here it is
    four times the model width too.
    """
    model = BST(
        [SparseFeature(CONTEXT, 1, context)],
        [SequenceFeature(EVENT, 1, width, pooling="concat", padding_idx=0)],
        [SparseFeature(CANDIDATE, 1, width)],
        mlp_params={"dims": [256, 128], "dropout": dropout},
        nhead=4,
        dropout=dropout,
        max_seq_len=RECENT + 1,
    )
    for layer in model.transformer_layers.layers:
        layer.linear1, layer.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    model.embedding = Handed()
    model.mlp.mlp[-1] = TwoLogits(model.mlp.mlp[-1].in_features)
    return model


PEERS: dict[str, Peer] = {
    "peer-din": Peer(din, True, Tuned(learning_rate=1.5e-2, dropout=0.2)),
    "peer-dcn": Peer(dcn, False, Tuned(learning_rate=1.5e-2, dropout=0.2)),
    "peer-bst": Peer(bst, True, Tuned(learning_rate=5e-3, dropout=0.2)),
}


class PeerRanker(nn.Module):
    """Tables like the ranker's under a model of the library."""

    def __init__(self, shape: Shape, peer: Peer, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.reads_history = peer.history
        self.user_field = nn.ModuleList(nn.Embedding(n + 1, shape.field_width) for n in shape.user_fields or (0,))
        self.hour = nn.Embedding(HOURS, shape.field_width)
        self.weekday = nn.Embedding(WEEKDAYS, shape.field_width)
        self.surface = nn.Embedding(shape.surfaces + 1, shape.field_width)
        self.category = nn.Embedding(shape.categories + 1, shape.category_width)
        for table in (*self.user_field, self.hour, self.weekday, self.surface, self.category):
            nn.init.normal_(table.weight, std=0.05)
        self.event = EventEncoder(
            shape.embedding_dim, shape.categories, shape.width, Parts() if peer.history else ALONE
        )
        context = shape.field_width * (len(self.user_field) + 3) + shape.category_width + shape.item_features
        self.model = peer.build(context, shape.width, dropout)

    def forward(self, batch: Batch, table: Tensor) -> Tensor:
        """Logits [C,2] of a batch's candidates; table [items,d] of item embeddings."""
        user = [rows(column(batch.user_field, i)) for i, rows in enumerate(self.user_field)]
        moment = [rows(column(batch.context, i)) for i, rows in enumerate((self.hour, self.weekday, self.surface))]
        request = torch.cat([*user, *moment], dim=1)
        context = torch.cat([request[batch.request], self.category(batch.category), batch.feature], dim=1)
        candidate = self.event.candidate(F.embedding(batch.item, table), batch.category)
        events = self._events(batch, table) if self.reads_history else None
        if self.training:
            # The batch norms of the library's models want the batch whole.
            return self._logits(context, candidate, events, batch)
        parts = torch.arange(len(batch.item)).split(CHUNK)
        return torch.cat([self._logits(context[p], candidate[p], events, batch, p) for p in parts])

    def _events(self, batch: Batch, table: Tensor) -> Tensor:
        """Newest first [G,S,width], zeros where there is none: DIN leaves padding out by that alone."""
        recent = batch.recent
        x = self.event(F.embedding(recent.item, table), recent.category, recent.action, recent.time)
        return x.view(*batch.recent_valid.shape, -1) * batch.recent_valid.unsqueeze(2)

    def _logits(
        self, context: Tensor, candidate: Tensor, events: Tensor | None, batch: Batch, part: Tensor | None = None
    ) -> Tensor:
        request = batch.request if part is None else batch.request[part]
        if events is None:
            x = {vector_of(CONTEXT): torch.cat([context, candidate], dim=1)}
        else:
            x = {
                vector_of(CONTEXT): context,
                vector_of(CANDIDATE): candidate,
                vector_of(EVENT): events[request],
                EVENT: batch.recent_valid[request],
            }
        self.model(x)
        (last,) = (layer for layer in self.model.modules() if isinstance(layer, TwoLogits))
        return last.taken()


class PeerTrainee(Trainee):
    """What `train.loop` trains of a peer."""

    def attended(self, batch: Batch) -> tuple[Tensor, None]:
        """Logits [C,2] as `Trainee.attended` gives them; a peer has no search unit whose weights could be shown."""
        seen = batch
        if self.training:
            surface = self._forget(batch.context[:, 2:])
            seen = replace(
                batch,
                category=self._forget(batch.category),
                user_field=self._forget(batch.user_field),
                context=torch.cat([batch.context[:, :2], surface], dim=1),
            )
        logit = self.ranker(seen, self.embedding.rounded())
        if self.training and self.position is not None:
            logit = logit + self.position(batch.context[batch.request, 2], batch.position)
        return logit, None


def unsearched(gsu: Gsu, embedding: Tensor, ranker: Ranker) -> Search:
    """No event is searched for, whatever search is asked for: peers read the newest events alone."""
    return NewestSearch(0)


def named(name: str) -> Peer:
    """Raises `BenchError` listing the peers there are."""
    if name not in PEERS:
        raise BenchError(f"no peer {name!r}; there are {', '.join(PEERS)}")
    return PEERS[name]


def tuned(name: str, config: Config) -> Config:
    """The settings to train the peer with: ours, at its own learning rate."""
    return replace(config, training=replace(config.training, learning_rate=named(name).tuned.learning_rate))


def fresh(ours: Trainee, name: str, config: Config, seed: int) -> PeerTrainee:
    """An untrained peer from what every trainee starts with: sizes, item embeddings, and whether there are positions.

    Train it with the settings of `tuned`.
    """
    peer = named(name)
    torch.manual_seed(seed)
    ranker = PeerRanker(ours.ranker.shape, peer, peer.tuned.dropout)
    return PeerTrainee(ranker, ours.embedding, ours.position is not None, config.training.unknown_share, unsearched)

"""What training trains: the ranker, the item embeddings and, with positions in the data, the position tower."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.batch import Batch, Events
from ..data.search import GeneralSearch, Search, Vectors
from ..model.attention import Rows
from ..model.position import PositionTower
from ..model.ranker import Ranker
from ..schema import Gsu
from .distributed import ALONE, Processes
from .embeddings import ItemEmbedding
from .sharded import ShardedEmbedding

Searching = Callable[[Gsu, Vectors, Ranker], Search]
"""From the search asked for, the item embeddings [items,d] and the ranker to the search that a batch is built with."""


class Trainee(nn.Module):
    """Logits of a batch; the ranker inside is what gets exported."""

    def __init__(
        self,
        ranker: Ranker,
        embedding: ItemEmbedding | ShardedEmbedding,
        positions: bool,
        unknown_share: float,
        searching: Searching = GeneralSearch,
    ) -> None:
        super().__init__()
        self.ranker = ranker
        self.embedding = embedding
        self.position = PositionTower(ranker.shape.surfaces) if positions else None
        self.unknown_share = unknown_share
        self.searching = searching

    @property
    def holders(self) -> Processes:
        """The processes that hold a block of the item table each; this one alone if it holds the whole."""
        return self.embedding.processes if isinstance(self.embedding, ShardedEmbedding) else ALONE

    def search(self, gsu: Gsu) -> Search:
        """The search as the weights are now, of a trainee that holds the whole item table."""
        return self.searching(gsu, self.embedding.shipped(), self.ranker)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [C,2] of the batch's candidates (click, save); the position tower adds to them in training mode."""
        return self.attended(batch)[0]

    def attended(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """As `forward`, and the weights [C,heads,·] of the ESU over the slots that any candidate fills."""
        ranker = self.ranker
        category, user_field, context = batch.category, batch.user_field, batch.context
        if self.training:
            category, user_field = self._forget(category), self._forget(user_field)
            context = torch.cat([context[:, :2], self._forget(context[:, 2:])], dim=1)
        tables = [rows for rows in self._tables(batch) if rows is not None]
        event, item = self._vectors([torch.cat([batch.item[:0], *(rows.item for rows in tables)]), batch.item])
        long, recent, skips = self._encoded(batch, event)
        candidate = ranker.event.candidate(item, category)
        # Slots that no candidate fills only cost time.
        filled = max(1, int((batch.long_index >= 0).sum(dim=1).max()))
        logit, long_weight, *_ = ranker.score(
            ranker.user(user_field, context),
            candidate,
            category,
            batch.feature,
            None if long is None else ranker.esu(candidate, long, batch.long_index[:, :filled]),
            recent,
            batch.recent_valid,
            skips,
            batch.skip_valid,
            batch.request,
        )
        if self.training and self.position is not None:
            logit = logit + self.position(batch.context[batch.request, 2], batch.position)
        return logit, long_weight

    def _vectors(self, items: list[Tensor]) -> list[Tensor]:
        """Item vectors [n,d] for each tensor of items [n]."""
        if isinstance(self.embedding, ShardedEmbedding):
            return self.embedding.look_up(items)
        table = self.embedding.rounded()
        return [F.embedding(one, table) for one in items]

    def _tables(self, batch: Batch) -> list[Events | None]:
        """Long, recent and skips; None for those the ranker does without."""
        parts = self.ranker.parts
        present = zip((batch.long, batch.recent, batch.skips), (parts.long, parts.recent, parts.skips), strict=True)
        return [rows if has else None for rows, has in present]

    def _encoded(self, batch: Batch, vectors: Tensor) -> list[Rows | None]:
        """Long, recent and skips, whose item vectors are `vectors` one after the other, by one pass of the encoder."""
        present = self._tables(batch)
        tables = [rows for rows in present if rows is not None]
        if not tables:
            return [None, None, None]
        x = self.ranker.event(
            vectors,
            torch.cat([p.category for p in tables]),
            torch.cat([p.action for p in tables]),
            torch.cat([p.time for p in tables]),
        )
        parts = zip(x.split([len(p.item) for p in tables]), tables, strict=True)
        encoded = (Rows(v, p.time[:, 0], p.action) for v, p in parts)
        return [None if rows is None else next(encoded) for rows in present]

    def _forget(self, index: Tensor) -> Tensor:
        """Some indices replaced by 0, so that "unknown" is a trained state."""
        return index * (torch.rand(index.shape) >= self.unknown_share)

"""What training trains: the ranker, the item embeddings and, with positions in the data, the position tower."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.batch import Batch, Events
from ..model.position import PositionTower
from ..model.ranker import Ranker, Rows
from ..schema import RECENT, SKIPS
from .embeddings import ItemEmbedding


class Trainee(nn.Module):
    """Logits of a batch; the ranker inside is what gets exported."""

    def __init__(self, ranker: Ranker, embedding: ItemEmbedding, positions: bool, unknown_share: float) -> None:
        super().__init__()
        self.ranker = ranker
        self.embedding = embedding
        self.position = PositionTower(ranker.shape.surfaces) if positions else None
        self.unknown_share = unknown_share

    def forward(self, batch: Batch) -> Tensor:
        """Logits [C,2] of the batch's candidates (click, save); the position tower adds to them in training mode."""
        ranker, table = self.ranker, self.embedding.rounded()
        category, user_field, context = batch.category, batch.user_field, batch.context
        if self.training:
            category, user_field = self._forget(category), self._forget(user_field)
            context = torch.cat([context[:, :2], self._forget(context[:, 2:])], dim=1)
        # One pass of the event encoder over all three tables, then apart again.
        parts = (batch.long, batch.recent, batch.skips)
        x = ranker.event(
            F.embedding(torch.cat([p.item for p in parts]), table),
            torch.cat([p.category for p in parts]),
            torch.cat([p.action for p in parts]),
            torch.cat([p.time for p in parts]),
        )
        groups = len(batch.user_field)
        sizes = [len(batch.long.item), groups * RECENT, groups * SKIPS]
        long, recent, skips = (Rows(v, age(p)) for v, p in zip(x.split(sizes), parts, strict=True))
        logit, *_ = ranker.score(
            ranker.user(user_field, context),
            F.embedding(batch.item, table),
            category,
            batch.feature,
            long,
            batch.long_index,
            recent,
            batch.recent_valid,
            skips,
            batch.skip_valid,
            batch.request,
        )
        if self.training and self.position is not None:
            logit = logit + self.position(batch.context[batch.request, 2], batch.position)
        return logit

    def _forget(self, index: Tensor) -> Tensor:
        """Some indices replaced by 0, so that "unknown" is a trained state."""
        return index * (torch.rand(index.shape) >= self.unknown_share)


def age(events: Events) -> Tensor:
    """Age buckets [R] of event rows."""
    return events.time[:, 0]

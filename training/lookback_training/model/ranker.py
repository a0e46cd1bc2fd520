"""The whole ranker: one forward, used by training (many requests) and by the exported graph (one request)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..schema import HOURS, RECENT, SKIPS, WEEKDAYS, K
from .attention import Rows, Skips, TargetAttention
from .event import EventEncoder, column, slot_index
from .head import Head
from .norm import Norm
from .operators import Attended, long_attention, search
from .parts import WHOLE, Parts
from .recent import Recent


@dataclass(frozen=True)
class Shape:
    """Sizes of a ranker. Those from data first; the rest are choices.

    `user_fields` holds the number of known values of each field; an index 0 = unknown is added.
    """

    embedding_dim: int
    item_features: int
    categories: int
    surfaces: int
    user_fields: tuple[int, ...]
    width: int = 64
    attention_width: int = 128
    heads: int = 4
    skip_width: int = 16
    skip_heads: int = 2
    recent_hidden: int = 128
    field_width: int = 8
    category_width: int = 16
    cross_layers: int = 2
    cross_rank: int = 32
    cross_experts: int = 2
    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.1


class Ranker(nn.Module):
    """Two logits per candidate from user, context, history, skips. Module names are the initializer names in ONNX."""

    def __init__(self, shape: Shape, parts: Parts = WHOLE) -> None:
        """A ranker without some `parts` is for comparisons: it trains and scores, but is no graph to export."""
        super().__init__()
        self.shape = shape
        self.parts = parts
        width = shape.width
        # A user without any field is one field that is always unknown, so the graph keeps one form.
        sizes = shape.user_fields or (0,)
        self.user_field = nn.ModuleList(nn.Embedding(size + 1, shape.field_width) for size in sizes)
        self.hour = nn.Embedding(HOURS, shape.field_width)
        self.weekday = nn.Embedding(WEEKDAYS, shape.field_width)
        self.surface = nn.Embedding(shape.surfaces + 1, shape.field_width)
        self.category = nn.Embedding(shape.categories + 1, shape.category_width)
        self.event = EventEncoder(shape.embedding_dim, shape.categories, width, parts)
        attention = (width, width, shape.attention_width, shape.heads, width)
        self.esu = TargetAttention(*attention, parts.time, parts.action) if parts.long else None
        self.recent = (
            Recent(width, shape.attention_width, shape.heads, shape.recent_hidden, shape.dropout, parts)
            if parts.recent
            else None
        )
        attention = (width, width, shape.skip_width, shape.skip_heads, shape.skip_width)
        self.skips = Skips(*attention, aged=parts.time, acted=parts.action) if parts.skips else None
        self.esu_norm = Norm(width) if parts.long and parts.products else None
        self.recent_norm = Norm(width) if parts.recent and parts.products else None
        user = shape.field_width * (len(sizes) + 3)
        attended = (parts.long + parts.recent) * ((1 + parts.products) * width + shape.heads)
        attended += parts.skips * (shape.skip_width + shape.skip_heads)
        item = width + shape.category_width + shape.item_features + attended
        self.head = Head(
            user, item, shape.cross_layers, shape.cross_rank, shape.cross_experts, shape.hidden, shape.dropout
        )
        self.dropout = nn.Dropout(shape.dropout)
        for table in (*self.user_field, self.hour, self.weekday, self.surface, self.category):
            nn.init.normal_(table.weight, std=0.05)

    def user(self, user_field: Tensor, context: Tensor) -> Tensor:
        """user_field [G,fields], context [G,3] (hour, weekday, surface) -> [G,·]; once per request."""
        fields = [table(column(user_field, i)) for i, table in enumerate(self.user_field)]
        hour, weekday = self.hour(column(context, 0)), self.weekday(column(context, 1))
        return torch.cat([*fields, hour, weekday, self.surface(column(context, 2))], dim=1)

    def score(
        self,
        user: Tensor,
        candidate: Tensor,
        candidate_category: Tensor,
        candidate_feature: Tensor,
        long: Attended | None,
        recent: Rows | None,
        recent_valid: Tensor,
        skips: Rows | None,
        skip_valid: Tensor,
        request: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Logits and attention weights of C candidates of G requests.

        user [G,·]; candidate [C,width] as encoded; long, what the ESU answered; recent rows
        [G*20,width] with recent_valid [G,20]; skips rows [G*S,width] with skip_valid [G,S]; request [C]
        names each candidate's group (None: there is one group). Rows and weights of an absent part are None.
        Returns logit [C,2], long_weight [C,H,K], recent_weight [C,H,20], skip_weight [C,Hs,S].
        """
        sides = [candidate, self.category(candidate_category), candidate_feature]
        products = []
        long_weight = recent_weight = skip_weight = None
        if self.esu is not None:
            long_out, long_weight, intensity = long
            sides += [self.dropout(long_out), intensity]
            if self.esu_norm is not None:
                products.append(candidate * self.esu_norm(long_out))
        if self.recent is not None:
            encoded = self.recent.encode(recent, recent_valid)
            recent_index = each_candidate(slot_index(recent_valid), candidate, request)
            recent_out, recent_weight, intensity = self.recent(candidate, encoded, recent_index)
            sides += [self.dropout(recent_out), intensity]
            if self.recent_norm is not None:
                products.append(candidate * self.recent_norm(recent_out))
        if self.skips is not None:
            skip_index = each_candidate(slot_index(skip_valid), candidate, request)
            skip_out, skip_weight, intensity = self.skips(candidate, skips, skip_index)
            sides += [self.dropout(skip_out), intensity]
        item = torch.cat([*sides, *products], dim=1)
        return self.head(user, item, request), long_weight, recent_weight, skip_weight

    def forward(
        self,
        user_field: Tensor,
        context: Tensor,
        candidate_embedding: Tensor,
        candidate_category: Tensor,
        candidate_feature: Tensor,
        event_embedding: Tensor,
        event_category: Tensor,
        event_action: Tensor,
        event_time: Tensor,
        event_valid: Tensor,
        skip_embedding: Tensor,
        skip_category: Tensor,
        skip_action: Tensor,
        skip_time: Tensor,
        skip_valid: Tensor,
        gsu_mode: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """One request, as the exported graph computes it.

        Shapes: user_field [1,fields], context [1,3], candidate_embedding [C,d], candidate_category [C],
        candidate_feature [C,F], event_* [N,·] newest first with N >= K, skip_* [20,·], gsu_mode []
        (0 hard, 1 soft, 2 consistent).
        Returns logit [C,2], long_index [C,K], long_weight [C,H,K], recent_weight [C,H,20], skip_weight [C,Hs,20].
        """
        candidate = self.event.candidate(candidate_embedding, candidate_category)
        events = (event_embedding, event_category, event_action, event_time)
        long, long_index = self.long(
            candidate, candidate_embedding, candidate_category, events, event_valid, gsu_mode
        )
        first = [one[:RECENT] for one in events]
        recent = Rows(self.event(*first), column(first[3], 0), first[2])
        x = self.event(skip_embedding, skip_category, skip_action, skip_time)
        skips = Rows(x, column(skip_time, 0), skip_action)
        logit, long_weight, recent_weight, skip_weight = self.score(
            self.user(user_field, context),
            candidate,
            candidate_category,
            candidate_feature,
            long,
            recent,
            event_valid[:RECENT].view(1, RECENT),
            skips,
            skip_valid.view(1, SKIPS),
            None,
        )
        return logit, long_index, long_weight, recent_weight, skip_weight

    def long(
        self,
        candidate: Tensor,
        candidate_embedding: Tensor,
        candidate_category: Tensor,
        events: tuple[Tensor, Tensor, Tensor, Tensor],
        event_valid: Tensor,
        gsu_mode: Tensor,
    ) -> tuple[Attended, Tensor]:
        """What the ESU answers about the K events that the GSU picks of all, and their index [C,K]."""
        if torch.compiler.is_exporting():
            inputs = (candidate_embedding, candidate_category, *events, event_valid, gsu_mode)
            weights = (*self.event.weights(), *self.esu.weights())
            attended, index = long_attention(inputs, weights, K, self.esu.heads, self.event.norm.eps)
            return self.esu.answer(attended), index
        embedding, category, action, time = events
        rows = Rows(self.event(*events), column(time, 0), action)
        projected = self.esu.projected(candidate, rows)
        index = search(
            candidate_embedding,
            embedding,
            candidate_category,
            category,
            event_valid,
            gsu_mode,
            *projected,
            K,
            self.esu.heads,
        )
        return self.esu.attend(projected, rows, index), index


def each_candidate(index: Tensor, candidate: Tensor, request: Tensor | None) -> Tensor:
    """index [G,S] of the groups -> [C,S], the row of each candidate's group."""
    if request is None:
        return index.expand(candidate.shape[0], -1)
    return index.index_select(0, request)

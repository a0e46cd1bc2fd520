"""What is compared: the full model, baselines, and the full model with one idea taken away."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from torch import Tensor

from ..data.search import GeneralSearch, NewestSearch, Search
from ..errors import MendableError
from ..model.parts import WHOLE, Parts
from ..model.ranker import Ranker
from ..schema import RECENT, Gsu, K
from ..train.trainee import Searching
from .stored import Stored


class BenchError(MendableError):
    """A comparison that cannot be made as asked."""


class Kind(StrEnum):
    FULL = "full model"
    BASELINE = "baseline"
    PEER = "peer"
    ABLATION = "ablation"
    ORACLE = "oracle"


class Scorer(StrEnum):
    """What gives the logits."""

    RANKER = "ranker"
    POPULARITY = "popularity"
    LOGISTIC = "logistic"
    TRUTH = "truth"
    PEER = "peer"


class Needs(StrEnum):
    """What a log must hold for a variant to differ from the full model, or to exist at all."""

    SKIPS = "skips"
    POSITIONS = "positions"
    TRUTH = "truth.parquet"


@dataclass(frozen=True)
class Row:
    """One line of the tables: a trained variant scored in one way."""

    name: str
    sentence: str
    gsu: Gsu | None = None
    """None: the default search of the settings."""
    newest: int = 0
    """Events that the ESU reads instead of what search finds; 0 = search."""
    stored: Stored = Stored.AS_TRAINED


@dataclass(frozen=True)
class Variant:
    """One training; `sentence` says what it is."""

    name: str
    sentence: str
    kind: Kind
    scorer: Scorer = Scorer.RANKER
    parts: Parts = WHOLE
    recent: int = RECENT
    positions: bool = True
    slots: int = K
    """Events that search picks per candidate."""
    newest: int = 0
    """Newest events that the ESU reads in place of a search; 0 = search."""
    needs: Needs | None = None

    @property
    def seeded(self) -> bool:
        """Whether another seed gives another result."""
        return self.scorer in (Scorer.RANKER, Scorer.PEER, Scorer.LOGISTIC)

    def rows(self) -> tuple[Row, ...]:
        """The lines this training fills."""
        if self.kind != Kind.FULL:
            return (Row(self.name, self.sentence, newest=self.newest),)
        searched = tuple(
            Row(full_row(gsu), f"The full model, {gsu.label} search of {K} events per candidate.", gsu)
            for gsu in reversed(Gsu)
        )
        exact = Row(
            EXACT,
            f"The same weights, but the attention reads the newest {CEILING:,} events instead of {K} found ones.",
            newest=CEILING,
        )
        coarser = (Row(stored_row(how), how.sentence, stored=how) for how in Stored if how != Stored.AS_TRAINED)
        return (*searched, exact, *coarser)

    def searching(self, newest: int = 0) -> Searching:
        """How its batches are searched; `newest` events instead if not 0."""
        if newest:
            return partial(unsearched, newest)
        if not self.parts.long:
            return partial(unsearched, 0)
        return partial(GeneralSearch, slots=self.slots)


def unsearched(count: int, gsu: Gsu, embedding: Tensor, ranker: Ranker) -> Search:
    """The newest `count` events, whatever search is asked for."""
    return NewestSearch(count)


CEILING = 1000
FULL = "lookback"
EXACT = f"{FULL}, exact"
ORACLE = "oracle"
NO_HISTORY = Parts(long=False, recent=False, skips=False)
DIN = Parts(long=False, transformer=False, skips=False)


def full_row(gsu: Gsu) -> str:
    """Name of the full model's row with this search."""
    return f"{FULL}, {gsu.label}"


def stored_row(how: Stored) -> str:
    """Name of the row of the full model, default search, whose numbers are `how`."""
    return f"{FULL}, {how}"


def _without(name: str, sentence: str, parts: Parts, needs: Needs | None = None) -> Variant:
    return Variant(name, f"The full model {sentence}.", Kind.ABLATION, parts=parts, needs=needs)


VARIANTS: tuple[Variant, ...] = (
    Variant(FULL, "The full model.", Kind.FULL),
    Variant("popularity", "Engaged events of the item in the training period.", Kind.BASELINE, Scorer.POPULARITY),
    Variant(
        "logistic-50",
        "Logistic regression on the mean embedding of the last 50 events, embeddings as they are before training.",
        Kind.BASELINE,
        Scorer.LOGISTIC,
    ),
    Variant("dcn", "DCN-v2 on user, context and item, without history.", Kind.BASELINE, parts=NO_HISTORY),
    Variant("din-20", "DIN: target attention over the last 20 events.", Kind.BASELINE, parts=DIN),
    Variant("din-50", "DIN: target attention over the last 50 events.", Kind.BASELINE, parts=DIN, recent=50),
    Variant(
        "transformer-50",
        "Transformer over the last 50 events, target attention on its output.",
        Kind.BASELINE,
        parts=Parts(long=False, skips=False),
        recent=50,
    ),
    Variant(
        "attention-1000",
        f"The full model trained with target attention over the newest {CEILING:,} events: the ceiling for search.",
        Kind.BASELINE,
        newest=CEILING,
    ),
    Variant("peer-din", "DIN of torch-rechub over the last 50 events.", Kind.PEER, Scorer.PEER, DIN, 50),
    Variant("peer-dcn", "DCN-v2 of torch-rechub, without history.", Kind.PEER, Scorer.PEER, NO_HISTORY),
    Variant("peer-bst", "BST of torch-rechub, a Transformer over the last 50 events.", Kind.PEER, Scorer.PEER, DIN, 50),
    _without("no-long", "without long history: no search, no exact search unit", Parts(long=False)),
    _without("no-recent", "without recent events: neither Transformer nor attention over them", Parts(recent=False)),
    _without(
        "no-transformer", "with target attention on recent events, but no Transformer first", Parts(transformer=False)
    ),
    _without("no-skips", "without skips", Parts(skips=False), Needs.SKIPS),
    _without("no-time", "without age, hour and weekday of events and without age biases", Parts(time=False)),
    _without("no-action", "without the action of events", Parts(action=False)),
    _without("no-products", "without the products of candidate and attention outputs", Parts(products=False)),
    Variant(
        "no-position",
        "The full model trained without the position tower.",
        Kind.ABLATION,
        positions=False,
        needs=Needs.POSITIONS,
    ),
    Variant("k-20", "The full model with 20 events found per candidate.", Kind.ABLATION, slots=20),
    Variant(
        ORACLE,
        "The true probabilities that drew the log, without position: no model can do better.",
        Kind.ORACLE,
        Scorer.TRUTH,
        needs=Needs.TRUTH,
    ),
)


def named(name: str) -> Variant:
    """Raises `BenchError` listing the names there are."""
    for variant in VARIANTS:
        if variant.name == name:
            return variant
    raise BenchError(f"no variant {name!r}; there are {', '.join(variant.name for variant in VARIANTS)}")

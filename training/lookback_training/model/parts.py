"""Which parts a ranker is built of: everything, unless a comparison takes something away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parts:
    """A part that is False has no weights and takes no part in the computation.

    `transformer` without `recent`, and `products` without the part they multiply, are nothing.
    """

    long: bool = True
    """The exact search unit over the events that were found."""
    recent: bool = True
    """Target attention over the newest events."""
    transformer: bool = True
    """The Transformer those events go through first."""
    skips: bool = True
    time: bool = True
    """Age, hour and weekday of events, and the age bias of every attention."""
    action: bool = True
    """The action of events."""
    products: bool = True
    """Candidate ⊙ long and candidate ⊙ recent beside them in the head."""


WHOLE = Parts()

"""Popularity tables: smoothed click and save rates per item, over all users and per demographic group."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..data.vocabulary import Vocabulary
from ..train.config import Popularity

GROUP_FIELDS = 2


def tables(train: pl.DataFrame, users: pl.DataFrame, names: Vocabulary, config: Popularity) -> dict[str, Any]:
    """The content of popularity.json, from the training examples, sampled negatives included.

    Groups are made by the (at most) two attributes with the fewest values; a user lacking one is in no group.
    """
    fields = sorted(sorted(names.user_fields, key=lambda f: (len(f[1]), f[0]))[:GROUP_FIELDS])
    chosen = [name for name, _ in fields]
    everyone = table(train, config.prior)
    groups = []
    if chosen:
        known = users.select("user", *(pl.col(name).cast(pl.Utf8) for name in chosen))
        for name, values in fields:
            known = known.filter(pl.col(name).is_in(list(values)))
        joined = train.join(known, on="user")
        for values, part in sorted(joined.group_by(chosen), key=lambda group: group[0]):
            if len(part) >= config.min_examples:
                groups.append({"values": list(values), "table": table(part, config.prior)})
    return {"group_fields": chosen, "global": everyone, "groups": groups}


def table(examples: pl.DataFrame, prior: float) -> dict[str, Any]:
    """Rates of each item, pulled towards the rates of all examples by `prior` pseudo-examples."""
    default = {task: float(examples[task].mean()) for task in ("click", "save")}  # type: ignore[arg-type]
    counts = (
        examples.group_by("item")
        .agg(n=pl.len().cast(pl.Float64), click=pl.col("click").sum(), save=pl.col("save").sum())
        .sort("item")
    )
    result: dict[str, Any] = {f"default_{task}": round(rate, 6) for task, rate in default.items()}
    result["items"] = counts["item"].to_list()
    for task, rate in default.items():
        values = (counts[task].to_numpy() + prior * rate) / (counts["n"].to_numpy() + prior)
        result[task] = [float(v) for v in np.round(values, 6)]
    return result

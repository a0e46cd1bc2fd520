"""docs/fleet.md: what a million requests cost, made from the results."""

from __future__ import annotations

from .page import table
from .results import PEER, REFERENCE, Results

CANDIDATES = 1000
REQUESTS = 1_000_000
RATE = 1000

TEXT = """# What a fleet costs

For whoever pays for the machines: one request ranks {candidates:,} candidates, and the table says what a million of
them cost at each length of history, in the sandbox and with the same model in onnxruntime, both on one core of this CPU
({cpu}), busy all the time. Printed and written by

```sh
{command}
```

The price is an assumption: **{price:g} a core-hour**, in whatever currency; give your own with `--core-hour-price`.
Times are the medians of [performance](performance.md), columns wasmtime and onnxruntime. Cores for {rate:,} requests a
second leave no room for bursts: divide by the load that you let a core have. What onnxruntime is given for free
(decoding, ordering, looking up embeddings) is not in its figures, and is in Lookback's.
"""


def core_hours(milliseconds: float) -> float:
    """Of a million requests that take so long each."""
    return REQUESTS * milliseconds / 3_600_000


def cores(milliseconds: float) -> float:
    """For a thousand requests a second."""
    return RATE * milliseconds / 1000


def render(results: Results, command: str, price: float) -> str:
    head = ["search", "events"]
    for name in ("Lookback", "onnxruntime"):
        head += [f"{name}: ms", "core-hours a million", "cost a million", f"cores for {RATE:,}/s"]
    head.append("onnxruntime costs")
    body = []
    for search in results.searches():
        for cell in results.by_length(CANDIDATES, search):
            line = [search, f"{cell.events:,}"]
            for name in (REFERENCE, PEER):
                found = cell.variants.get(name)
                if found is None:
                    line += ["–"] * 4
                    continue
                hours = core_hours(found.median)
                line += [f"{found.median:.1f}", f"{hours:.1f}", f"{hours * price:.2f}", f"{cores(found.median):.1f}"]
            ratio = cell.ratio(PEER, REFERENCE)
            body.append([*line, "–" if ratio is None else f"{ratio:.2f}×"])
    text = TEXT.format(candidates=CANDIDATES, cpu=results.machine["cpu"], command=command, price=price, rate=RATE)
    return f"{text}\n{table(head, body)}\n"

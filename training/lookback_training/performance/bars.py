"""What must hold, and whether it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .results import EVERYTHING, NATIVE, PEER, REFERENCE, WEB, Results, slope

CANDIDATES = 1000
SHORT, LONG, LONGEST, GROWTH_FROM = 1000, 54_000, 200_000, 16_000
SEARCHES = ("soft", "consistent")
MOST_GZIP = 2_000_000
PER_INSTANCE = 30_000_000
"""Bytes that an instance may take beyond the shard that all share."""


@dataclass(frozen=True)
class Bar:
    """One thing asked, the figure reached, and the figure to reach; `met` is None where the figure is only told."""

    asked: str
    figure: str
    threshold: str
    met: bool | None


def bars(results: Results) -> list[Bar]:
    """Every bar of which the run measured what it takes."""
    return [
        *_short(results),
        *_long(results),
        *_hard(results),
        *_growth(results),
        *_native(results),
        *_cores(results),
        *_start(results),
        _size(results),
    ]


def _at_most(asked: str, figure: float, most: float, unit: str = "×") -> Bar:
    digits = 2 if unit == "×" else 1
    return Bar(asked, f"{figure:.{digits}f}{unit}", f"at most {most:g}{unit}", figure <= most)


def _against(results: Results, events: int, limits: dict[str, float]) -> Iterable[Bar]:
    for search in SEARCHES:
        cell = results.cell(CANDIDATES, events, search)
        for peer, most in limits.items():
            ratio = cell and cell.ratio(REFERENCE, peer)
            if ratio is not None:
                asked = f"{CANDIDATES:,} candidates, {events:,} events, {search}: against {peer}"
                yield _at_most(asked, ratio, most)


def _short(results: Results) -> Iterable[Bar]:
    return _against(results, SHORT, {PEER: 1.0, WEB: 0.5})


def _long(results: Results) -> Iterable[Bar]:
    for search in SEARCHES:
        cell = results.cell(CANDIDATES, LONG, search)
        if cell and REFERENCE in cell.variants:
            found = cell.variants[REFERENCE]
            asked, p99 = f"P99 over {found.rounds} requests", found.p99
            if found.quiet_p99 is not None and 2 * found.quiet_rounds >= found.rounds:
                asked = f"P99 over {found.quiet_rounds} requests on a quiet core, of {found.rounds}"
                p99 = found.quiet_p99
            yield _at_most(f"{CANDIDATES:,} candidates, {LONG:,} events, {search}: {asked}", p99, 100, " ms")
            asked = f"{CANDIDATES:,} candidates, {LONG:,} events, {search}: recall@50 against exact search"
            yield Bar(asked, f"{cell.recall:.4f}", "at least 0.98", cell.recall >= 0.98)
    yield from _against(results, LONG, {PEER: 0.5})


def _hard(results: Results) -> Iterable[Bar]:
    one = results.growth
    short, long = one["events"]
    yield _at_most(f"{one['search']} search, {long:,} events against {short:,}", one["ratio"], 1.2)


def _growth(results: Results) -> Iterable[Bar]:
    for search in SEARCHES:
        short, long = (results.cell(CANDIDATES, events, search) for events in (GROWTH_FROM, LONGEST))
        power = slope(short, long) if short and long else None
        if power is not None:
            asked = f"{search}: cost grows as length to the power of, {GROWTH_FROM:,} to {LONGEST:,} events"
            yield Bar(asked, f"{power:.2f}", "at most 0.9", power <= 0.9)


def _native(results: Results) -> Iterable[Bar]:
    for events in (SHORT, LONG):
        for search in SEARCHES:
            cell = results.cell(CANDIDATES, events, search)
            of = f"{CANDIDATES:,} candidates, {events:,} events, {search}"
            if cell and (ratio := cell.ratio(REFERENCE, NATIVE)) is not None:
                yield _at_most(f"{of}: against the same Rust natively, 128-bit SIMD", ratio, 1.25)
            if cell and (ratio := cell.ratio(REFERENCE, EVERYTHING)) is not None:
                yield Bar(f"{of}: natively with everything the CPU has", f"{ratio:.2f}×", "told", None)


def _cores(results: Results) -> Iterable[Bar]:
    for one in results.throughput:
        asked = f"{one['candidates']:,} candidates, {one['events']:,} events, {one['search']}: requests of two cores"
        yield Bar(asked, f"{one['ratio']:.2f}×", "at least 1.9×", one["ratio"] >= 1.9)


def _start(results: Results) -> Iterable[Bar]:
    found = results.start or {}
    if start := found.get("start"):
        of = f"an instance with bundle and {start['shard_rows']:,} rows"
        yield _at_most(f"{of}: ready, median", start["start_us"]["median"], 100, " µs")
        yield _at_most(f"{of}: ready, P99", start["start_us"]["p99"], 100, " µs")
        yield _at_most(f"{of}: its first request against a later one", start["first_to_later"], 1.2)
        for one in start["just_pushed"]:
            asked = f"{one['candidates']:,} candidates, {one['events']:,} events: the first request after a push against a later one"
            yield _at_most(asked, one["first_to_later"], 1.2)
    if memory := found.get("memory"):
        most = memory["shard_bytes"] + PER_INSTANCE * memory["instances"]
        of = f"{memory['instances']} instances on one shard of {memory['shard_bytes'] / 1e6:.0f} MB: memory added (PSS)"
        yield _at_most(of, memory["added_pss"] / 1e6, most / 1e6, " MB")
        yield _at_most(f"{of}, once the shard was pushed again", memory["added_pss_after_push"] / 1e6, most / 1e6, " MB")


def _size(results: Results) -> Bar:
    gzip = results.module["gzip"]
    return Bar("the module, gzip'd", f"{gzip / 1e6:.2f} MB", "at most 2 MB", gzip <= MOST_GZIP)

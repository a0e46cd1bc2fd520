"""docs/performance.md, made from the results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .bars import bars
from .results import ENOUGH_FOR_P99, REFERENCE, Cell, Measured, Results
from .roofline import Shape, bottleneck, reached

VARIANTS: dict[str, str] = {
    "wasmtime": "Lookback's module in wasmtime through `lookback-host`, with deadline and memory limit. From a request "
    "as a Rust service holds it to the response: encoded, copied in, answered, copied out, decoded.",
    "v8": "The same module in V8 (Node) by its raw exports, from encoded request to encoded response; its functions "
    "compiled by the optimising compiler at their first call.",
    "native-128": "The same Rust built natively with 128-bit SIMD (SSE4.2 on x86-64), from encoded request to encoded "
    "response.",
    "native-all": "The same, built with everything that this CPU has.",
    "onnxruntime": "onnxruntime, native, one thread, all graph optimisations, on the ordinary graph; inputs bound "
    "where they lie.",
    "onnxruntime-web": "onnxruntime-web in Node: WebAssembly with SIMD, one thread, all graph optimisations, on the "
    "ordinary graph.",
    "tract": "tract, native, on the ordinary graph.",
}

INTRODUCTION = """# Performance

What a whole request costs, against what one would run instead. Written by

```sh
{command}
```

Each variant is a process of its own that has loaded its model; all are pinned to the same core and take turns, so that
whatever else the machine does meets them all. Where a bar is set, each run begins when the core is quiet, which a fixed
loop tells: it takes at most 1.15 times the least that it ever took. The benchmark waits for that for some minutes in
all, and no longer. Times are measured within the process, in milliseconds: medians, and the 99th percentile where there
were {rounds} rounds or more. The bar for that is of a quiet machine, so it is asked of the requests that began and ended
on a quiet core where these are half of all or more, and of all where they are not; both are told. Nobody is timed on a
wrong answer: logits differ by at most 1e-4 from the module's wherever both attend to the same events; the others are
counted below.

Requests are those of the simulated platform's heavy person: their newest events, so many of them engaged as the table
says, with the newest skips that the model reads; 200,000 events are of the same platform told with a longer history
(`heavy_events`; the pins are the same, for the seed is). Candidates are drawn from the shard.

**The peers' model** is the same weights as one ordinary ONNX graph for each search
(`python -m lookback_training performance-graphs`): no operator of our own, soft search on the embeddings themselves
rather than on codes of them, attention that all candidates share as a plain matrix product. Where the scores of all
candidates would take more than 512 MB, and wherever else it is faster, they come in chunks; what the candidates share
is then computed once. **The peers get their inputs as tensors, for free**: Lookback's time includes decoding the
request, ordering its events and looking up embeddings, theirs does not.
"""


def render(
    results: Results, command: str, plots: list[tuple[str, str]], notes: str = "", shape: Shape | None = None
) -> str:
    """The whole page; `plots` are (title, path), `notes` is what people say of the figures; stages are told where the
    model's `shape` is given."""
    page = [INTRODUCTION.format(command=command, rounds=ENOUGH_FOR_P99)]
    if results.quick:
        page.append("This is a quick run: few cells and few rounds.\n")
    if notes:
        page.append(notes)
    page += ["## What must hold\n", _bars(results) + "\n"]
    for search in results.searches():
        page += [f"## {search.capitalize()} search\n", _times(results, search) + "\n"]
    for title, path in plots:
        page.append(f"![{title}]({path})\n")
    if any(_p99_of(cell) for cell in results.cells):
        page += ["## 99th percentiles\n", _p99(results) + "\n"]
    page += ["## Short and long histories\n", _growth(results) + "\n"]
    page += ["## One core and two\n", _throughput(results) + "\n"]
    page += ["## What this core can do\n", _peaks(results) + "\n"]
    if results.stages and shape is not None:
        page += ["## Stages\n", _stages(results) + "\n", "## Roofline\n", _roofline(results, shape) + "\n"]
    if results.start is not None:
        page += ["## Start, memory and formats\n", _start(results.start) + "\n"]
    page += ["## Did they answer alike\n", _agreement(results) + "\n"]
    page += ["## Columns\n", _columns(results) + "\n"]
    page += ["## Machine and versions\n", _machine(results) + "\n"]
    return "\n".join(page).rstrip() + "\n"


def table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _bars(results: Results) -> str:
    verdict = {True: "yes", False: "**no**", None: "–"}
    return table(
        ["asked", "figure", "to reach", "met"],
        [[bar.asked, bar.figure, bar.threshold, verdict[bar.met]] for bar in bars(results)],
    )


def _present(cells: Iterable[Cell]) -> list[str]:
    found = {name for cell in cells for name in (*cell.variants, *cell.left_out)}
    return [name for name in VARIANTS if name in found]


def _times(results: Results, search: str) -> str:
    cells = [cell for cell in results.cells if cell.search == search]
    names = _present(cells)
    body = []
    for cell in sorted(cells, key=lambda one: (one.candidates, one.events)):
        body.append([f"{cell.candidates:,}", f"{cell.events:,}", *(_time(cell, name) for name in names)])
    return "Median ms, and in brackets the multiple of the module in wasmtime.\n\n" + table(
        ["candidates", "events", *names], body
    )


def _time(cell: Cell, name: str) -> str:
    if name in cell.left_out:
        return "too long"
    if name not in cell.variants:
        return "–"
    found = cell.variants[name]
    wrong = " **wrong**" if found.wrong else ""
    return f"{found.median:.1f}{wrong}" if name == REFERENCE else f"{found.median:.1f} ({found.ratio:.2f}){wrong}"


def _p99_of(cell: Cell) -> dict[str, float]:
    return {name: one.p99 for name, one in cell.variants.items() if one.rounds >= ENOUGH_FOR_P99}


def _p99(results: Results) -> str:
    cells = [cell for cell in results.cells if _p99_of(cell)]
    names = [name for name in VARIANTS if any(name in _p99_of(cell) for cell in cells)]
    body = []
    for cell in cells:
        found = _p99_of(cell)
        times = [_p99_text(found[name], cell.variants[name]) if name in found else "–" for name in names]
        body.append([cell.search, f"{cell.candidates:,}", f"{cell.events:,}", *times])
    told = "Of all requests, and in brackets of those that began and ended on a quiet core, and how many these are.\n\n"
    return told + table(["search", "candidates", "events", *names], body)


def _p99_text(p99: float, found: Measured) -> str:
    return f"{p99:.1f}" if found.quiet_p99 is None else f"{p99:.1f} ({found.quiet_p99:.1f}, {found.quiet_rounds})"


def _growth(results: Results) -> str:
    one = results.growth
    (short, long), milliseconds = one["events"], one["milliseconds"]
    head = ["search", "candidates", f"ms, {short:,} events", f"{long:,} events", "long against short"]
    body = [[one["search"], f"{one['candidates']:,}", *(f"{ms:.1f}" for ms in milliseconds), f"{one['ratio']:.2f}×"]]
    told = "A process for each, on one core, by turns. Medians, and the ratio of these.\n\n"
    return told + table(head, body)


def _throughput(results: Results) -> str:
    body = [
        [
            one["search"],
            f"{one['candidates']:,}",
            f"{one['events']:,}",
            f"{one['one_thread']:.2f}",
            f"{one['two_threads']:.2f}",
            f"{one['ratio']:.2f}×",
        ]
        for one in results.throughput
    ]
    head = ["search", "candidates", "events", "requests/s, one thread", "two threads", "two against one"]
    told = "Each thread has a host of its own; nothing is pinned. Medians of short turns, the last of their ratios.\n\n"
    return told + table(head, body)


def _peaks(results: Results) -> str:
    body = [[name.replace("_", " "), f"{value:.1f}"] for name, value in results.peaks.items()]
    return (
        "Peaks measured here, by code that does nothing else: eight sums of products of 128 bits (multiplications and "
        "additions both counted), in registers, but for two factors that the sandbox reads anew; reading, and a = b + s·c "
        "(STREAM's triad), over 256 MB arrays.\n\n"
        + table(["peak", "measured"], body)
    )


def _stages(results: Results) -> str:
    names = list(results.stages[0].milliseconds)
    body = []
    for one in results.stages:
        times = [f"{one.milliseconds[name]:.2f}" for name in names]
        total = f"{sum(one.milliseconds.values()):.1f}"
        body.append([one.search, f"{one.candidates:,}", f"{one.events:,}", *times, total])
    return (
        "Median ms of each stage within the module in wasmtime, by a profiling build that looks at a clock between "
        "them (`src/stage.rs` says what each is).\n\n"
        + table(["search", "candidates", "events", *names, "all"], body)
    )


def _roofline(results: Results, shape: Shape) -> str:
    parts = [
        "For each stage the operations it cannot do without, multiplications and additions both counted, the bytes "
        "that it has to read or write at least once, and the shares that it reached of the peaks above: of 128-bit "
        "arithmetic in wasmtime (of 16-bit codes where it multiplies codes), and of reading memory. What a stage does "
        "besides, such as comparing and sorting, is not counted, so that shares are lower bounds."
    ]
    for one in results.stages:
        stages = list(reached(results, shape, one))
        body = [
            [
                stage.stage,
                f"{stage.milliseconds:.2f}",
                f"{stage.work.operations / 1e6:,.1f}" if stage.work else "–",
                f"{stage.work.bytes / 1e6:,.2f}" if stage.work else "–",
                "–" if stage.of_arithmetic is None else f"{stage.of_arithmetic:.0%}",
                "–" if stage.of_memory is None else f"{stage.of_memory:.0%}",
            ]
            for stage in stages
        ]
        next_one = bottleneck(stages)
        parts.append(f"**{one.search.capitalize()} search, {one.candidates:,} candidates, {one.events:,} events**")
        parts.append(table(["stage", "ms", "million operations", "MB", "of arithmetic", "of memory"], body))
        if next_one:
            parts.append(f"The next bottleneck: {next_one.stage}, the stage with most time above its peak.")
    return "\n\n".join(parts)


def _start(start: dict[str, Any]) -> str:
    told = {key: value for key, value in start.items() if key != "shards"}
    body = [[key.replace("_", " "), _value(value)] for key, value in _flat(told)]
    command = "```sh\ntarget/release/examples/start target/lookback/lookback.wasm models/simulated/bundle.lbb\n```"
    parts = [f"Printed by\n\n{command}\n\n{table(['what', 'measured'], body)}"]
    if start.get("shards"):
        parts.append(_shards(start["shards"]))
    return "\n\n".join(parts)


def _shards(shards: list[dict[str, Any]]) -> str:
    body = [
        [
            f"{one['rows']:,}",
            one["element"],
            f"{one['bytes'] / 1e6:.1f}",
            f"{one['load_in_module_ms']:.1f}",
            f"{one['load_natively_ms']:.1f}",
            f"{one['lookups']['one_by_one_ns']:.0f}",
            f"{one['lookups']['together_ns']:.0f}",
            f"{one['lookups']['gather_ns']:.0f}",
            f"{one['push_shard_to_ready_ms']:.0f}",
            f"{one['push_bundle_to_ready_ms']:.0f}",
        ]
        for one in shards
    ]
    head = [
        "rows",
        "element",
        "MB",
        "load in the module, ms",
        "natively, ms",
        "an item looked up alone, ns",
        "among many, ns",
        "its embedding read, ns",
        "shard pushed to ready, ms",
        "bundle pushed to ready, ms",
    ]
    return (
        "Made-up shards. To load one is to hash it, with no work for a row; look-ups are timed natively; from push to "
        "ready is what a host of two instances does off the request path: load, check, write the image that instances start "
        "from, and answer a made-up request in each of them."
        "\n\n" + table(head, body)
    )


def _flat(values: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, dict | list):
            for one in value if isinstance(value, list) else [value]:
                yield from _flat(one, f"{prefix}{key}, ")
        else:
            yield f"{prefix}{key}", value


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _agreement(results: Results) -> str:
    body = []
    for cell in results.cells:
        others = {name: one for name, one in cell.variants.items() if name != REFERENCE}
        differing = ", ".join(f"{name} {one.differing}" for name, one in others.items() if one.differing) or "none"
        worst = max((one.worst for one in others.values()), default=0.0)
        sizes = [cell.search, f"{cell.candidates:,}", f"{cell.events:,}"]
        searched = [f"{cell.recall:.4f}", str(cell.found_otherwise), str(cell.draws)]
        body.append([*sizes, *searched, differing, f"{worst:.1e}"])
    head = [
        "search",
        "candidates",
        "events",
        "recall@50",
        "found otherwise",
        "draws",
        "differing",
        "largest difference",
    ]
    return (
        "The module's search against exact search: the share of its 50 events that the module found, and the "
        "candidates for which it found others; candidates whose search is a draw to rounding; those of a variant with "
        "a logit more than 1e-4 from the module's; and the largest difference among candidates for which both attended "
        "to the same events.\n\n" + table(head, body)
    )


def _columns(results: Results) -> str:
    names = _present(results.cells)
    lines = [f"- **{name}**: {VARIANTS[name]}" for name in names]
    reasons = [
        f"- *too long*: {name}, {cell.search} search, {cell.candidates:,} × {cell.events:,}: {why}."
        for cell in results.cells
        for name, why in cell.left_out.items()
    ]
    chunks = [
        f"{name} {one.chunk} ({cell.search}, {cell.candidates:,} × {cell.events:,})"
        for cell in results.cells
        for name, one in cell.variants.items()
        if one.chunk is not None
    ]
    if chunks:
        reasons.append(f"- Candidates at once, where fewer than all were best: {'; '.join(chunks)}.")
    return "\n".join(lines + reasons)


def _machine(results: Results) -> str:
    one, quietness = results.machine, results.quietness
    lines = [
        f"- {one['cpu']}, {one['cores']} cores, {one['memory_gb']:.0f} GB, {one['system']}",
        f"- It has {', '.join(one['features'])}.",
        f"- Load average {one['load'][0]:.1f} before the run and {one['load'][1]:.1f} at its end "
        "(the run itself is 1): a quiet machine shows 0 and 1.",
        f"- {quietness['disturbed']:,} of {quietness['starts']:,} measurements began without a quiet core, after "
        f"{quietness['waited']:.0f} s of waiting in all.",
        f"- The module: {results.module['raw'] / 1e6:.2f} MB, {results.module['gzip'] / 1e6:.2f} MB gzip'd.",
    ]
    lines += [f"- {name} {version}" for name, version in results.versions.items()]
    return "\n".join(lines)

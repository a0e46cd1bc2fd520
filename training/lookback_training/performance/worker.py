"""The ordinary graph in onnxruntime, one thread: orders in, answers out, one a line (bench/src/protocol.rs)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime import GraphOptimizationLevel, InferenceSession, OrtValue, SessionOptions

from ..export.ordinary import CANDIDATE_INPUTS
from . import fixture

SCORE_BYTES = 512 * 2**20
"""Candidates are run in chunks, so that their scores of all events are no larger than this."""
SMALLEST = 100
OPTIONS = 4
"""Chunks that are tried: all candidates, and halves of it, down to the smallest."""
TRY_SECONDS = 2.0
WARM_UP = 5
WARM_UP_SECONDS = 1.0

Run = Callable[[], tuple[float, np.ndarray]]
"""Runs one request: seconds, and the logits [C,2]."""


class Worker:
    """Graphs of a folder, and the fixture that runs."""

    def __init__(self, graphs: Path) -> None:
        self.graphs = graphs
        self.sessions: dict[str, InferenceSession] = {}
        self.run: Run | None = None
        self.logit = np.empty((0, 2), dtype=np.float32)

    def session(self, name: str) -> InferenceSession:
        if name not in self.sessions:
            options = SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
            options.add_session_config_entry("session.set_denormal_as_zero", "1")
            path = str(self.graphs / f"{name}.onnx")
            self.sessions[name] = InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return self.sessions[name]

    def prepare(self, path: Path, search: str) -> int | None:
        """Read a fixture and keep the fastest way to run it; the size of its chunks, None for one of all candidates."""
        self.sessions = {name: one for name, one in self.sessions.items() if name.startswith(search)}
        given = fixture.read(path)
        most = max(1, SCORE_BYTES // (4 * given.events))
        sizes: list[int | None] = [None] if given.candidates <= most else []
        size = min(most, given.candidates // 2)
        while size >= SMALLEST and len(sizes) < OPTIONS:
            sizes.append(size)
            size //= 2
        best: tuple[float, int | None, Run] | None = None
        for size in sizes or [most]:
            run = self.whole(search, given) if size is None else self.divided(search, given, size)
            seconds = run()[0]
            if seconds < TRY_SECONDS:
                seconds = min(run()[0] for _ in range(3))
            if best is None or seconds < best[0]:
                best = (seconds, size, run)
            if seconds > TRY_SECONDS:
                break
        self.run = best[2]
        return best[1]

    def whole(self, search: str, given: fixture.Fixture) -> Run:
        binding = bound(self.session(search), values(given.tensors))
        session = self.session(search)

        def run() -> tuple[float, np.ndarray]:
            started = time.perf_counter_ns()
            session.run_with_iobinding(binding)
            logit = binding.get_outputs()[0].numpy()
            return (time.perf_counter_ns() - started) / 1e9, logit

        return run

    def divided(self, search: str, given: fixture.Fixture, size: int) -> Run:
        """What all candidates share once, then the candidates in chunks."""
        first, second = self.session(f"{search}-events"), self.session(f"{search}-candidates")
        shared = values({name: one for name, one in given.tensors.items() if name not in CANDIDATE_INPUTS})
        chunks = [
            values({name: given.tensors[name][at : at + size] for name in CANDIDATE_INPUTS})
            for at in range(0, given.candidates, size)
        ]
        of_events = bound(first, shared)
        names = [output.name for output in first.get_outputs()]

        def run() -> tuple[float, np.ndarray]:
            started = time.perf_counter_ns()
            first.run_with_iobinding(of_events)
            computed = shared | dict(zip(names, of_events.get_outputs(), strict=True))
            parts = []
            for chunk in chunks:
                binding = bound(second, computed | chunk)
                second.run_with_iobinding(binding)
                parts.append(binding.get_outputs()[0].numpy())
            logit = np.concatenate(parts)
            return (time.perf_counter_ns() - started) / 1e9, logit

        return run

    def obey(self, order: dict) -> dict:
        answer = {}
        if order["task"] == "prepare":
            answer["chunk"] = self.prepare(Path(order["fixture"]), order["search"])
        if self.run is None:
            raise ValueError("no fixture is prepared")
        if order["task"] == "score":
            Path(order["to"]).write_bytes(np.ascontiguousarray(self.logit, dtype="<f4").tobytes())
            return answer
        started = time.perf_counter()
        seconds, self.logit = self.run()
        for _ in range(1, WARM_UP if order["task"] == "prepare" else 1):
            if time.perf_counter() - started + seconds > WARM_UP_SECONDS:
                break
            seconds, self.logit = self.run()
        return answer | {"nanoseconds": round(seconds * 1e9)}


def values(arrays: dict[str, np.ndarray]) -> dict[str, OrtValue]:
    return {name: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def bound(session: InferenceSession, given: dict[str, OrtValue]) -> onnxruntime.IOBinding:
    """Inputs where they lie; outputs wherever the runtime puts them."""
    binding = session.io_binding()
    for one in session.get_inputs():
        binding.bind_ortvalue_input(one.name, given[one.name])
    for one in session.get_outputs():
        binding.bind_output(one.name)
    return binding


def serve(graphs: Path) -> None:
    """Answer orders until there are no more."""
    worker = Worker(graphs)
    for line in sys.stdin:
        try:
            answer = worker.obey(json.loads(line))
        except Exception as error:  # the driver hears of whatever goes wrong
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)

"""Many runs at once: one core each, results to files, what is running on the screen."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import torch
from tqdm import tqdm

from . import runs
from .runs import Job
from .variants import BenchError

ONE_CORE = {
    "OMP_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    # Bars of several processes would write over each other.
    "TQDM_DISABLE": "1",
}


def run(jobs: list[Job], processes: int) -> None:
    """Run the jobs that are not done, in order, `processes` at a time; raises the first run's error there is."""
    waiting = [job for job in jobs if not job.is_done()]
    if not waiting:
        return
    os.environ.update(ONE_CORE)
    # A forked child would inherit the locks of threads it does not have.
    context = multiprocessing.get_context("spawn")
    bar = tqdm(total=len(jobs), initial=len(jobs) - len(waiting), unit="run", desc="bench")
    with ProcessPoolExecutor(min(processes, len(waiting)), context, _one_core) as pool, bar:
        running: dict[Future[None], Job] = {}
        try:
            while waiting or running:
                while waiting and len(running) < processes:
                    job = waiting.pop(0)
                    running[pool.submit(runs.run, job)] = job
                bar.set_postfix_str("; ".join(job.name for job in running.values()))
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(done)
                    _raise(done, job)
                    bar.update()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _raise(done: Future[None], job: Job) -> None:
    try:
        done.result()
    except BrokenProcessPool as error:
        raise BenchError(
            f"{job.name}: the process was ended from outside, most likely for memory; run again with fewer --processes"
        ) from error
    except Exception as error:
        error.add_note(f"in the run {job.name}; what it said is in {job.path.with_suffix('.log').name} under --work")
        raise


def _one_core() -> None:
    torch.set_num_threads(1)

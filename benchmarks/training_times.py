"""How `benchmarks.training` takes the time and the memory of a job, ours and each peer's."""

import io
import math
import multiprocessing
import resource
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from threadpoolctl import threadpool_limits

from benchmarks.peers import PEERS, CannotDo, Job
from benchmarks.training_jobs import bundled, job_of, searched
from src.models.measures import TABLE
from src.problem.training import Engine
from src.training.fit import fit

OURS = "ours"
NEEDS = {"scikit-learn": "sklearn", "skorch": "skorch", "Keras 3 on torch": "keras"}


class Seconds(NamedTuple):
    """By the clock, and of processors at work, which says more where a machine has other work too."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> "Seconds":
        process, workers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return cls(time.perf_counter(), process.ru_utime + process.ru_stime + workers.ru_utime + workers.ru_stime)

    def since(self, begin: "Seconds", times: float = 1.0) -> "Seconds":
        return Seconds((self.clock - begin.clock) * times, (self.processor - begin.processor) * times)

    def least(self, other: "Seconds") -> "Seconds":
        return Seconds(min(self.clock, other.clock), min(self.processor, other.processor))


def run_ours(job: Job, engine: Engine) -> Seconds:
    measure = TABLE["accuracy" if job.classifies else "mae"]
    begin = Seconds.now()
    fit(job.members, job.table, measure, engine, job.name)
    return Seconds.now().since(begin)


def run_peer(name: str, job: Job, threads: int) -> Seconds:
    """Seconds for all members, from those that stand for them."""
    pairs = list(zip(job.members, job.folds, strict=True))
    step = max(len(pairs) // job.sampled, 1)
    chosen = pairs[::step][: job.sampled]
    torch.set_num_threads(threads)
    begin = Seconds.now()
    with redirect_stdout(io.StringIO()), threadpool_limits(threads):
        PEERS[name](job, chosen)
    return Seconds.now().since(begin, len(pairs) / len(chosen))


def warm_up(job: Job) -> Job:
    """One epoch of one member, for what an implementation does once: imports above all."""
    member = job.members[0]
    one = replace(member, candidate=member.candidate.model_copy(update={"epochs": 1}))
    return replace(job, members=[one], folds=job.folds[:1])


def best_threads(name: str, job: Job) -> int:
    """One, or all that the job may have: whichever is faster for an epoch now. Threads that wait for each other lose
    everything where a machine has other work too."""
    one = warm_up(job)
    run_peer(name, one, 1)
    return min({1, job.threads}, key=lambda threads: min(run_peer(name, one, threads).clock for _ in range(2)))


def measure_job(job: Job, engine: Engine, rounds: int) -> list[dict[str, Any]]:
    """The rows of one job; what has no figure is told at once."""
    names: list[str] = []
    skipped: dict[str, str] = {}
    for name in PEERS:
        if name in NEEDS and find_spec(NEEDS[name]) is None:
            skipped[name] = "not installed: pip install -r benchmarks/requirements.txt"
        else:
            names.append(name)
    best: dict[str, Seconds] = {}
    threads: dict[str, int] = {}
    run_ours(warm_up(job), engine)
    for name in names:
        try:
            threads[name] = best_threads(name, job)
        except CannotDo as error:
            skipped[name] = str(error)
    for _ in range(rounds):
        for name in (backend for backend in [OURS, *threads] if backend not in skipped):
            try:
                seconds = run_ours(job, engine) if name == OURS else run_peer(name, job, threads[name])
            except CannotDo as error:  # which the one member of the epoch before did not show
                skipped[name] = str(error)
                continue
            best[name] = seconds.least(best.get(name, seconds))
    best |= {name: Seconds(seconds, math.nan) for name, seconds in (job.published or {}).items()}
    print(f"\n{job.name} ({len(job.members)} trainings)")
    rows = []
    print(f"  {'':28} {'by the clock':>22} {'of processors':>23}")
    for name, taken in best.items():
        guessed = name not in (OURS, *(job.published or {})) and job.sampled < len(job.members)
        ratios = Seconds(taken.clock / best[OURS].clock, taken.processor / best[OURS].processor)
        of_processors = "" if math.isnan(taken.processor) else f"{taken.processor:12.2f} s {ratios.processor:8.2f}x"
        print(
            f"  {name:28} {'~' if guessed else ' '}{taken.clock:9.2f} s {ratios.clock:8.2f}x{of_processors}", flush=True
        )
        row = {"seconds": taken.clock, "ratio_to_ours": ratios.clock}
        if of_processors:
            row |= {"processor_seconds": taken.processor, "processor_ratio_to_ours": ratios.processor}
        rows.append({"job": job.name, "implementation": name} | {key: round(value, 3) for key, value in row.items()})
    for name, reason in skipped.items():
        print(f"  {name:28} skipped: {reason}")
    return rows


def measure_growth(engine: Engine, counts: Sequence[int]) -> list[dict[str, Any]]:
    """Processor time of one gradient step of all members, and the memory that training them takes, by their number."""
    print("\nours, one gradient step of all members (30-16-16-1 units, minibatches of 32 rows), in one process")
    alone = engine.model_copy(update={"workers": 1})
    table = bundled("breast_cancer", "binary")

    def growth(count: int, epochs: int) -> Job:
        job = job_of("growth", table, searched(max(count // 5, 1), epochs), 1)
        return Job("growth", table, job.members[:count], [], 1)

    # Memory first: what this process has used before, its children have without asking for it.
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        of_counts = [pool.apply(peak_megabytes, (growth(count, 6), alone)) for count in counts]
    rows: list[dict[str, Any]] = []
    for count, megabytes in zip(counts, of_counts, strict=True):
        few, more = growth(count, 1), growth(count, 6)
        seconds = [min(run_ours(job, alone).processor for _ in range(3)) for job in (few, more)]
        of_step = (seconds[1] - seconds[0]) / 5 / -(-len(few.members[0].training) // 32)
        rows.append(
            {"job": f"step of {count} members", "implementation": OURS, "seconds": of_step, "ratio_to_ours": 1.0}
        )
        print(
            f"  {count:4} members {1e3 * of_step:8.2f} ms {1e6 * of_step / count:8.1f} µs a member "
            f"{megabytes:8.1f} MB {megabytes / count:8.3f} MB a member",
            flush=True,
        )
    return rows


def peak_megabytes(job: Job, engine: Engine) -> float:
    """By how much this process grows at most while it trains a job, beyond what a single member takes."""
    run_ours(warm_up(job), engine)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run_ours(job, engine)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

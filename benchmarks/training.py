"""How long the same trainings take here and elsewhere.

    python -m benchmarks.training [--quick] [--json figures.json] [--accelerator gpu] [JOB ...]

Every implementation trains the same rows, splits, networks and epochs; ours by `src.training.fit.fit`, the function
that every step calls, with vectorizing and curves. Peers that are not installed are skipped (`pip install -r
benchmarks/requirements.txt`); each has the number of threads that suits the job, one where networks are small. The
implementations take turns, `--rounds` times, and the fastest time of each counts, so that a busy moment hurts none of
them alone. Where a peer would need many minutes, some members stand for all: marked ~.
"""

import argparse
import io
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from benchmarks.peers import PEERS, CannotDo, Job, SmallConvnet
from src.measures import TABLE
from src.networks import KINDS
from src.preprocessing.fold import fit_fold
from src.problem import Engine, ProblemType
from src.protocols import Split
from src.results import Candidate
from src.tables import Feature, Schema, Table, encode_targets
from src.training.fit import fit
from src.training.members import Member

OURS, GROWTH = "ours", "growth"
NEEDS = {"scikit-learn": "sklearn", "skorch": "skorch", "Keras 3 on torch": "keras"}
QUICK = ("breast_cancer", "car_mileage", "search")
KINDS["small_convnet"] = lambda: SmallConvnet


def table_of(kind: ProblemType, x_ND: np.ndarray, y_N: np.ndarray) -> Table:
    names = [f"x{i}" for i in range(x_ND.shape[1])]
    frame = pd.DataFrame(x_ND, columns=names)
    frame["y"] = y_N if kind == "regression" else pd.array(y_N.astype(int).astype(str), dtype="str")
    classes = [] if kind == "regression" else sorted(set(frame["y"]))
    schema = Schema(
        type=kind,
        features=[Feature(name=name, kind="numeric") for name in names],
        targets=["y"],
        classes=classes,
        positive=classes[-1] if kind == "binary" else None,
        groups=None,
        time=None,
        weights=None,
    )
    return Table(schema, frame, encode_targets(frame, schema), np.ones(len(frame)), np.arange(len(frame)))


def generated(rows: int, columns: int) -> Table:
    """A regression table of the size of one that is not bundled; time does not depend on the values."""
    rng = np.random.default_rng(0)
    x_ND = rng.normal(size=(rows, columns))
    return table_of("regression", x_ND, x_ND @ rng.normal(size=columns) + rng.normal(size=rows))


def bundled(name: str, kind: ProblemType) -> Table:
    from sklearn import datasets

    x_ND, y_N = getattr(datasets, f"load_{name}")(return_X_y=True)
    return table_of(kind, x_ND, y_N)


def job_of(
    name: str,
    table: Table,
    candidates: Sequence[Candidate],
    sampled: int,
    folds: int = 5,
    repeats: int = 1,
    **options: Any,
) -> Job:
    members, arrays = [], []
    for repeat in range(repeats):
        order_N = np.random.default_rng(repeat).permutation(len(table))
        for number, validation in enumerate(np.array_split(order_N, folds)):
            split = Split(repeat, number, np.setdiff1d(order_N, validation), np.sort(validation))
            fold = fit_fold(table, split.training, split.validation)
            members += [Member.of_split(candidate, split, 0) for candidate in candidates]
            arrays += [fold] * len(candidates)
    return Job(name, table, members, arrays, sampled, **options)


def candidate_of(
    network: dict[str, Any], epochs: int, optimizer: str = "adam", batch_size: int = 32, **more: Any
) -> Candidate:
    settings = {"learning_rate": 0.001, "l1": 0.0, "l2": 0.0, **more}
    return Candidate(network=network, optimizer=optimizer, batch_size=batch_size, epochs=epochs, **settings)


def dense(*units: int, dropout: float = 0.0) -> dict[str, Any]:
    return {"kind": "mlp", "units": list(units), "activation": "relu", "dropout": dropout}


def searched(count: int, epochs: int) -> list[Candidate]:
    """Candidates as a search proposes them: dropout, L2 and learning rate vary."""
    return [
        candidate_of(
            dense(16, 16, dropout=(0.0, 0.1, 0.25, 0.5)[i % 4]),
            epochs,
            l2=(0.0, 0.001, 0.01)[i % 3],
            learning_rate=0.001 * 3 ** (i % 3 - 1),
        )
        for i in range(count)
    ]


def jobs(quick: bool) -> dict[str, Callable[[], Job]]:
    """How to make every job; `quick`: fewer epochs and members, and one member stands for all with the slow peers."""
    few, cores = (1 if quick else 2), os.cpu_count() or 1
    epochs = 20 if quick else 100
    convnet = {"kind": "small_convnet", "channels": 8, "dropout": 0.0}
    return {
        "breast_cancer": lambda: job_of(
            f"5-fold breast cancer, {epochs} epochs",
            bundled("breast_cancer", "binary"),
            [candidate_of(dense(16, 16), epochs)],
            few,
        ),
        "car_mileage": lambda: job_of(
            f"5-fold car mileage (318 rows), {epochs} epochs",
            generated(318, 7),
            [candidate_of(dense(64), epochs)],
            few,
            published=None if quick else {"Ludwig (as published)": 40.6},
        ),
        "search": lambda: job_of(
            f"search of {60 if quick else 180} members, {epochs} epochs",
            bundled("breast_cancer", "binary"),
            searched(12, epochs),
            few,
            repeats=1 if quick else 3,
        ),
        "boston": lambda: job_of(
            "4-fold Boston housing (404 rows), RMSprop, 500 epochs",
            generated(404, 13),
            [candidate_of(dense(64, 64), 500, "rmsprop", 16)],
            1,
            folds=4,
        ),
        "wide": lambda: job_of(
            "5-fold breast cancer, 512-512 units, 20 epochs",
            bundled("breast_cancer", "binary"),
            [candidate_of(dense(512, 512), 20)],
            few,
            threads=cores,
        ),
        "convnet": lambda: job_of(
            "5-fold digits, small convnet, 10 epochs",
            bundled("digits", "multiclass"),
            [candidate_of(convnet, 10)],
            few,
            threads=cores,
        ),
    }


def run_ours(job: Job, engine: Engine) -> float:
    measure = TABLE["accuracy" if job.classifies else "mae"]
    begin = time.perf_counter()
    fit(job.members, job.table, measure, engine, job.name)
    return time.perf_counter() - begin


def run_peer(name: str, job: Job) -> float:
    """Seconds for all members, from those that stand for them."""
    pairs = list(zip(job.members, job.folds, strict=True))
    step = max(len(pairs) // job.sampled, 1)
    chosen = pairs[::step][: job.sampled]
    torch.set_num_threads(job.threads)
    begin = time.perf_counter()
    with redirect_stdout(io.StringIO()), threadpool_limits(job.threads):
        PEERS[name](job, chosen)
    return (time.perf_counter() - begin) * len(pairs) / len(chosen)


def warm_up(job: Job) -> Job:
    """One epoch of one member, for what an implementation does once: imports above all."""
    member = job.members[0]
    one = replace(member, candidate=member.candidate.model_copy(update={"epochs": 1}))
    return replace(job, members=[one], folds=job.folds[:1])


def measure_job(job: Job, engine: Engine, rounds: int) -> list[dict[str, Any]]:
    """The rows of one job; what has no figure is told at once."""
    names: list[str] = []
    skipped: dict[str, str] = {}
    for name in PEERS:
        if name in NEEDS and find_spec(NEEDS[name]) is None:
            skipped[name] = "not installed: pip install -r benchmarks/requirements.txt"
        else:
            names.append(name)
    best: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name in [OURS, *names]:
            if name in skipped:
                continue
            of = job if turn else warm_up(job)
            try:
                seconds = run_ours(of, engine) if name == OURS else run_peer(name, of)
            except CannotDo as error:
                skipped[name] = str(error)
                continue
            if turn:
                best[name] = min(seconds, best.get(name, seconds))
    best |= job.published or {}
    print(f"\n{job.name} ({len(job.members)} trainings)")
    rows = []
    for name, seconds in best.items():
        guessed = name not in (OURS, *(job.published or {})) and job.sampled < len(job.members)
        ratio = seconds / best[OURS]
        print(f"  {name:28} {'~' if guessed else ' '}{seconds:9.2f} s {ratio:8.2f}x", flush=True)
        rows.append(
            {"job": job.name, "implementation": name, "seconds": round(seconds, 3), "ratio_to_ours": round(ratio, 2)}
        )
    for name, reason in skipped.items():
        print(f"  {name:28} skipped: {reason}")
    return rows


def measure_growth(engine: Engine, counts: Sequence[int]) -> list[dict[str, Any]]:
    """Time of one gradient step of all members, and the memory that training them takes, by their number."""
    print("\nours, one gradient step of all members (30-16-16-1 units, minibatches of 32 rows), in one process")
    alone = engine.model_copy(update={"workers": 1})
    rows: list[dict[str, Any]] = []
    for count in counts:
        seconds = {}
        for epochs in (1, 6):
            table = bundled("breast_cancer", "binary")
            job = job_of("growth", table, searched(max(count // 5, 1), epochs), 1)
            members = job.members[:count]
            few = Job("growth", table, members, [], 1)
            seconds[epochs] = min(run_ours(few, alone) for _ in range(3))
        of_step = (seconds[6] - seconds[1]) / 5 / -(-len(members[0].training) // 32)
        with multiprocessing.get_context("fork").Pool(1) as pool:
            megabytes = pool.apply(peak_megabytes, (few, alone))
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


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = list(jobs(quick=False))
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", choices=[*names, GROWTH, []], help=f"default: {' '.join([*names, GROWTH])}"
    )
    parser.add_argument("--quick", action="store_true", help="the small jobs only; within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=None, help="how often the implementations take turns (default 2)")
    options = parser.parse_args()
    engine = Engine(accelerator=options.accelerator)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, Python {sys.version.split()[0]}, {options.accelerator}")
    rows = []
    chosen = options.jobs or (QUICK if options.quick else [*names, GROWTH])
    for name in (of for of in chosen if of != GROWTH):
        job = jobs(options.quick)[name]()
        if options.accelerator == "gpu":
            job = replace(job, device="cuda")
        rows += measure_job(job, engine, options.rounds or (1 if options.quick else 2))
    if GROWTH in chosen:
        rows += measure_growth(engine, (1, 5, 20, 60, 180, 500))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

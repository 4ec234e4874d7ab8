"""How long the same trainings take here and elsewhere.

    python -m benchmarks.training [--quick] [--json figures.json] [--accelerator gpu] [JOB ...]

Every implementation trains the same rows, splits, networks and epochs; ours by `src.training.fit.fit`, the function
that every step calls, with vectorizing and curves. Peers that are not installed are skipped (`pip install -r
benchmarks/requirements.txt`); where networks are large, each has one thread or all, whichever is faster. The
implementations take turns, `--rounds` times, and the fastest time of each counts, so that a busy moment hurts none of
them alone. Where a peer would need many minutes, some members stand for all: marked ~.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

JOBS = ("breast_cancer", "car_mileage", "search", "boston", "wide", "convnet")
QUICK = JOBS[:3]
GROWTH = "growth"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", choices=[*JOBS, GROWTH, []], help=f"default: {' '.join([*JOBS, GROWTH])}"
    )
    parser.add_argument("--quick", action="store_true", help="the small jobs only; within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--rounds", type=int, default=None, help="how often the implementations take turns (default 2)")
    options = parser.parse_args()

    import torch

    from benchmarks.training_jobs import jobs
    from benchmarks.training_times import measure_growth, measure_job
    from src.problem.training import Engine

    engine = Engine(accelerator=options.accelerator)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, Python {sys.version.split()[0]}, {options.accelerator}")
    rows = []
    chosen = options.jobs or (QUICK if options.quick else [*JOBS, GROWTH])
    for name in filter(lambda name: name != GROWTH, chosen):
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

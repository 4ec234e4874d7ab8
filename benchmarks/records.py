"""How fast MLflow's pages open when thousands of runs are on record.

    python -m benchmarks.records [--runs 2000] [--json figures.json]

Fills the experiment of one problem in a temporary clone with made-up workflow runs, each with its steps, rungs,
candidates and folds, and serves it as `make serve` does. A browser that has never been there opens the pages; the
seconds are until their content is there to be read.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from benchmarks.steps import REPOSITORY
from src.core.steps import RECORDED
from src.tracking.address import artifacts_uri, tracking_uri
from src.tracking.content import CHOSEN, COMMON_SENSE, CROSS_VALIDATED, RUN_TYPE, SEALED_TEST, Content, Point
from src.tracking.database import open_database
from src.tracking.identity import KEY
from src.tracking.many import NewRun, create_runs
from src.tracking.moved import EXPERIMENT_KIND
from src.tracking.runs import PARENT, STEP, TRAINS_MODELS
from src.tracking.views import compare_link, view_tags

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROBLEM = "made_up"
CANDIDATES, RUNGS, FOLDS, EPOCHS = 24, 4, 5, 50
RUNS_EACH = 1 + len(RECORDED) + CANDIDATES + RUNGS + FOLDS
PAUSE = 600_000  # milliseconds from one workflow run to the next


def fill(home: Path, runs: int) -> tuple[int, list[str]]:
    """Record workflow runs until there are at least `runs` runs in all; how many, and the newest one's candidates."""
    chance = np.random.default_rng(0)
    with open_database(home) as client:
        folder = f"{artifacts_uri(home)}/{PROBLEM}"
        tags = {EXPERIMENT_KIND: TRAINS_MODELS} | view_tags("accuracy")
        experiment = client.get_experiment(client.create_experiment(PROBLEM, folder, tags))
    count = -(-runs // RUNS_EACH)
    begin = round(time.time() * 1000) - count * PAUSE

    def write(made: list[NewRun]) -> list[str]:
        return create_runs(tracking_uri(home), experiment, made)

    parents = write([_workflow(chance, i, begin + i * PAUSE) for i in range(count)])
    steps = write([_step(step, parent, begin + i * PAUSE) for i, parent in enumerate(parents) for step in RECORDED])
    below = {
        step: [steps[i * len(RECORDED) + RECORDED.index(step)] for i in range(count)]
        for step in ("overfit", "regularize", "evaluate")
    }
    write([_curves(f"rung {k}", "rung", run, begin) for run in below["overfit"] for k in range(RUNGS)])
    write([_curves(f"repeat 1, fold {k + 1}", "fold", run, begin) for run in below["evaluate"] for k in range(FOLDS)])
    candidates = write([_candidate(chance, k, run, begin) for run in below["regularize"] for k in range(CANDIDATES)])
    return count * RUNS_EACH, candidates


def _run(name: str, content: Content, tags: dict[str, str], started: int, seconds: int = 0) -> NewRun:
    shared = {"mlflow.user": "nobody", "workflow.trigger": "dvc repro", "mlflow.source.git.commit": "0" * 40}
    return NewRun(name, content, shared | tags, started, started + 1000 * seconds)


def _workflow(chance: np.random.Generator, number: int, started: int) -> NewRun:
    mean = 0.8 + 0.2 * chance.random()
    metrics = {"cv.accuracy": mean, "cv.accuracy.low": mean - 0.05, "cv.accuracy.high": mean + 0.05}
    metrics |= {"test.accuracy": mean, "common_sense.accuracy": 0.5, "shallow.accuracy": 0.7}
    metrics |= {f"seconds.{step}": 10.0 for step in RECORDED} | {f"number.{i}": chance.random() for i in range(15)}
    params = {"search.budget": str(chance.integers(1, 100))} | {f"setting.{i}": str(i) for i in range(27)}
    tags = {
        KEY: f"{number:064x}",
        "mlflow.source.name": "dvc repro, nobody",
        "problem": PROBLEM,
        "verdicts": "6 of 6 hold",
        CROSS_VALIDATED: f"accuracy {mean:.4g} ({mean - 0.05:.4g} to {mean + 0.05:.4g})",
        COMMON_SENSE: "0.5 (majority)",
        SEALED_TEST: f"{mean:.4g} ({mean - 0.1:.4g} to {mean + 0.1:.4g})",
        CHOSEN: "16-16, dropout 0.25, rmsprop 0.001, 60 epochs",
        "mlflow.note.content": "Evidence. " * 200,
    }
    tags |= {f"verdict.{i}": "yes" for i in range(10)}
    points: list[Point] = [(name, 0, value) for name, value in metrics.items()]
    return _run(f"{PROBLEM}-{number:08x}", Content(points, params, tags), {}, started, seconds=70)


def _step(step: str, parent: str, started: int) -> NewRun:
    params = {f"setting.{i}": str(i) for i in range(15)}
    return _run(step, Content([("seconds", 0, 10.0)], params), {PARENT: parent, STEP: step}, started, seconds=10)


def _curves(name: str, run_type: str, parent: str, started: int) -> NewRun:
    names = [f"{part}.{metric}" for part in ("training", "validation") for metric in ("accuracy", "cross_entropy")]
    points = [(name, epoch, 1 / epoch) for name in names for epoch in range(1, EPOCHS + 1)]
    return _run(name, Content(points, {}, {RUN_TYPE: run_type}), {PARENT: parent}, started)


def _candidate(chance: np.random.Generator, number: int, parent: str, started: int) -> NewRun:
    choices = {"network": ("8", "16", "16-16"), "dropout": ("0.0", "0.25", "0.5"), "l2": ("0.0", "0.001", "0.01")}
    params = {name: str(chance.choice(values)) for name, values in choices.items()}
    params |= {"learning_rate": str(10 ** -chance.uniform(2, 4)), "epochs": str(chance.integers(5, 200))}
    points = [("accuracy", 0, chance.random()), ("accuracy.standard_error", 0, 0.01)]
    points += [("fold.accuracy", i, chance.random()) for i in range(1, FOLDS + 1)]
    tags = {RUN_TYPE: "candidate", "best": "false", "chosen": "false"}
    return _run(f"candidate {number}", Content(points, params, tags), {PARENT: parent}, started + number)


@contextmanager
def served(root: Path) -> Iterator[str]:
    """MLflow's server, as `make serve` starts it, for the repository at `root`: its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [
            sys.executable,
            "-m",
            "flows.serving.mlflow_server",
            str(os.getpid()),
            str(listener.fileno()),
            "127.0.0.1",
        ]
        server = subprocess.Popen(command, cwd=root, pass_fds=[listener.fileno()], stdout=subprocess.PIPE)
    try:
        _wait_until_healthy(address, server)
        yield address
    finally:
        server.terminate()
        server.wait()


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{address}/health", trust_env=False).raise_for_status()
            return
    sys.exit("MLflow's server did not start")


def open_pages(browser: "Browser", address: str, candidates: list[str], say: Callable[[str, float], None]) -> int:
    """Open the pages one after another in a new browser profile; the number of workflow runs shown."""
    page = browser.new_context(viewport={"width": 1600, "height": 900}, base_url=address).new_page()
    page.set_default_timeout(120_000)

    def timed(what: str, act: Callable[[], Any], shown: str) -> None:
        begin = time.perf_counter()
        act()
        page.locator(shown).first.wait_for()
        say(what, time.perf_counter() - begin)

    timed("the list of experiments, first visit", lambda: page.goto("/#/experiments"), f"a:text-is('{PROBLEM}')")
    row = ".ag-row >> text=/6 of 6 hold/"
    timed("the experiment: its table of results", page.locator(f"a:text-is('{PROBLEM}')").click, row)
    shown = int(page.locator(r"text=/^\d+ matching runs/").inner_text().split()[0])
    timed("one workflow run", page.locator(".ag-row a[href*='/runs/']").first.click, "text=search.budget")
    compare = "/" + compare_link("1", candidates)
    timed(f"comparing {len(candidates)} candidates", lambda: page.goto(compare), ".parcoords .axis-title")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.records", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000, help="all runs on record (default: 2000)")
    parser.add_argument("--chromium", default=shutil.which("chromium"), metavar="FILE", help="the browser's program")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write a list of {what, seconds} here")
    options = parser.parse_args()
    if options.chromium is None:
        sys.exit("error: no program `chromium` is installed; name another one with --chromium")
    from playwright.sync_api import sync_playwright

    figures: list[dict[str, Any]] = []

    def say(what: str, seconds: float) -> None:
        figures.append({"what": what, "seconds": round(seconds, 2)})
        print(f"{what:52s} {seconds:7.2f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--shared", str(REPOSITORY), str(root)], check=True)
        with open_database(root) as client:
            client.search_experiments()  # the tables of a new database are made once
        begin = time.perf_counter()
        count, candidates = fill(root, options.runs)
        say(f"writing {count} runs", time.perf_counter() - begin)
        with served(root) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            open_pages(browser, address, candidates[-100:], say)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

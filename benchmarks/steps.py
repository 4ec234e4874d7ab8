"""Run a step of the workflow in a folder of its own, as DVC does, and measure it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.core.files import Layout
from src.core.steps import STEPS
from src.results.evaluate import Evaluate

REPOSITORY = Path(__file__).resolve().parent.parent


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder with the problem files, params.yaml and the user's data of this repository."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("problems", "data/local", "data/expectations"):
            shutil.copytree(REPOSITORY / name, Path(folder) / name)
        shutil.copy(REPOSITORY / "params.yaml", folder)
        yield Path(folder)


def run_workflow(problem: str, folder: Path) -> tuple[Evaluate, float]:
    """Run all steps of a problem in a workspace; what `evaluate` found, and the wall seconds.

    Says how long each step took, to the error stream, where the steps say how far they are.
    """
    begin = time.perf_counter()
    for step in STEPS:
        result = run_step(step, problem, folder)
        print(f"{problem}: {step} took {result['seconds']:.0f} s", file=sys.stderr, flush=True)
    return Evaluate.read(Layout(problem, folder).result("evaluate")), time.perf_counter() - begin


def run_step(step: str, problem: str, folder: Path) -> dict[str, float]:
    """Run one step as a process in the workspace; its wall seconds and peak resident memory in GiB."""
    return measured([f"tasks.{step}", problem], folder)


def measured(command: list[str], folder: Path) -> dict[str, float]:
    """Run `python -m <command>` in the workspace; its wall seconds and peak resident memory in GiB."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": round(seconds, 2), "peak_gib": round(usage.ru_maxrss * unit / 2**30, 2)}

"""Run a step of the workflow in a folder of its own, as DVC does, and measure it."""

import os
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


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

"""Ends everything that a killed flow started, such as Prefect's temporary server and DVC.

A killed process cannot clean up after itself, so a small second process watches it.
"""

import argparse
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache

import psutil

from src.core.processes import POLL_SECONDS, is_alive


@cache
def start() -> None:
    """Start a process that watches this one and ends with it. Later calls do nothing."""
    nothing = subprocess.DEVNULL
    command = [sys.executable, "-m", "flows.running.guard", str(psutil.Process().pid)]
    subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def guard(process: psutil.Process) -> None:
    """Wait until `process` has ended, then kill everything that it started and left running."""
    children: list[psutil.Process] = []
    while is_alive(process):
        with suppress(psutil.NoSuchProcess):
            children = [child for child in process.children(recursive=True) if child != psutil.Process()]
        time.sleep(POLL_SECONDS)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m flows.running.guard", description=__doc__)
    parser.add_argument("process", type=int, help="the number of the process to watch")
    with suppress(psutil.NoSuchProcess):
        guard(psutil.Process(parser.parse_args().process))

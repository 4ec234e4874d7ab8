"""End processes together with the process that they work for.

`kill -9` of a parent leaves its children running and writing. So a step watches the run that started it, and each
worker process watches its step (`die_with_parent` is its initializer).
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

POLL_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def is_alive(process: psutil.Process) -> bool:
    """Whether `process` still runs: it is no zombie, and no other process has its number now."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def name_process(name: str) -> None:
    """Make `ps` and `top` show `name`, up to 15 letters, for this process; on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode())


def die_with_parent(parent: int) -> None:
    """Kill this process when `parent`, the process that started it, ends; at once if it already has."""
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    die_with([])


def die_with(processes: Sequence[psutil.Process]) -> None:
    """Kill this process and its children within half a second of the end of its parent or any of `processes`.

    On Linux the kernel does this at once when the parent ends, even while a computation blocks the watching thread.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent and all(is_alive(process) for process in processes):
            time.sleep(POLL_SECONDS)
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="die-with-parent", daemon=True).start()

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from src.core.processes import is_alive

# A process that starts a worker, tells the worker's number, and works on.
PARENT = """
import os, subprocess, sys, time
worker = "import sys, time, src.core.processes as p; p.die_with_parent(int(sys.argv[1])); time.sleep(60)"
print(subprocess.Popen([sys.executable, "-c", worker, str(os.getpid() + int(sys.argv[1]))]).pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", PARENT, "0"], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def ends_within(process: psutil.Process, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while is_alive(process) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_alive(process)


def test_a_worker_ends_with_the_process_that_started_it(parent: subprocess.Popen[str]):
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(1)
    assert is_alive(child)
    parent.send_signal(signal.SIGKILL)
    assert ends_within(child, 1)


def test_a_worker_whose_starter_is_already_gone_ends_at_once():
    with subprocess.Popen([sys.executable, "-c", PARENT, "1"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert ends_within(psutil.Process(int(process.stdout.readline())), 5)
        process.kill()


def test_a_zombie_is_not_alive():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = psutil.Process(child.pid)
    assert ends_within(process, 5)
    assert process.status() == psutil.STATUS_ZOMBIE
    child.wait()
    assert not is_alive(process)

"""Runs started from the shell have no runner. A tag names the process of each, so that dead runs can be found."""

import os
import signal
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Thread

import prefect
import psutil
from prefect.client.orchestration import get_client

from flows.running.outcome import without_heartbeat
from flows.serving.prefect_tables import make_tables
from src.core.processes import is_alive

_TAG = "process"


@contextmanager
def from_the_shell() -> Iterator[None]:
    """Tag the flows of the block, and start Prefect's temporary server if PREFECT_API_URL names none."""
    if "PREFECT_API_URL" not in os.environ:
        make_tables()
        starting = Thread(target=_start_server, daemon=True)
        starting.start()
        starting.join()
    with prefect.tags(tag()), without_heartbeat():
        yield


def _start_server() -> None:
    """Start the server out of reach of Ctrl-C, so that a stopped run can still report its end.

    A process inherits the blocked signals of the thread that starts it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    get_client(sync_client=True)


def tag() -> str:
    """The tag of this process's runs: the process's number, the machine, and when the process began."""
    me = psutil.Process()
    return f"{_TAG} {me.pid} on {socket.gethostname()}, {me.create_time():.2f}"


def has_died(tags: Iterable[str]) -> bool:
    """Whether the run with these tags was started from a shell of this machine by a process that is gone."""
    for text in tags:
        words = text.split()
        if words[:1] == [_TAG] and words[3].rstrip(",") == socket.gethostname():
            return not _is_alive(int(words[1]), float(words[4]))
    return False


def _is_alive(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and is_alive(process)
    except psutil.NoSuchProcess:
        return False

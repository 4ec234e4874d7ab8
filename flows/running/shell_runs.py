"""Runs started from the shell belong to no runner; a tag says which process each is, so that a dead one can be told."""

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
    """Tag the flows of the block, and start the server that Prefect runs for them where PREFECT_API_URL names none."""
    if "PREFECT_API_URL" not in os.environ:
        make_tables()
        starting = Thread(target=_start_server, daemon=True)
        starting.start()
        starting.join()
    with prefect.tags(tag()), without_heartbeat():
        yield


def _start_server() -> None:
    """Start it where Ctrl-C does not reach it, so that a run can tell it how it ended: a process inherits the signals
    that the thread which starts it has blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    get_client(sync_client=True)


def tag() -> str:
    """What a run of this process is tagged with: the machine, the process's number, and when it began."""
    me = psutil.Process()
    return f"{_TAG} {me.pid} on {socket.gethostname()}, {me.create_time():.2f}"


def has_died(tags: Iterable[str]) -> bool:
    """Whether the run tagged so was started from the shell of this machine by a process that is gone."""
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

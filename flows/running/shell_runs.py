"""Runs started from the shell belong to no runner; a tag says which process each is, so that a dead one can be told."""

import os
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import prefect
import psutil

from src.core.processes import is_alive
from src.core.sqlite_file import is_whole

_TAG = "process"


@contextmanager
def from_the_shell() -> Iterator[None]:
    """Tag the flows of the block. Prefect starts a server for them, which would take far longer to make its tables, and
    leave half of them when it is killed: they are made before. Ctrl-C does not reach that server, so that a run can
    tell it how it ended."""
    if "PREFECT_API_URL" not in os.environ:
        if not is_whole(Path(os.environ["PREFECT_HOME"]) / "prefect.db"):
            from flows.serving.prefect_tables import migrate

            migrate()
        _start_server_apart()
    with prefect.tags(tag()):
        yield


def _start_server_apart() -> None:
    """Let Prefect start its temporary server in a session of its own, which no option does."""
    from prefect.server.api import server

    apart = {**vars(subprocess), "Popen": partial(subprocess.Popen, start_new_session=True)}
    server.subprocess = SimpleNamespace(**apart)  # type: ignore[assignment]


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

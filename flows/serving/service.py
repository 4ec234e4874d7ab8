"""One process of `make serve`: how it starts, becomes ready and ends.

It has a log file of its own. It also has a session of its own, so that Ctrl-C in the terminal reaches only
`make serve`. If `make serve` is killed, it dies too (see `src.core.processes`).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from flows.serving.readiness import READY_PIPE
from src.core.processes import is_alive

_POLL_SECONDS = 0.05
_KILLED_SECONDS = 1.0  # the time a killed process may take to disappear
_LAST_LINES = 8


@dataclass
class Service:
    """`python -m <module> <arguments>`; messages call it `name`.

    It inherits the socket `listener`. Its output goes to the terminal if it `speaks`, otherwise to the log.
    """

    name: str
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    listener: socket.socket | None = None
    speaks: bool = False
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, root: Path) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        with self.log.open("ab") as log, os.fdopen(writing, "wb"):
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.arguments],
                cwd=root,
                env={**self.environment, READY_PIPE: str(writing)},
                stdin=subprocess.DEVNULL,
                stdout=None if self.speaks else log,
                stderr=log,
                pass_fds=[writing, *([self.listener.fileno()] if self.listener else [])],
                start_new_session=True,
            )
        self._ready_pipe = os.fdopen(reading, "rb", buffering=0)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether the process has reported ready since the last call; it does so once."""
        return bool(self._ready_pipe.read(100))

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self) -> str:
        """How the process ended; it must have."""
        assert self._process is not None
        return how_it_ended(self._process.returncode)

    def last_words(self) -> str:
        """The end of its log, as an appendix to a message."""
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        excerpt = "".join(f"\n  {line}" for line in lines[-_LAST_LINES:])
        return f"; {os.path.relpath(self.log)} says:{excerpt}" if lines else f"; {os.path.relpath(self.log)} is empty"


def how_it_ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def stop(services: Iterable[Service], seconds: float) -> None:
    """Ask the processes to end and wait; after `seconds` kill what is left of them and of everything they started."""
    running = [service for service in services if service.is_running()]
    families = [member for service in running for member in _family(service.pid)]
    for service in running:
        os.kill(service.pid, signal.SIGTERM)
    _wait_while(lambda: any(service.is_running() for service in running), seconds)
    families += [member for service in running for member in _family(service.pid)]
    for member in families:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    _wait_while(
        lambda: any(service.is_running() for service in running) or any(map(is_alive, families)), _KILLED_SECONDS
    )


def _wait_while(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []

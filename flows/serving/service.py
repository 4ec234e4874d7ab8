"""One process of `make serve`: how it is started, known to be ready, and ended.

It writes a log file of its own, lives in a session of its own, so that Ctrl-C in the terminal reaches `make serve`
alone, and is to die with `make serve` should that be killed (see `src.core.processes`).
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
_KILLED_SECONDS = 1.0  # to be gone after a kill
_LAST_LINES = 8


@dataclass
class Service:
    """`python -m <module> <arguments>`, called `name` to people.

    It is given the socket `listener`. What it prints is for the terminal when it `speaks`, otherwise for the log.
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
        """Whether the process has said so since the last call; it does once."""
        return bool(self._ready_pipe.read(100))

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end(self) -> str:
        """How the process, which has ended, came to its end."""
        assert self._process is not None
        return how_it_ended(self._process.returncode)

    def last_words(self) -> str:
        """The end of its log, as an appendix to a message."""
        lines = [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        shown = "".join(f"\n  {line}" for line in lines[-_LAST_LINES:])
        return f"; {os.path.relpath(self.log)} says:{shown}" if lines else f"; {os.path.relpath(self.log)} is empty"


def how_it_ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def stop(services: Iterable[Service], seconds: float) -> None:
    """Ask the processes to end and wait; kill after `seconds` what is left of them and of all they started."""
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

"""Starts the processes of `make serve`, keeps them running, and ends them.

A process that dies is reported and restarted. Its socket stays open here, so that clients only wait. If the same
process dies three times within ten minutes, everything ends.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from flows.serving.service import Service, stop
from src.core.errors import UserError

_POLL_SECONDS = 0.1
_START_SECONDS = 180.0
_MOST_DEATHS, _WITHIN_SECONDS = 3, 600.0
# Time to end, one after the other, ten seconds in all: runs end while Prefect can still record it.
_RUNNER_SECONDS, _SERVERS_SECONDS = 6.5, 2.5


class Signals:
    """Notes when Ctrl-C is pressed, the process is told to end, or its terminal is closed."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or signal.Signals(number)


class Supervisor:
    """Keeps `servers` and the `runner`, which uses them, running in the folder `root`; `say` prints to the user."""

    def __init__(
        self, servers: Sequence[Service], runner: Service, root: Path, signals: Signals, say: Callable[[str], None]
    ) -> None:
        self.servers = servers
        self.runner = runner
        self.root = root
        self.signals = signals
        self.say = say
        self.deaths: dict[str, list[float]] = {service.name: [] for service in (*servers, runner)}

    def run(self, welcome: str) -> None:
        """Start everything, say `welcome` when it is ready, and return once told to end and everything has ended.

        Raises UserError if a process cannot be started or kept running; then everything has ended, too.
        """
        try:
            for service in (*self.servers, self.runner):
                service.start(self.root)
            if self._become_ready():
                self.say(welcome)
                self._look_after()
        finally:
            if self.signals.received:
                self.say("Stopping the runs, then the servers")
            stop([self.runner], _RUNNER_SECONDS)
            stop(self.servers, _SERVERS_SECONDS)
            if self.signals.received:
                self.say("Stopped")

    def _become_ready(self) -> bool:
        """Wait until every service is ready; False if told to end before that."""
        deadline = time.monotonic() + _START_SECONDS
        waiting = [*self.servers, self.runner]
        while not self.signals.received:
            waiting = [service for service in waiting if not service.is_ready()]
            if not waiting:
                return True
            for service in waiting:
                if not service.is_running():
                    raise UserError(f"{service.name} {service.end()}{service.last_words()}")
            if time.monotonic() > deadline:
                raise UserError(f"{waiting[0].name} is not ready after {_START_SECONDS:.0f} s{waiting[0].last_words()}")
            time.sleep(_POLL_SECONDS)
        return False

    def _look_after(self) -> None:
        starting: set[str] = set()
        while not self.signals.received:
            for service in (*self.servers, self.runner):
                if not service.is_running():
                    self._start_again(service)
                    starting.add(service.name)
                elif service.name in starting and service.is_ready():
                    starting.discard(service.name)
                    self.say(f"{service.name} is back (process {service.pid})")
            time.sleep(_POLL_SECONDS)

    def _start_again(self, service: Service) -> None:
        now = time.monotonic()
        recent = [death for death in self.deaths[service.name] if now - death < _WITHIN_SECONDS]
        self.deaths[service.name] = [*recent, now]
        message = f"{service.name} (process {service.pid}) {service.end()}"
        if len(recent) + 1 >= _MOST_DEATHS:
            raise UserError(f"{message}, {_MOST_DEATHS} times within ten minutes{service.last_words()}")
        self.say(f"{message}; starting it again (its log: {os.path.relpath(service.log)})")
        service.start(self.root)

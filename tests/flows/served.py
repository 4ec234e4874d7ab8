"""`make serve` in a workspace of the tests: started on free ports, its output collected, ended without a trace.

    def test_the_server_answers(served: Served):
        assert served.get(f"{served.api}/health").json() is True

The fixture `served` is there for the tests beside this file; elsewhere a conftest.py has to import it from here.
"""

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import pytest

from src.core.processes import is_alive
from tests.workspaces import Workspace, family, wait_for

READY = re.compile(r"^ready: Prefect (http://\S+) MLflow (http://\S+)$", re.MULTILINE)
READY_SECONDS = 300  # on a busy machine; see `tests/flows/serving/test_serve.py` for what is promised
GONE_SECONDS = 10


@dataclass
class Served:
    """A running `python -m flows.serve` and the addresses that it printed."""

    workspace: Workspace
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    prefect: str = ""
    mlflow: str = ""

    def __post_init__(self) -> None:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @property
    def output(self) -> str:
        """What it has printed until now."""
        return "".join(self.lines)

    @property
    def api(self) -> str:
        return f"{self.prefect}/api"

    def wait_until_ready(self) -> None:
        def answer() -> re.Match[str] | None:
            assert self.process.poll() is None, self.output
            return READY.search(self.output)

        self.prefect, self.mlflow = wait_for(answer, READY_SECONDS).groups()

    def wait_for_line(self, pattern: str, seconds: float = READY_SECONDS) -> re.Match[str]:
        """The first match in what it has printed."""
        return wait_for(lambda: re.search(pattern, self.output), seconds)

    def wait_for_end(self, seconds: float = 30) -> int:
        """The exit code, with all output read."""
        code = self.process.wait(seconds)
        self.reader.join(seconds)
        return code

    def child(self, module: str) -> psutil.Process:
        """Its process that runs `python -m <module>`."""
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # a zombie, which `make serve` has yet to notice
                if module in child.cmdline():
                    return child
        raise AssertionError(f"no child runs {module}")

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self._ask("GET", url, **options)

    def post(self, path: str, body: object) -> httpx.Response:
        """A request to Prefect's API."""
        return self._ask("POST", f"{self.api}/{path}", json=body)

    def _ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        """As Prefect's own client does, again when SQLite was busy."""

        def answer() -> httpx.Response | None:
            found = httpx.request(method, url, timeout=60, trust_env=False, **options)
            return None if found.status_code == httpx.codes.SERVICE_UNAVAILABLE else found

        return wait_for(answer, 60)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)


@contextmanager
def serving(workspace: Workspace, *options: str) -> Iterator[Served]:
    """Serve the workspace for the length of the block; fails when a process outlives it."""
    command = ["flows.serve", "--prefect-port", "0", "--mlflow-port", "0", *options]
    served = Served(workspace, workspace.popen(*command))
    members: list[psutil.Process] = []
    try:
        served.wait_until_ready()
        yield served
    finally:
        members = family(served.process.pid)
        served.process.terminate()
        try:
            served.wait_for_end()
            wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)
        finally:
            for member in members:
                if is_alive(member):
                    member.kill()


@pytest.fixture(scope="module")
def served(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served workspace in which the workflow has run, for the tests of one module."""
    with serving(finished.copy(tmp_path_factory.mktemp("served") / "workspace")) as running:
        yield running

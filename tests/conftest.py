"""A whole workspace to run the workflow in.

The workflow runs once for the session, through the flow, in `finished`; each test that needs results takes a copy. The
workers of a parallel session share it: the first that needs it makes it, others wait.
"""

import fcntl
import logging
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import tasks  # noqa: F401 - sets the environment before any library reads it
from tests.workspaces import PROBLEM, ROOT, Workspace, fresh_workspace


def pytest_configure() -> None:
    """A shell that starts the tests in the background has Ctrl-C ignored, in all that they start as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is at one alone when all else is done; of these the ones that
    do without `finished`, so that seldom all workers wait while one makes it."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    waiting = {item.path for item in items if "finished" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path not in slow, item.path in waiting))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that runs in a test logs to the streams of this test; later ones have others."""
    logger = logging.getLogger("workflow")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of all workers of the session."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def audit(shared: Path) -> Path:
    """The folder in which every process of the workspaces notes what it connects to or looks up, and what it writes."""
    folder = shared / "audit"
    with locked(shared / "audit.lock"):
        if not folder.exists():
            folder.mkdir()
            shutil.copyfile(ROOT / "tests" / "audit.py", folder / "sitecustomize.py")
            for name in ("connections", "written"):
                (folder / name).touch()
    return folder


@pytest.fixture(scope="session")
def connections(audit: Path) -> Path:
    """The addresses that processes of the workspaces connected to or looked up, a line each."""
    return audit / "connections"


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory, audit: Path) -> Workspace:
    """The repository as a clone has it, with the tiny problem and nothing run. Copy it; never run anything in it."""
    root = tmp_path_factory.mktemp("fresh") / "workspace"
    return fresh_workspace(root, {"PYTHONPATH": str(audit), "AUDIT": str(audit)})


@pytest.fixture(scope="session")
def finished(fresh: Workspace, shared: Path) -> Workspace:
    """A workspace in which the flow has run the workflow once. Read it or copy it; never run anything in it."""
    workspace = Workspace(shared / "workspace", fresh.environment)
    done = shared / "done"
    with locked(shared / "finished.lock"):
        if not done.exists():
            shutil.rmtree(workspace.root, ignore_errors=True)
            fresh.copy(workspace.root)
            workspace.run("flows.universal_workflow", PROBLEM)
            workspace.git("add", "--all")
            workspace.git("commit", "--quiet", "--message", "Run")
            done.touch()
    return workspace


@pytest.fixture
def workspace(finished: Workspace, tmp_path: Path) -> Workspace:
    """A finished workspace of the test's own."""
    return finished.copy(tmp_path / "workspace")

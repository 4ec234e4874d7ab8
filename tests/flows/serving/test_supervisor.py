"""Looking after processes, with small ones in place of the servers."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from flows.serving.readiness import READY_PIPE
from flows.serving.service import Service, stop
from flows.serving.supervisor import Supervisor
from src.core.errors import UserError
from src.core.processes import is_alive
from tests.workspaces import wait_for

READY = f'import os; os.write(int(os.environ["{READY_PIPE}"]), b"ready\\n")\n'
WORKING = READY + "import time; time.sleep(60)\n"
BROKEN = "print('cannot open the database', flush=True); raise SystemExit(3)\n"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WORKING
WITH_A_CHILD = (
    "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n" + STUBBORN
)


class Told:
    """Stands in for the signals: whether somebody said stop."""

    received: signal.Signals | None = None


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.received = signal.SIGTERM


def service(folder: Path, name: str, code: str) -> Service:
    (folder / f"{name}.py").write_text(code)
    return Service(name, name, [], {**os.environ, "PYTHONPATH": str(folder)}, folder / "logs" / f"{name}.log")


def test_all_is_ready_then_told_and_ended_with_nothing_left(tmp_path: Path, told: Told):
    said: list[str] = []
    services = [service(tmp_path, name, WORKING) for name in ("first", "second", "runner")]
    supervisor = Supervisor(services[:2], services[2], tmp_path, told, said.append)
    running = threading.Thread(target=supervisor.run, args=["welcome"])
    running.start()
    wait_for(lambda: "welcome" in said, 10)
    assert all(each.is_running() for each in services)
    told.received = signal.SIGINT
    running.join(10)
    assert said == ["welcome", "Stopping the runs, then the servers", "Stopped"]
    assert not any(each.is_running() for each in services)


def test_one_that_cannot_start_is_an_error_with_its_last_words_and_takes_the_others_along(tmp_path: Path, told: Told):
    services = [service(tmp_path, "first", WORKING), service(tmp_path, "runner", BROKEN)]
    with pytest.raises(UserError) as error:
        Supervisor(services[:1], services[1], tmp_path, told, print).run("welcome")
    assert "runner ended with exit code 3" in str(error.value)
    assert "runner.log says:\n  cannot open the database" in str(error.value)
    assert not services[0].is_running()


def test_one_that_dies_is_started_again_but_not_for_ever(tmp_path: Path, told: Told):
    said: list[str] = []
    services = [service(tmp_path, "first", WORKING), service(tmp_path, "runner", WORKING)]
    killed: list[int] = []

    def say_and_kill(text: str) -> None:
        said.append(text)
        if text == "welcome" or "is back" in text:
            killed.append(services[0].pid)
            os.kill(services[0].pid, signal.SIGKILL)

    with pytest.raises(UserError) as error:
        Supervisor(services[:1], services[1], tmp_path, told, say_and_kill).run("welcome")
    assert len({*killed}) == 3
    for pid in killed[:2]:
        assert any(f"first (process {pid}) was killed by SIGKILL; starting it again" in text for text in said)
    assert f"first (process {killed[2]}) was killed by SIGKILL, 3 times within ten minutes" in str(error.value)
    assert not services[1].is_running()


def test_one_that_will_not_end_is_killed_with_its_children(tmp_path: Path):
    stubborn = service(tmp_path, "stubborn", WITH_A_CHILD)
    stubborn.start(tmp_path)
    wait_for(stubborn.is_ready, 10)
    members = [psutil.Process(stubborn.pid), *psutil.Process(stubborn.pid).children()]
    assert len(members) == 2
    start = time.monotonic()
    stop([stubborn], 0.5)
    assert 0.5 <= time.monotonic() - start < 5
    assert not any(map(is_alive, members))


def test_what_it_prints_is_in_its_log_and_only_ready_makes_it_ready(tmp_path: Path):
    talking = service(tmp_path, "talking", "print('ready', flush=True); import time; time.sleep(60)\n")
    talking.start(tmp_path)
    try:
        wait_for(lambda: "ready" in talking.log.read_text(), 10)
        assert not talking.is_ready()
    finally:
        stop([talking], 1)
    assert talking.end() == "was killed by SIGTERM"

"""How far a long job is: lines where output is piped, a bar on a terminal, and both from other processes."""

import fcntl
import logging
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from joblib import Parallel, delayed

from src.core import progress
from src.core.progress import LONGEST_PAUSE, Part, duration, progress_of_parts, share
from src.models.measures import TABLE
from src.problem.training import Engine
from src.training.fit import fit
from tests.training.examples import candidate, table_of
from tests.training.test_backends import members_of
from tests.workspaces import ROOT, wait_for

Said = Callable[[], list[str]]


class Clock:
    """Seconds that pass only when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "monotonic", clock)
    return clock


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Said:
    """All lines that have been said."""
    monkeypatch.setattr(logging.getLogger("workflow"), "propagate", True)
    caplog.set_level(logging.INFO, "workflow")
    return lambda: caplog.messages


def run(clock: Clock, seconds: int, title: str = "search", per_second: int = 10) -> None:
    """A job of so many seconds that tells how far it is ten times a second."""
    with progress.progress(title, seconds * per_second, "360 trainings") as tell:
        for done in range(seconds * per_second):
            tell(done)
            clock.now += 1 / per_second


def test_a_long_job_says_how_far_it_is_how_long_it_took_and_what_is_to_come(clock: Clock, said: Said):
    run(clock, 20)
    told = said()
    assert told[0] == "search: 10% of 360 trainings, 2 s, about 18 s to go"
    assert told[-1] == "search: 100% of 360 trainings, 20 s"
    assert len(told) in (18, 19)


def test_a_quick_job_says_nothing(clock: Clock, said: Said):
    run(clock, 1)
    assert said() == []


def test_a_job_of_an_hour_does_not_drown_the_log_and_is_never_silent_for_long(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    moments = []
    monkeypatch.setattr(progress.log, "info", lambda *_: moments.append(clock.now))
    run(clock, 3600, per_second=4)
    pauses = [later - sooner for sooner, later in pairwise(moments[:-1])]
    assert min(pauses) >= 1
    assert max(pauses) <= LONGEST_PAUSE + 0.25
    assert len(moments) < 600


def test_a_job_that_fails_does_not_say_that_it_is_done(clock: Clock, said: Said):
    def job() -> None:
        with progress.progress("search", 10, "10 trainings") as tell:
            clock.now = 5
            tell(1)
            clock.now = 10
            tell(5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        job()
    assert said()[-1] == "search: 50% of 10 trainings, 10 s, about 6 s to go"


def test_a_slow_start_is_told_once_and_does_not_count_for_the_speed(clock: Clock, said: Said):
    with progress.progress("search", 100, "10 trainings") as tell:
        for clock.now in range(9):
            tell(0)
        assert said() == ["search: 0% of 10 trainings, 2 s"]
        for clock.now in range(9, 12):
            tell(10 * (clock.now - 8))
    assert said()[2] == "search: 20% of 10 trainings, 10 s, about 8 s to go"


@pytest.mark.parametrize("seconds", [7, 20, 500, 10_000])
def test_the_lines_are_read_back(clock: Clock, said: Said, seconds: int):
    run(clock, seconds, title="overfit 64-64: all", per_second=1)
    told = said()
    assert [share(line) for line in told][-1] == 1
    assert all(share(line) == int(line.split("% of")[0].rsplit(" ", 1)[1]) / 100 for line in told)


@pytest.mark.parametrize(
    "line",
    [
        "search: 36 trainings, 36 stacked in 3 shards, 0 looped; 25,500 gradient steps one after another",
        "  yes  beats_the_baseline: accuracy 93% of all rows",
        "accuracy: 93% of rows",
        "",
    ],
)
def test_other_lines_are_no_progress(line: str):
    assert share(line) is None


def test_durations_read_like_a_person_s():
    assert [duration(s) for s in (0.4, 17.2, 119, 720, 9000)] == ["0 s", "17 s", "119 s", "12 min", "2.5 h"]


def test_parts_in_other_processes_are_summed_while_they_run(said: Said, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "FIRST_LINE", 0)
    monkeypatch.setattr(progress, "SHORTEST_PAUSE", 0)
    with progress_of_parts("search", 2, 40, "40 trainings") as parts:
        Parallel(n_jobs=2, backend="loky")(delayed(part.add)(10) for part in parts)
        wait_for(lambda: "50% of 40" in " ".join(said()), 10)


def test_a_part_that_cannot_reach_the_file_counts_when_it_is_done(tmp_path: Path):
    Part(tmp_path / "on another machine", 0).add(3)
    with progress_of_parts("search", 2, 40, "40 trainings") as parts:
        parts[1].finish(20)
        parts[0].add(5)
        assert progress._counted(parts[0].file) == 25
    assert not parts[0].file.exists()


@pytest.mark.parametrize("units", [[5], [512]], ids=["stacked", "looped"])
def test_training_counts_every_gradient_step_of_every_member(units, monkeypatch: pytest.MonkeyPatch):
    counted = []
    monkeypatch.setattr(Part, "add", lambda self, amount: counted.append(amount))
    table = table_of("binary")
    members = members_of(table, [candidate(units=units, epochs=5)])
    fit(members, table, TABLE["accuracy"], Engine(workers=1), "train")
    assert sum(counted) == sum(member.steps for member in members) == 60


def test_a_terminal_shows_a_bar():
    script = (
        "import sys, time; from src.core.progress import progress\n"
        "with progress('search', 30, '360 trainings') as tell:\n"
        "    for done in range(30): tell(done); time.sleep(0.02)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        time.sleep(0.2)
        os.execv(sys.executable, [sys.executable, "-c", script])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    shown = bytearray()

    def ended() -> bool:
        try:
            shown.extend(os.read(terminal, 4096))
        except OSError:  # Linux's way to say that the other end is closed
            return True
        return False

    wait_for(ended, 30)
    os.waitpid(pid, 0)
    assert "% of 360 trainings |" in shown.decode()

import errno
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.core.errors import UserError
from src.core.files import Layout
from src.core.steps import STEPS
from src.results.verdicts import Verdict
from tasks import cli

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A workspace with one problem as the working directory; the steps handed to MLflow are noted here instead."""
    noted: list[tuple[str, str]] = []
    (tmp_path / "problems").mkdir()
    (tmp_path / "problems" / "wine.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_STAGE", raising=False)

    @contextmanager
    def recording(step: str, layout: Layout) -> Iterator[None]:
        yield
        noted.append((step, layout.problem))

    monkeypatch.setitem(sys.modules, "src.tracking", SimpleNamespace(recording=recording))
    return noted


def failing(error: BaseException):
    def prepare(layout: Layout) -> None:
        raise error

    return prepare


def test_a_step_s_verdicts_are_printed_and_its_results_recorded(recorded: list, capsys: pytest.CaptureFixture[str]):
    def baseline(layout: Layout) -> SimpleNamespace:
        verdicts = [
            Verdict(name="first", holds=True, evidence="1 > 0"),
            Verdict(name="second", holds=False, evidence=""),
        ]
        return SimpleNamespace(verdicts=verdicts)

    assert cli.run(baseline, ["wine"]) == 0
    assert "yes  first: 1 > 0" in capsys.readouterr().out
    assert recorded == [("baseline", "wine")]


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (UserError("data/local/x.csv: row 3 has 5 fields"), 1, "error: data/local/x.csv: row 3 has 5 fields"),
        (OSError(errno.ENOSPC, "No space left on device", "a.parquet"), 1, "the disk is full while writing a.parquet"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), 1, f"error: {'a' * 300}: File name too long"),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), 1, "error: a.csv: Permission denied"),
        (MemoryError(), 1, "prepare ran out of memory"),
        (KeyboardInterrupt(), 130, "prepare was interrupted"),
    ],
)
def test_what_a_person_can_put_right_is_a_message_and_an_exit_code(
    recorded: list, caplog: pytest.LogCaptureFixture, error: BaseException, code: int, told: str
):
    with caplog.at_level(logging.ERROR, logger="workflow"):
        assert cli.run(failing(error), ["wine"]) == code
    assert told in caplog.text
    assert "Traceback" not in caplog.text
    assert not recorded


def test_the_traceback_is_shown_when_asked_for(recorded: list):
    with pytest.raises(UserError):
        cli.run(failing(UserError("no")), ["wine", "--traceback"])


@pytest.mark.parametrize("error", [ValueError("a bug"), FileNotFoundError(errno.ENOENT, "gone")])
def test_an_error_that_nobody_foresaw_is_not_hidden(recorded: list, error: Exception):
    with pytest.raises(type(error)):
        cli.run(failing(error), ["wine"])


def test_a_misspelt_problem_is_answered_with_the_nearest_name(recorded: list, caplog: pytest.LogCaptureFixture):
    assert cli.run(failing(AssertionError()), ["whine"]) == 1
    assert "problems/whine.yaml does not exist; did you mean 'wine'?" in caplog.text


@pytest.mark.parametrize("step", STEPS)
def test_every_step_explains_itself(step: str):
    run = subprocess.run([sys.executable, "-m", f"tasks.{step}", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert step.upper() in run.stdout
    assert len(run.stdout.splitlines()) > 12

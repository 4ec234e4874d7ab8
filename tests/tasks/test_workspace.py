import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import zc.lockfile

from src.core.errors import UserError
from src.core.files import Layout
from src.internals.dvc_files_in_use import mend
from tasks.workspace import (
    LOCK_FILE,
    check_dvc_lock,
    check_repository,
    drivers,
    holder,
    locked_by,
    remove_partial_files,
)


@pytest.fixture
def other() -> Iterator[psutil.Process]:
    """A run by somebody else."""
    code = "import time; print('started', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, "somebody else"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield psutil.Process(process.pid)
        process.kill()


def test_a_second_driver_is_refused_and_told_who_holds_the_workspace(tmp_path: Path, other: psutil.Process):
    with locked_by(other, tmp_path):
        pass
    with pytest.raises(UserError, match=rf"process {other.pid}, `.*somebody else`"), locked_by(myself(), tmp_path):
        raise AssertionError("the block runs")


def test_a_driver_keeps_the_workspace_between_its_steps_and_its_next_step_passes(tmp_path: Path, other: psutil.Process):
    for _step in range(2):
        with locked_by(other, tmp_path):
            pass
        assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == other.pid


def test_a_refused_driver_leaves_the_lock_with_its_holder(tmp_path: Path, other: psutil.Process):
    with locked_by(other, tmp_path):
        before = (tmp_path / LOCK_FILE).read_text()
    with pytest.raises(UserError), locked_by(myself(), tmp_path):
        pass
    assert (tmp_path / LOCK_FILE).read_text() == before


def test_the_lock_of_a_process_that_has_ended_is_taken_over(tmp_path: Path, other: psutil.Process):
    with locked_by(other, tmp_path):
        other.kill()
        while other.status() != psutil.STATUS_ZOMBIE:  # until its parent asks
            time.sleep(0.01)
        with locked_by(myself(), tmp_path):
            assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()


def test_the_lock_of_an_ended_process_whose_number_is_in_use_again_is_taken_over(tmp_path: Path, other: psutil.Process):
    lock = {"pid": other.pid, "started": other.create_time() - 3600, "command": "an earlier run"}
    (tmp_path / LOCK_FILE).write_text(json.dumps(lock))
    with locked_by(myself(), tmp_path):
        pass


def test_a_lock_file_cut_short_is_no_lock(tmp_path: Path):
    (tmp_path / LOCK_FILE).write_text('{"pid": 1')
    with locked_by(myself(), tmp_path):
        pass


SPOILT = [b"", b'{"write": {"/tmp/x', b"\xff\xfe", b"[]", b"3", b'{"write": 3}', b'{"pid": "x"}', b"[" * 10**5]


@pytest.mark.parametrize("left", SPOILT)
def test_a_lock_that_was_cut_short_or_spoilt_is_nobody_s(tmp_path: Path, left: bytes):
    (tmp_path / LOCK_FILE).write_bytes(left)
    assert holder(tmp_path) is None
    with locked_by(myself(), tmp_path):
        assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(
    "left",
    [b"", b"schema: '2.0'\nstages:\n  define@wine:\n    cmd: 'py", b"\xff\xfe", b"[1]", b"<<<<<<< HEAD\n", b"a: ["],
)
def test_a_damaged_dvc_lock_is_named_with_the_way_out(tmp_path: Path, left: bytes):
    (tmp_path / "dvc.lock").write_bytes(left)
    with pytest.raises(UserError, match=r"dvc\.lock is damaged .*`git restore dvc\.lock`, or delete it"):
        check_dvc_lock(tmp_path)


def test_a_workspace_without_a_dvc_lock_is_a_new_one(tmp_path: Path):
    check_dvc_lock(tmp_path)


@pytest.mark.parametrize("left", SPOILT)
def test_what_a_kill_has_left_of_dvc_s_list_is_removed_by_the_next_run(tmp_path: Path, left: bytes):
    listed = tmp_path / ".dvc" / "tmp" / "rwlock"
    listed.parent.mkdir(parents=True)
    listed.write_bytes(left)
    with locked_by(myself(), tmp_path):
        assert not listed.exists()


def test_a_list_that_dvc_is_just_writing_is_left_alone(tmp_path: Path, dvc_with: Callable[[int], Path]):
    listed = dvc_with(os.getpid()) / ".dvc" / "tmp" / "rwlock"
    whole = listed.read_text()
    with ThreadPoolExecutor() as pool, closing(zc.lockfile.LockFile(f"{listed}.lock")):
        listed.write_text("")
        mended = pool.submit(mend, tmp_path)
        time.sleep(0.5)
        listed.write_text(whole)
    mended.result()
    assert listed.read_text() == whole


def test_a_step_started_by_hand_gives_the_workspace_back(tmp_path: Path, other: psutil.Process):
    with locked_by(myself(), tmp_path):
        pass
    with locked_by(other, tmp_path):
        pass


def test_a_step_started_by_hand_has_no_driver(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert drivers() == []


@pytest.fixture
def dvc_with(tmp_path: Path) -> Callable[[int], Path]:
    """A workspace in which DVC's list says that the process of this number runs a stage."""

    def listed(pid: int) -> Path:
        (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
        entry = {"pid": pid, "cmd": "dvc repro"}
        (tmp_path / ".dvc" / "tmp" / "rwlock").write_text(json.dumps({"read": {}, "write": {"problems": entry}}))
        return tmp_path

    return listed


def test_a_step_started_by_dvc_works_for_the_nearest_process_that_is_no_shell(
    monkeypatch: pytest.MonkeyPatch, dvc_with: Callable[[int], Path]
):
    monkeypatch.setenv("DVC_STAGE", "define@wine")
    monkeypatch.delenv("WORKFLOW_DRIVER", raising=False)
    root = dvc_with(os.getpid())
    code = (
        "from pathlib import Path; from tasks.workspace import drivers; "
        f'print(*(driver.pid for driver in drivers(Path("{root}"))))'
    )
    command = f"{sys.executable} -c '{code}'; true"  # a shell with more to do stays between
    told = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert told.split() == [str(os.getpid())]


def test_a_step_whose_dvc_was_killed_does_not_take_the_process_it_was_handed_to_for_it(
    monkeypatch: pytest.MonkeyPatch, dvc_with: Callable[[int], Path]
):
    monkeypatch.setenv("DVC_STAGE", "define@wine")
    monkeypatch.delenv("WORKFLOW_DRIVER", raising=False)
    with pytest.raises(UserError, match="has ended"):
        drivers(dvc_with(os.getpid()))


def test_a_step_whose_flow_has_ended_refuses_to_start(monkeypatch: pytest.MonkeyPatch, dvc_with: Callable[[int], Path]):
    monkeypatch.setenv("DVC_STAGE", "define@wine")
    monkeypatch.setenv("WORKFLOW_DRIVER", "1073741824")  # no process has such a number
    with pytest.raises(UserError, match="has ended"):
        drivers(dvc_with(os.getppid()))


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path):
    layout = Layout("wine", tmp_path)
    file = layout.results / "settings" / ".fetch.json.partial-17"
    folder = layout.train.parent / ".train.partial-abc"
    whole = layout.results / "prepare.json"
    folder.mkdir(parents=True)
    file.parent.mkdir(parents=True)
    for path in (file, folder / "table.parquet", whole):
        path.touch()
    remove_partial_files(layout)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [whole]
    assert not folder.exists()


def myself() -> psutil.Process:
    return psutil.Process()


def test_a_lock_that_was_copied_with_the_folder_of_a_run_is_no_lock(tmp_path: Path, other: psutil.Process):
    (tmp_path / "original").mkdir()
    with locked_by(other, tmp_path / "original"):
        pass
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    assert holder(tmp_path / "copy") is None
    with locked_by(myself(), tmp_path / "copy"):
        pass
    (tmp_path / "original").rename(tmp_path / "moved")
    with pytest.raises(UserError, match="another run"), locked_by(myself(), tmp_path / "moved"):
        pass


def test_a_folder_without_git_is_told_to_become_a_repository(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a git repository, which DVC needs; make it one with `git init`"):
        check_repository(tmp_path)
    (tmp_path / ".git").mkdir()
    check_repository(tmp_path)

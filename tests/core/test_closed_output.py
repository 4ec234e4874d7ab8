"""A command whose output nobody reads to its end, as before `| head -1`, ends without a traceback."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspaces import ROOT, tiny_table


def run_without_reader(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a standard output whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    try:
        return subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize("module", ["tasks.validate", "flows.predict", "src.tracking"])
def test_help_that_nobody_reads_ends_quietly(tmp_path: Path, module: str):
    assert run_without_reader(tmp_path, "-m", module, "--help").stderr == ""


def test_a_command_whose_words_nobody_reads_does_its_work_and_ends_quietly(tmp_path: Path):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "tiny.csv").write_text(tiny_table())
    arguments = ("--name", "leavers", "--csv", "tiny.csv", "--target", "above")
    assert run_without_reader(tmp_path, "-m", "tasks.new", *arguments).stderr == ""
    assert (tmp_path / "problems" / "leavers.yaml").exists()


def test_what_is_cut_short_fails(tmp_path: Path):
    ended = run_without_reader(tmp_path, "-c", "import tasks; print(1, flush=True)")
    assert (ended.returncode, ended.stderr) == (1, "")


def test_another_broken_pipe_keeps_its_traceback():
    code = "import tasks; raise BrokenPipeError('worker')"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Traceback")

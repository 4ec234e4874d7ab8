"""What `make` does before anything of ours runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspaces import ROOT


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A repository whose environment is installed: one program, which tells the interpreter that it runs with."""
    root = tmp_path / "original"
    root.mkdir()
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, root)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / ".venv")], check=True)
    program = root / ".venv" / "bin" / "tool"
    program.write_text(f"#!{root}/.venv/bin/python\nimport sys; print(sys.executable)\n")
    program.chmod(0o755)
    (root / ".venv" / ".installed").touch()
    return root


def make(root: Path) -> None:
    done = subprocess.run(["make", "install"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Installing" not in done.stdout


@pytest.mark.parametrize("bring", [shutil.move, lambda old, new: shutil.copytree(old, new, symlinks=True)])
def test_the_programs_of_a_moved_or_copied_environment_run_with_it(installed: Path, tmp_path: Path, bring):
    here = tmp_path / "a folder"
    bring(installed, here)
    make(here)
    program = [str(here / ".venv" / "bin" / "tool")]
    told = subprocess.run([here / ".venv" / "bin" / "python", *program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(here / ".venv" / "bin" / "python")
    assert (here / ".venv" / "bin" / "tool").read_text().startswith(f"#!{here}/.venv/bin/python\n")
    assert f"{here}/.venv" in (here / ".venv" / "bin" / "activate").read_text()
    assert not [*(here / ".venv").rglob("*.former")]


def test_an_environment_that_is_where_it_was_made_and_one_that_is_shared_stay_as_they_are(
    installed: Path, tmp_path: Path
):
    made = (installed / ".venv" / "bin" / "tool").read_text()
    make(installed)
    sharing = tmp_path / "sharing"
    sharing.mkdir()
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(installed / name, sharing)
    (sharing / ".venv").symlink_to(installed / ".venv")
    (installed / ".venv" / ".installed").touch()
    make(sharing)
    assert (installed / ".venv" / "bin" / "tool").read_text() == made


def test_names_of_files_and_columns_reach_the_command_as_they_are_typed(installed: Path):
    (installed / "tasks").mkdir()
    (installed / "tasks" / "new.py").write_text("import sys; print(sys.argv[1:])\n")
    (installed / ".venv" / "bin" / "python").unlink()
    (installed / ".venv" / "bin" / "python").symlink_to(sys.executable)
    told = subprocess.run(
        ["make", "--silent", "new", "name=x", "csv=it's a table.csv", "target=$price, $(HOME) `id`"],
        cwd=installed,
        capture_output=True,
        text=True,
    )
    assert told.stdout.splitlines()[-1] == str(
        ["--name", "x", "--csv", "it's a table.csv", "--target", "$price, $(HOME) `id`"]
    )

"""A run with settings of its own: it happens in a copy of the last commit and becomes a DVC experiment.

The run never touches the user's files, index or stash, and ignores edits that are not committed. Only the files in
`data/local` that git does not track come from the workspace. The copy shares DVC's cache. So a step that ran on the
same inputs before is restored, and `flows.experiments.bring_home` finds every output in the workspace.

The experiment is written as DVC writes one: a commit on the one it started from, at `refs/exps/<its id>/<name>`. But
`dvc exp save` is not used, because it keeps temporary refs that all worktrees share. Two runs that end together, or
one that ends during a `dvc exp run`, would overwrite each other's, and a killed run would leave its own behind.
"""

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.experiments import git
from flows.experiments.copies import copy_of
from flows.experiments.yaml_edits import edited, with_settings
from flows.overrides import Overrides
from flows.running.stages import Stages, shortened, stage_name
from src.core.errors import UserError
from src.core.files import LOCAL, Layout, write_text
from src.core.steps import STEPS
from src.core.yaml_file import read_yaml
from src.internals.dvc_repository import share_cache
from src.problem.load import listed_problems, load_problem
from src.tracking.identity import workflow_name
from tasks.problem_list import with_problem

Log = Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """What will run: `commit` with `overrides`. The run is called `name` in Prefect, DVC and MLflow."""

    problem: str
    overrides: Overrides
    home: Path
    commit: str
    name: str

    @contextmanager
    def copy(self, log: Log) -> Iterator[Path]:
        """The folder in which to run it, removed after the block. Logs which uncommitted files it lacks."""
        left_out = git.uncommitted(self.home)
        if left_out:
            log(f"not in the copy, because not committed: {shortened(left_out)}")
        with copy_of(self.commit, self.home, self.name, log) as root:
            _bring_local_files(self.home, root, _linked)
            _override(Layout(self.problem, root), self.overrides)
            share_cache(self.home, root)
            Stages(self.problem, root).restore()
            yield root

    def save(self, root: Path, until: str) -> None:
        """Save the copy at `root` as the experiment, without the results of any step after `until`."""
        _forget_steps(Layout(self.problem, root), STEPS[STEPS.index(until) + 1 :])
        git.run(root, "add", "--all")
        options = ("--quiet", "--no-verify", "--allow-empty", "--no-gpg-sign", "--message", f"Experiment {self.name}")
        git.run(root, *git.identity(root), "commit", *options)
        reference = f"refs/exps/{self.commit[:2]}/{self.commit[2:]}/{self.name}"
        git.run(self.home, "update-ref", reference, git.last_commit(root))


def planned(problem: str, overrides: Overrides, home: Path) -> Experiment:
    """The experiment that runs the problem, as last committed, with `overrides`.

    Raises UserError for a problem that is not committed and for settings that do not fit together.
    """
    commit = git.last_commit(home)
    with _unpacked(problem, overrides, home, commit, "data/local") as layout:
        _bring_local_files(home, layout.root, os.symlink)
        name = workflow_name(layout)
    return Experiment(problem, overrides, home, commit, name)


def check(problem: str, overrides: Overrides, home: Path) -> None:
    """Raise UserError where `planned` would, without reading the data."""
    with _unpacked(problem, overrides, home, git.last_commit(home)) as layout:
        load_problem(layout)


@contextmanager
def _unpacked(problem: str, overrides: Overrides, home: Path, commit: str, *more: str) -> Iterator[Layout]:
    """The problem file with its overrides, params.yaml and `more`, as committed, for the length of the block."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(problem, Path(folder))
        _unpack(home, commit, layout, more)
        try:
            _override(layout, overrides)
            yield layout
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}/", "")) from None


def _unpack(home: Path, commit: str, layout: Layout, more: tuple[str, ...]) -> None:
    committed = git.run(home, "ls-tree", "--name-only", "-z", commit, "params.yaml", "problems/", *more).split("\0")
    problem_file = layout.problem_file.relative_to(layout.root).as_posix()
    if problem_file not in committed:
        raise UserError(
            f"{problem_file} is not in the last commit, from which a run with settings of its own starts: commit it, "
            "or name it under `problems` in params.yaml and run it without overrides"
        )
    names = [name for name in ("params.yaml", problem_file, *more) if name in committed]
    with tarfile.open(fileobj=io.BytesIO(git.run_raw(home, "archive", "--format=tar", commit, *names))) as archive:
        archive.extractall(layout.root, filter="data")


def _bring_local_files(home: Path, root: Path, bring: Callable[[Path, Path], Any]) -> None:
    """Copy the user's data files that git does not track; the others are in the copy already, as committed."""
    source = (home / LOCAL).absolute()
    for file in sorted(source.rglob("*")):
        target = root / LOCAL / file.relative_to(source)
        if file.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            bring(file, target)


def _linked(file: Path, target: Path) -> None:
    try:
        os.link(file.resolve(), target)
    except OSError:  # on another disk
        shutil.copy2(file, target)


def _override(layout: Layout, overrides: Overrides) -> None:
    """Write the settings into the problem file and list the problem in params.yaml; all else stays as it is."""
    read_yaml(layout.problem_file)  # for its error messages
    text = layout.problem_file.read_bytes().decode("utf-8")
    changed = with_settings(text, overrides.settings())
    if changed != text:
        write_text(layout.problem_file, changed)
    if layout.problem not in listed_problems(layout.params_file):
        write_text(layout.params_file, with_problem(layout))


def _forget_steps(layout: Layout, steps: tuple[str, ...]) -> None:
    """Remove the committed results of an earlier run for steps that this run did not reach."""
    if not steps:
        return
    for step in steps:
        layout.result(step).unlink(missing_ok=True)
    if "report" in steps:
        layout.metrics.unlink(missing_ok=True)
    with edited(layout.root / "dvc.lock") as lock:
        for step in steps:
            lock["stages"].pop(stage_name(step, layout.problem), None)

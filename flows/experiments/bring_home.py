"""Take the files of one problem from an experiment into the workspace, and nothing else.

`dvc exp apply` resets the whole workspace to what the experiment started from. It removes whatever is not committed
from params.yaml, dvc.lock and results/, such as a new problem or the results of another experiment. Here the other
problems keep their files: dvc.lock is merged stage by stage, and params.yaml only gains a name in its list.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import psutil
import yaml

from flows.experiments import git
from flows.experiments.yaml_edits import edited
from flows.running.stages import Stages, shortened
from src.core.errors import UserError
from src.core.files import Layout, atomic_file, write_text
from src.core.steps import STEPS
from src.problem.load import listed_problems
from tasks.problem_list import with_problem
from tasks.workspace import check_dvc_lock, locked_by

_NAMESPACE = "refs/exps"


@dataclass(frozen=True)
class Found:
    """An experiment: its commit, and the commit it started from."""

    name: str
    commit: str
    start: str


@dataclass(frozen=True)
class Brought:
    """The problems, the files written, the changed files left out, and the steps of each problem still to run."""

    problems: list[str]
    files: list[str]
    left_out: list[str]
    to_run: dict[str, list[str]]

    def lines(self, name: str) -> list[str]:
        sentence = f"{name} is home: {len(self.files)} files of {', '.join(self.problems)}, and its stages in dvc.lock"
        lines = [sentence if self.files else f"{name} was home already"]
        for problem, steps in self.to_run.items():
            sentence = (
                f"not up to date, so that `dvc repro` runs them: {', '.join(steps)}"
                if steps
                else "every step is up to date"
            )
            lines.append(f"{problem}: {sentence}")
        if self.left_out:
            lines.append(f"not taken, since they belong to no problem alone: {shortened(self.left_out)}")
        return [*lines, "`git diff` shows it, `git commit` keeps it"]


def bring_home(name: str, home: Path) -> Brought:
    """Replace the files of the experiment's problems in the workspace `home` by those of the experiment called `name`.

    Raises UserError, and changes nothing, when there is no such experiment, when another run uses the workspace, or
    when a file has edits that are neither committed nor part of any experiment.
    """
    experiment = find(name, home)
    commits = (experiment.start, experiment.commit)
    changed = git.run(home, "diff", "--relative", "--name-only", "-z", *commits).split("\0")[:-1]
    locked_before, locked = (_stages(git.run_raw(home, "show", f"{commit}:./dvc.lock")) for commit in commits)
    problems = sorted({*filter(None, map(_problem_of, changed)), *_differing(locked, locked_before)})
    if not problems:
        raise UserError(f"{name}: no problem has other settings or results than in the commit it started from")
    with locked_by(psutil.Process(), home):
        check_dvc_lock(home)
        blobs = _blobs(experiment.commit, [path for problem in problems for path in _places(problem)], home)
        files = {path: blob for path, blob in blobs.items() if _blob(home / path, home) != blob}
        _refuse_edited(files, home)
        _refuse_edited_outputs(problems, home)
        unlisted = [problem for problem in problems if problem not in listed_problems(home / "params.yaml")]
        for path, blob in files.items():
            with atomic_file(home / path) as partial:
                partial.write_bytes(git.run_raw(home, "cat-file", "blob", blob))
        for problem in unlisted:
            write_text(home / "params.yaml", with_problem(Layout(problem, home)))
        _merge_lock(
            home / "dvc.lock", {key: stage for key, stage in locked.items() if key.partition("@")[2] in problems}
        )
        left_out = [path for path in changed if _problem_of(path) is None and path not in ("dvc.lock", "params.yaml")]
        return Brought(problems, list(files), left_out, {problem: _restored(problem, home) for problem in problems})


def find(name: str, home: Path) -> Found:
    """The newest experiment of this name. Raises UserError with the nearest spelling when there is none."""
    names = []
    for line in git.run(home, "for-each-ref", "--sort=-committerdate", "--format=%(refname)", _NAMESPACE).splitlines():
        parts = line.removeprefix(f"{_NAMESPACE}/").split("/")
        if len(parts) != 3:  # DVC's own bookkeeping
            continue
        if parts[2] == name:
            return Found(name, git.run(home, "rev-parse", f"{line}^{{commit}}"), parts[0] + parts[1])
        names.append(parts[2])
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {shortened(names) or 'none yet'}"
    raise UserError(f"no experiment is called {name!r}; {hint}")


def _places(problem: str) -> tuple[str, ...]:
    return f"problems/{problem}.yaml", f"data/expectations/{problem}.json", f"results/{problem}"


def _problem_of(path: str) -> str | None:
    """The problem that the file belongs to; None for a file that several share."""
    match Path(path).parts:
        case ("problems", name) | ("data", "expectations", name) if name.endswith((".yaml", ".json")):
            return Path(name).stem
        case ("results", problem, *_):
            return problem
    return None


def _blobs(commit: str, places: Iterable[str], home: Path) -> dict[str, str]:
    """The path and the blob id of every file that the commit has at the places."""
    entries = git.run(home, "ls-tree", "-r", "-z", commit, "--", *places).split("\0")[:-1]
    return {path: facts.split()[2] for facts, path in (entry.split("\t", 1) for entry in entries)}


def _blob(path: Path, home: Path) -> str | None:
    return git.run(home, "hash-object", "--no-filters", str(path.absolute())) if path.exists() else None


def _refuse_edited(files: Iterable[str], home: Path) -> None:
    """Raise UserError naming those of `files` whose content is neither in the last commit nor in any experiment."""
    edited_files = {path: _blob(home / path, home) for path in files if (home / path).exists()}
    commits = ["HEAD", *git.run(home, "for-each-ref", "--format=%(refname)", _NAMESPACE).splitlines()]
    for commit in commits:
        if not edited_files:
            return
        committed = _blobs(commit, edited_files, home)
        edited_files = {path: blob for path, blob in edited_files.items() if committed.get(path) != blob}
    if edited_files:
        raise UserError(
            f"this would overwrite what is not committed: {', '.join(edited_files)}\n"
            f"Commit it (`git add {' '.join(edited_files)} && git commit`), or discard it with `git checkout`; "
            "then try again. Nothing was changed."
        )


def _refuse_edited_outputs(problems: Iterable[str], home: Path) -> None:
    """Raise UserError naming the outputs that DVC caches and somebody edited."""
    edited_outputs = [path for problem in problems for path in Stages(problem, home).edited_outputs()]
    if edited_outputs:
        raise UserError(
            f"this would overwrite outputs that are not as dvc.lock says: {', '.join(edited_outputs)}\n"
            f"Copy them elsewhere and discard them with `dvc checkout --force {' '.join(edited_outputs)}`; "
            "then try again. Nothing was changed."
        )


def _stages(lock: bytes) -> dict[str, Any]:
    return dict((yaml.load(lock, yaml.CSafeLoader) or {}).get("stages") or {})


def _differing(stages: Mapping[str, Any], stages_before: Mapping[str, Any]) -> Iterator[str]:
    for key, stage in stages.items():
        if stages_before.get(key) != stage:
            yield key.partition("@")[2]


def _merge_lock(path: Path, stages: Mapping[str, Any]) -> None:
    """Replace these stages in dvc.lock and keep all others."""
    if not path.exists():
        write_text(path, "schema: '2.0'\nstages: {}\n")
    if any(_stages(path.read_bytes()).get(key) != stage for key, stage in stages.items()):
        with edited(path) as lock:
            lock.setdefault("schema", "2.0")
            lock.setdefault("stages", {}).update(stages)


def _restored(problem: str, home: Path) -> list[str]:
    """Restore the problem's outputs from DVC's cache; return the steps that are still not up to date."""
    stages = Stages(problem, home)
    stages.restore()
    return [step for step in STEPS if stages.changes(step)]

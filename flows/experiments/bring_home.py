"""Take the files of one problem from an experiment into the workspace, and nothing else.

`dvc exp apply` makes the whole workspace what the experiment began with: whatever else is not committed, a problem of
one's own or another experiment's results, leaves params.yaml, dvc.lock and results/. Here every file keeps what the
experiment's problems do not need: dvc.lock is merged stage by stage, params.yaml gets a name in its list.
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
    """What was done: the problems, the files written, those left out, and the steps that DVC would run next."""

    problems: list[str]
    files: list[str]
    left: list[str]
    to_run: dict[str, list[str]]

    def lines(self, name: str) -> list[str]:
        told = f"{name} is home: {len(self.files)} files of {', '.join(self.problems)}, and its stages in dvc.lock"
        lines = [told if self.files else f"{name} was home already"]
        for problem, steps in self.to_run.items():
            told = (
                f"not up to date, so that `dvc repro` runs them: {', '.join(steps)}"
                if steps
                else "every step is up to date"
            )
            lines.append(f"{problem}: {told}")
        if self.left:
            lines.append(f"not taken, since they belong to no problem alone: {shortened(self.left)}")
        return [*lines, "`git diff` shows it, `git commit` keeps it"]


def bring_home(name: str, home: Path) -> Brought:
    """Write the files of the experiment called `name` over those of its problems in the workspace `home`.

    Raises UserError, with nothing changed, when there is no such experiment, when another run has the workspace, and
    when a file has edits that are neither committed nor in any experiment.
    """
    found = find(name, home)
    changed = git.run(home, "diff", "--relative", "--name-only", "-z", found.start, found.commit).split("\0")[:-1]
    locked, locked_before = (
        _stages(git.run_raw(home, "show", f"{at}:./dvc.lock")) for at in (found.commit, found.start)
    )
    problems = sorted({*filter(None, map(_problem_of, changed)), *_differing(locked, locked_before)})
    if not problems:
        raise UserError(f"{name}: no problem has other settings or results than in the commit it started from")
    with locked_by(psutil.Process(), home):
        check_dvc_lock(home)
        wanted = _blobs(found.commit, [path for problem in problems for path in _places(problem)], home)
        files = {path: blob for path, blob in wanted.items() if _blob(home / path, home) != blob}
        _refuse_edited(files, home)
        unlisted = [problem for problem in problems if problem not in listed_problems(home / "params.yaml")]
        for path, blob in files.items():
            with atomic_file(home / path) as partial:
                partial.write_bytes(git.run_raw(home, "cat-file", "blob", blob))
        for problem in unlisted:
            write_text(home / "params.yaml", with_problem(Layout(problem, home)))
        _merge_lock(home / "dvc.lock", {key: of for key, of in locked.items() if key.partition("@")[2] in problems})
        left = [path for path in changed if _problem_of(path) is None and path not in ("dvc.lock", "params.yaml")]
        return Brought(problems, list(files), left, {problem: _restored(problem, home) for problem in problems})


def find(name: str, home: Path) -> Found:
    """The newest experiment of this name. Raises UserError with the nearest spelling when there is none."""
    names = []
    for line in git.run(home, "for-each-ref", "--sort=-committerdate", "--format=%(refname)", _NAMESPACE).splitlines():
        parts = line.removeprefix(f"{_NAMESPACE}/").split("/")
        if len(parts) != 3:  # DVC's own notes on what it is doing
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
    """The problem that the file belongs to, if it is that of one alone."""
    match Path(path).parts:
        case ("problems", name) | ("data", "expectations", name) if name.endswith((".yaml", ".json")):
            return Path(name).stem
        case ("results", problem, *_):
            return problem
    return None


def _blobs(commit: str, places: Iterable[str], home: Path) -> dict[str, str]:
    """The files that the commit has at the places, by path, with git's names of their contents."""
    entries = git.run(home, "ls-tree", "-r", "-z", commit, "--", *places).split("\0")[:-1]
    return {path: facts.split()[2] for facts, path in (entry.split("\t", 1) for entry in entries)}


def _blob(path: Path, home: Path) -> str | None:
    return git.run(home, "hash-object", "--no-filters", str(path.absolute())) if path.exists() else None


def _refuse_edited(files: Iterable[str], home: Path) -> None:
    """Raise UserError naming those of `files` whose content is neither in the last commit nor in any experiment."""
    there = {path: _blob(home / path, home) for path in files if (home / path).exists()}
    commits = ["HEAD", *git.run(home, "for-each-ref", "--format=%(refname)", _NAMESPACE).splitlines()]
    for commit in commits:
        if not there:
            return
        known = _blobs(commit, there, home)
        there = {path: blob for path, blob in there.items() if known.get(path) != blob}
    if there:
        raise UserError(
            f"this would overwrite what is not committed: {', '.join(there)}\n"
            f"Commit it (`git add {' '.join(there)} && git commit`), or discard it with `git checkout`; then try "
            "again. Nothing was changed."
        )


def _stages(lock: bytes) -> dict[str, Any]:
    return dict((yaml.load(lock, yaml.CSafeLoader) or {}).get("stages") or {})


def _differing(stages: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    for key, of in stages.items():
        if before.get(key) != of:
            yield key.partition("@")[2]


def _merge_lock(path: Path, stages: Mapping[str, Any]) -> None:
    """Let dvc.lock say of these stages what the experiment's says, and of all others what it says already."""
    if not path.exists():
        write_text(path, "schema: '2.0'\nstages: {}\n")
    if any(_stages(path.read_bytes()).get(key) != of for key, of in stages.items()):
        with edited(path) as lock:
            lock.setdefault("schema", "2.0")
            lock.setdefault("stages", {}).update(stages)


def _restored(problem: str, home: Path) -> list[str]:
    """Take the problem's outputs from DVC's cache; the steps that are not up to date even so."""
    stages = Stages(problem, home)
    stages.restore()
    return [step for step in STEPS if stages.changes(step)]

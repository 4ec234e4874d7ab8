"""Runs with settings of their own: the copy they happen in, the experiment they become, and what they leave alone."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from flows.experiments import copies
from flows.experiments.experiment import planned
from flows.overrides import Overrides
from src.core.errors import UserError
from src.core.processes import is_alive
from src.core.steps import STEPS
from src.tracking.identity import find_workflow_run
from src.tracking.lookup import versions_of
from tests.workspaces import PROBLEM, ROOT, Workspace, family, has_loaded_torch, step_of, wait_for

FLOW = "flows.universal_workflow"
GONE_SECONDS = 10
NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
HOLD_A_COPY = """
import sys, time
from pathlib import Path
from flows.experiments.copies import copy_of
with copy_of("HEAD", Path(sys.argv[1]), sys.argv[2], print):
    print("has it", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(fresh: Workspace, tmp_path: Path) -> Workspace:
    """A workspace in which nothing has run."""
    return fresh.copy(tmp_path / "my work")


def edit(workspace: Workspace) -> None:
    """Edits of every kind that a user may have under way."""
    (workspace.root / "README.md").write_text("changed, not staged\n")
    (workspace.root / "Makefile").write_text("staged\n")
    workspace.git("add", "Makefile")
    (workspace.root / "Makefile").write_text("staged, then changed again\n")
    (workspace.root / "notes.txt").write_text("unknown to git\n")
    (workspace.root / "CONTRIBUTING.md").unlink()


def state(workspace: Workspace) -> dict[str, object]:
    """All that a run may not touch: files, index, branch, stash, worktrees. Only the openings it counts at home."""
    openings = f"data/openings/{PROBLEM}.jsonl"
    skipped = (".git", ".workflow", ".dvc", "mlartifacts", ".prefect", "__pycache__", ".cache")
    files = [
        path
        for path in workspace.root.rglob("*")
        if path.is_file() and not set(skipped) & set(path.relative_to(workspace.root).parts)
    ]
    return {
        "files": {
            str(path): path.read_bytes()
            for path in files
            if not path.name.startswith(("mlflow.db", ".work")) and path != workspace.root / openings
        },
        "index": workspace.git("ls-files", "--stage"),
        "status": workspace.git("status", "--porcelain", "--", ":/", f":!{openings}"),
        "head": (workspace.root / ".git" / "HEAD").read_bytes(),
        "stash": workspace.git("stash", "list"),
        "worktrees": workspace.git("worktree", "list"),
        "refs": [ref for ref in workspace.git("for-each-ref").splitlines() if "refs/exps/" not in ref],
    }


def experiments(workspace: Workspace) -> list[str]:
    return workspace.git("for-each-ref", "--format=%(refname)", "refs/exps").split()


@pytest.mark.slow
def test_an_isolated_run_becomes_an_experiment_and_touches_nothing(
    finished: Workspace, server: dict[str, str], tmp_path: Path
):
    """In a path with a space, on no branch, by somebody git does not know, in the middle of other edits."""
    copied = finished.copy(tmp_path / "my work")
    workspace = Workspace(copied.root, copied.environment | server | NOBODY)
    workspace.git("config", "--unset", "user.name")
    workspace.git("config", "--unset", "user.email")
    workspace.git("config", "user.useConfigOnly", "true")
    workspace.git("checkout", "--quiet", "--detach")
    edit(workspace)
    before = state(workspace)

    run = workspace.run(FLOW, PROBLEM, "--set", "search.budget=1")

    assert state(workspace) == before
    commit = workspace.git("rev-parse", "HEAD").strip()
    name = re.search(rf"{PROBLEM}-[0-9a-f]{{8}}", run.stdout).group()
    said = [line.partition(" - ")[2] for line in run.stdout.splitlines() if "| INFO" in line]
    assert f"{name}, trigger: command line, in a copy of commit {commit[:7]}" in said
    left_out = next(line for line in said if "because not committed" in line)
    for file in ("README.md", "Makefile", "notes.txt", "CONTRIBUTING.md"):
        assert file in left_out
    assert dict(re.findall(r"Task run '(\w+)' - Finished in state (\w+)", run.stdout)) == {
        step: "Completed" if step in ("define", "regularize", "evaluate", "report") else "Cached" for step in STEPS
    }
    assert f"Flow run '{name}' - Finished in state Completed" in run.stdout
    assert list((workspace.root / ".workflow" / "copies").iterdir()) == []

    assert experiments(workspace) == [f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"]
    changed = workspace.git("diff", "--name-only", commit, *experiments(workspace)).split()
    assert {"dvc.lock", f"problems/{PROBLEM}.yaml"} < set(changed)
    assert all(path.startswith(("dvc.lock", f"problems/{PROBLEM}", f"results/{PROBLEM}/")) for path in changed)
    assert name in workspace.run("dvc", "exp", "list", "--name-only").stdout
    shown = json.loads(workspace.run("dvc", "exp", "show", "--json").stdout)
    (experiment,) = next(entry["experiments"] for entry in shown if entry["rev"] == commit)
    assert experiment["name"] == name
    (found,) = experiment["revs"]
    assert found["data"]["params"][f"problems/{PROBLEM}.yaml"]["data"]["search"]["budget"] == 1
    assert "test" in found["data"]["metrics"][f"results/{PROBLEM}/metrics.json"]["data"]

    assert find_workflow_run(workspace.root, PROBLEM, name), "recorded at home, not in the copy"
    assert len((workspace.root / "data" / "openings" / f"{PROBLEM}.jsonl").read_text().splitlines()) == 2
    evaluated = json.loads(workspace.git("show", f"{experiments(workspace)[0]}:results/{PROBLEM}/evaluate.json"))
    assert evaluated["test"]["opening"] == 2
    models, before = (versions_of(PROBLEM, place.root) for place in (workspace, finished))
    assert models.champion == before.champion, "a run with settings of its own makes no champion"

    workspace.git("checkout", "--quiet", "--force", "HEAD")
    workspace.run("dvc", "exp", "apply", name)
    assert yaml.safe_load(workspace.problem_file.read_text())["search"]["budget"] == 1
    assert "Data and pipelines are up to date" in workspace.run("dvc", "repro", "--dry").stdout
    assert (workspace.results / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process_and_no_copy(
    finished: Workspace, server: dict[str, str], tmp_path: Path, sent: signal.Signals
):
    """A killed one cannot clean up; the next start does it."""
    copied = finished.copy(tmp_path / "workspace")
    workspace = Workspace(copied.root, copied.environment | server)
    edit(workspace)
    before = state(workspace)
    flow = workspace.popen(FLOW, PROBLEM, "--set", "training.epochs=100000")
    try:
        step = wait_for(lambda: step_of(flow.pid, "overfit"), 120)
        wait_for(lambda: has_loaded_torch(step), 60)
        children = family(flow.pid)[:-1]
        assert Path(step.cwd()).parent == workspace.root / ".workflow" / "copies"
        flow.send_signal(sent)
        flow.communicate(timeout=30)
        assert flow.returncode != 0
        wait_for(lambda: not any(map(is_alive, children)), GONE_SECONDS)
    finally:
        flow.kill()
    assert len(copies.remove_leftovers(workspace.root)) == (1 if sent == signal.SIGKILL else 0)
    assert state(workspace) == before
    assert experiments(workspace) == []


def test_the_copy_is_what_was_committed_with_the_settings_and_the_comments_of_the_problem_file(home: Workspace):
    home.problem_file.write_text("# why we ask\n" + home.problem_file.read_text())
    home.git("commit", "--all", "--quiet", "--message", "Comment")
    home.set(folds=7)
    experiment = planned(
        PROBLEM, Overrides.model_validate({"search": {"budget": 3}, "training": {"learning_rate": 0.5}}), home.root
    )
    said: list[str] = []
    with experiment.copy(said.append) as root:
        text = (root / "problems" / f"{PROBLEM}.yaml").read_text()
        assert text.startswith("# why we ask\n")
        assert yaml.safe_load(text) == yaml.safe_load(home.git("show", f"HEAD:problems/{PROBLEM}.yaml")) | {
            "search": {"budget": 3},
            "training": {"epochs": 4, "batch_size": 16, "learning_rate": 0.5},
        }
        assert (root / "data" / "local" / "tiny.csv").read_bytes() == home.data_file.read_bytes()
    assert said == [f"not in the copy, because not committed: problems/{PROBLEM}.yaml"]
    assert not root.exists()


def test_a_data_file_that_git_keeps_is_as_committed_in_the_copy_and_for_the_name(home: Workspace):
    before = planned(PROBLEM, Overrides(folds=3), home.root)
    home.git("add", "--force", "data/local/tiny.csv")
    home.git("commit", "--quiet", "--message", "Keep the data")
    home.data_file.write_text("edited\n")
    experiment = planned(PROBLEM, Overrides(folds=3), home.root)
    assert experiment.name == before.name
    with experiment.copy(print) as root:
        assert (root / "data" / "local" / "tiny.csv").read_text().startswith("first,second,third")


def test_a_problem_without_stages_gets_them_in_the_copy_alone(home: Workspace):
    shutil.copy(home.problem_file, home.root / "problems" / "other.yaml")
    home.git("add", "problems/other.yaml")
    home.git("commit", "--quiet", "--message", "Another problem")
    params = (home.root / "params.yaml").read_bytes()
    with planned("other", Overrides(), home.root).copy(print) as root:
        assert yaml.safe_load((root / "params.yaml").read_text())["problems"] == [PROBLEM, "other"]
    assert (home.root / "params.yaml").read_bytes() == params


def test_the_experiment_holds_nothing_of_steps_that_were_not_reached(finished: Workspace, tmp_path: Path):
    workspace = finished.copy(tmp_path / "workspace")
    experiment = planned(PROBLEM, Overrides(folds=3), workspace.root)
    with experiment.copy(print) as root:
        assert (root / "results" / PROBLEM / "evaluate.json").exists()
        experiment.save(root, "prepare")
    (saved,) = experiments(workspace)
    there = workspace.git("ls-tree", "-r", "--name-only", saved, f"results/{PROBLEM}").split()
    assert there == [f"results/{PROBLEM}/prepare.json", f"results/{PROBLEM}/validation.json"]
    lock = yaml.safe_load(workspace.git("show", f"{saved}:dvc.lock"))
    assert set(lock["stages"]) == {f"{step}@{PROBLEM}" for step in STEPS[: STEPS.index("prepare") + 1]}


def not_committed(home: Workspace) -> None:
    home.git("rm", "--cached", "--quiet", str(home.problem_file))
    home.git("commit", "--quiet", "--message", "Without the problem")


def without_commit(home: Workspace) -> None:
    shutil.rmtree(home.root / ".git")
    home.git("init", "--quiet")


@pytest.mark.parametrize(
    ("change", "overrides", "told"),
    [
        (not_committed, Overrides(folds=3), f"problems/{PROBLEM}.yaml is not in the last commit"),
        (without_commit, Overrides(folds=3), "is not a git repository with a commit"),
        (None, Overrides(measure="mae"), f"problems/{PROBLEM}.yaml: measure: mae does not suit type binary"),
        (None, Overrides(protocol="hold_out"), f"problems/{PROBLEM}.yaml: protocol hold_out has neither folds"),
    ],
)
def test_what_cannot_be_run_is_told_before_a_copy_is_made(
    home: Workspace, change: Callable[[Workspace], None] | None, overrides: Overrides, told: str
):
    if change:
        change(home)
    with pytest.raises(UserError) as raised:
        planned(PROBLEM, overrides, home.root)
    assert told in str(raised.value)
    assert not (home.root / ".workflow").exists()


def test_a_second_run_of_the_same_name_waits_and_another_does_not(home: Workspace):
    said: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with copies.copy_of("HEAD", home.root, "same-1", said.append):
            entered.set()

    with copies.copy_of("HEAD", home.root, "same-1", print):
        thread = threading.Thread(target=second)
        thread.start()
        wait_for(lambda: said, 10)
        with copies.copy_of("HEAD", home.root, "other-1", print) as root:
            assert (root / "dvc.yaml").exists()
        assert not entered.is_set()
    assert entered.wait(10)
    thread.join()
    assert said == ["waits for the run of the same name that is under way"]
    assert list((home.root / ".workflow" / "copies").iterdir()) == []


@pytest.fixture
def held(home: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A process that has the copy `held-1`."""
    command = [sys.executable, "-c", HOLD_A_COPY, str(home.root), "held-1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "has it\n"
            yield process
        finally:
            process.kill()


def test_leftovers_of_a_killed_run_are_removed_and_only_these(home: Workspace, held: subprocess.Popen[str]):
    """Not the copy of a run that lives, and no worktree of the user's, even one whose folder is away at the moment."""
    away = home.root.parent / "away"
    home.git("worktree", "add", "--quiet", str(away))
    away.rename(away.with_name("unmounted"))
    worktrees = home.git("worktree", "list", "--porcelain").split("\n\n")
    assert copies.remove_leftovers(home.root) == []
    assert (home.root / ".workflow" / "copies" / "held-1" / "dvc.yaml").exists()
    held.kill()
    held.wait()
    assert copies.remove_leftovers(home.root) == ["held-1"]
    left = [worktree for worktree in worktrees if "held-1" not in worktree]
    assert home.git("worktree", "list", "--porcelain").split("\n\n") == left
    assert len(left) == len(worktrees) - 1
    assert list((home.root / ".workflow" / "copies").iterdir()) == []


def test_a_half_made_copy_is_made_anew(home: Workspace):
    half = home.root / ".workflow" / "copies" / "half-1"
    half.mkdir(parents=True)
    (half / "rest").touch()
    with copies.copy_of("HEAD", home.root, "half-1", print) as root:
        assert not (root / "rest").exists()
        assert (root / "dvc.yaml").exists()


def test_git_hooks_of_the_user_do_not_run(home: Workspace):
    for name in ("post-checkout", "pre-commit", "post-commit", "reference-transaction"):
        hook = home.root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{home.root}/hook-ran'\n")
        hook.chmod(0o755)
    experiment = planned(PROBLEM, Overrides(folds=3), home.root)
    with copies.copy_of(experiment.commit, home.root, experiment.name, print) as root:
        (root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
        experiment.save(root, "fetch")
    assert experiments(home)
    assert not (home.root / "hook-ran").exists()

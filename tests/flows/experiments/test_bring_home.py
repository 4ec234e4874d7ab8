"""Experiments come home problem by problem; whatever else is in the workspace stays as it is."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from flows.experiments import git
from flows.experiments.bring_home import bring_home, find
from flows.experiments.experiment import planned
from flows.overrides import Overrides
from src.core.errors import UserError
from src.core.steps import STEPS
from tests.flows.experiments.test_experiments import state
from tests.workspaces import PROBLEM, Workspace

pytestmark = pytest.mark.slow

UNTIL = "prepare"
OWN = "mine"
OWN_STAGE = {
    "cmd": "python -m tasks.define mine",
    "outs": [{"path": "results/mine/settings/fetch.json", "md5": "0" * 32}],
}


@pytest.fixture(scope="module")
def experimented(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, str]]:
    """A workspace with two experiments of one problem and one of another, and their names."""
    workspace = finished.copy(tmp_path_factory.mktemp("experimented") / "workspace")
    shutil.copy(workspace.problem_file, workspace.root / "problems" / "other.yaml")
    workspace.git("add", "problems/other.yaml")
    workspace.git("commit", "--quiet", "--message", "Another problem, which params.yaml does not list")
    names = {}
    for problem, folds in ((PROBLEM, 3), (PROBLEM, 4), ("other", 3)):
        experiment = planned(problem, Overrides(folds=folds), workspace.root)
        with experiment.copy(print) as root:
            there = Workspace(root, workspace.environment | {"WORKFLOW_HOME": str(workspace.root)})
            there.run("flows.warm_dvc", "repro", f"{UNTIL}@{problem}")
            experiment.save(root, UNTIL)
        names[f"{problem} {folds}"] = experiment.name
    return workspace, names


@pytest.fixture
def names(experimented: tuple[Workspace, dict[str, str]]) -> dict[str, str]:
    return experimented[1]


@pytest.fixture
def home(experimented: tuple[Workspace, dict[str, str]], tmp_path: Path) -> Workspace:
    """The workspace, in the middle of work on a problem of one's own."""
    workspace = experimented[0].copy(tmp_path / "my work")
    (workspace.root / "README.md").write_text("edited\n")
    (workspace.root / "problems" / f"{OWN}.yaml").write_text("question: mine?\n")
    result = workspace.root / "results" / OWN / "baseline.json"
    result.parent.mkdir()
    result.write_text("{}\n")
    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace(f"  - {PROBLEM}\n", f"  - {PROBLEM}\n  - {OWN} # my own\n"))
    lock = yaml.safe_load(workspace.lock)
    lock["stages"][f"define@{OWN}"] = OWN_STAGE
    (workspace.root / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    return workspace


def folds(workspace: Workspace, problem: str) -> int:
    return yaml.safe_load((workspace.root / "problems" / f"{problem}.yaml").read_text())["folds"]


def keeps_own_work(workspace: Workspace) -> None:
    assert (workspace.root / "README.md").read_text() == "edited\n"
    assert (workspace.root / "problems" / f"{OWN}.yaml").read_text() == "question: mine?\n"
    assert (workspace.root / "results" / OWN / "baseline.json").read_text() == "{}\n"
    assert f"  - {OWN} # my own\n" in (workspace.root / "params.yaml").read_text()
    assert yaml.safe_load(workspace.lock)["stages"][f"define@{OWN}"] == OWN_STAGE


def holds(workspace: Workspace, name: str, problem: str) -> None:
    """The workspace has the problem as the experiment does, and DVC agrees up to the last step of the experiment."""
    commit = find(name, workspace.root).commit
    theirs = yaml.safe_load(git.run_raw(workspace.root, "show", f"{commit}:dvc.lock"))["stages"]
    ours = yaml.safe_load(workspace.lock)["stages"]
    for step in STEPS[: STEPS.index(UNTIL) + 1]:
        assert ours[f"{step}@{problem}"] == theirs[f"{step}@{problem}"]
    for file in ("validation.json", "prepare.json"):
        path = f"results/{problem}/{file}"
        assert (workspace.root / path).read_bytes() == git.run_raw(workspace.root, "show", f"{commit}:{path}")
    # The problem of one's own is unfinished, so DVC is asked without it.
    params = workspace.root / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace(f"  - {OWN} # my own\n", ""))
    assert "up to date" in workspace.run("dvc", "status", "--with-deps", f"{UNTIL}@{problem}").stdout
    params.write_text(text)


def test_an_experiment_comes_home_with_its_problem_s_files_alone(home: Workspace, names: dict[str, str]):
    run = home.run("flows.apply", names["tiny 3"])
    assert f"{names['tiny 3']} is home: " in run.stdout
    later = ", ".join(STEPS[STEPS.index(UNTIL) + 1 :])  # the experiment did not reach them
    assert f"tiny: not up to date, so that `dvc repro` runs them: {later}\n" in run.stdout
    assert folds(home, PROBLEM) == 3
    holds(home, names["tiny 3"], PROBLEM)
    keeps_own_work(home)
    assert not (home.root / "results" / "other").exists()
    assert "other" not in yaml.safe_load((home.root / "params.yaml").read_text())["problems"]


def test_one_experiment_follows_another_and_that_of_another_problem_undoes_none(home: Workspace, names: dict[str, str]):
    for name in ("tiny 3", "tiny 4", "other 3"):
        bring_home(names[name], home.root)
    assert (folds(home, PROBLEM), folds(home, "other")) == (4, 3)
    assert yaml.safe_load((home.root / "params.yaml").read_text())["problems"] == [PROBLEM, OWN, "other"]
    holds(home, names["tiny 4"], PROBLEM)
    holds(home, names["other 3"], "other")
    keeps_own_work(home)
    before = state(home)
    assert bring_home(names["other 3"], home.root).files == []
    assert state(home) == before


@pytest.mark.parametrize("file", [f"problems/{PROBLEM}.yaml", f"results/{PROBLEM}/prepare.json"])
def test_edits_that_are_nowhere_else_are_named_and_stay(home: Workspace, names: dict[str, str], file: str):
    bring_home(names["tiny 4"], home.root)
    (home.root / file).write_text((home.root / file).read_text() + "\n")
    before = state(home)
    run = home.run("flows.apply", names["tiny 3"], check=False)
    assert run.returncode == 1
    assert re.search(rf"overwrite what is not committed: {re.escape(file)}\n", run.stdout)
    assert "Traceback" not in run.stdout
    assert state(home) == before


@pytest.mark.parametrize("file", [f"results/{PROBLEM}/validation.html", f"data/prepared/{PROBLEM}/train/schema.json"])
def test_edited_outputs_that_only_dvc_knows_are_named_and_stay(home: Workspace, names: dict[str, str], file: str):
    path = home.root / file
    edited = path.read_text() + "\n"
    path.unlink()  # it may be a link into DVC's cache
    path.write_text(edited)
    before = state(home)
    run = home.run("flows.apply", names["tiny 3"], check=False)
    assert run.returncode == 1
    output = file if "results" in file else f"data/prepared/{PROBLEM}/train"
    assert re.search(rf"overwrite outputs that are not as dvc.lock says: {re.escape(output)}\n", run.stdout)
    assert state(home) == before
    assert path.read_text() == edited


def test_a_name_that_is_not_there_is_answered_with_the_nearest(home: Workspace, names: dict[str, str]):
    with pytest.raises(UserError, match=f"did you mean {names['tiny 3']}"):
        bring_home(f"{names['tiny 3']}0", home.root)
    with pytest.raises(UserError, match="there are: "):
        bring_home("", home.root)

"""The whole workflow under DVC, on a tiny problem: what runs again, and what stays the same to the byte."""

import json
import os
import pstats
import re
import shutil
import tempfile
from pathlib import Path

import pytest

from src.core.steps import STEPS
from src.results.metrics import USES
from tests.workspaces import PROBLEM, Workspace, stages_run

pytestmark = pytest.mark.slow


def test_after_a_flow_run_dvc_repro_has_nothing_to_do(workspace: Workspace):
    before = workspace.lock
    assert "Data and pipelines are up to date" in workspace.run("dvc", "repro").stdout
    assert workspace.lock == before


def test_with_three_problems_and_nothing_to_do_dvc_repro_calls_at_most_six_times_as_much_as_for_an_empty_pipeline(
    workspace: Workspace, tmp_path: Path
):
    names = [PROBLEM, "second", "third"]
    for name in names[1:]:
        shutil.copy2(workspace.problem_file, workspace.problem_file.with_stem(name))
        for folder in ("data/raw", "data/prepared", "results"):
            shutil.copytree(workspace.root / folder / PROBLEM, workspace.root / folder / name)
    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace(f"  - {PROBLEM}\n", "".join(f"  - {name}\n" for name in names)))
    workspace.run("dvc", "commit", "--force")
    empty = Workspace(tmp_path / "empty")
    empty.root.mkdir()
    empty.git("init", "--quiet")
    empty.run("dvc", "init")
    (empty.root / "dvc.yaml").write_text("stages: {nothing: {cmd: 'true', deps: [.gitignore]}}")
    (empty.root / ".gitignore").touch()
    empty.run("dvc", "repro")

    assert "Data and pipelines are up to date" in workspace.run("dvc", "repro").stdout
    assert calls_of_repro(workspace) < 6 * calls_of_repro(empty)


def test_running_every_stage_again_in_another_folder_leaves_the_lock_file_byte_identical(
    finished: Workspace, workspace: Workspace
):
    workspace.git("rm", "--quiet", "-r", "--cached", "results")
    for folder in ("data/raw", "data/prepared", "results", ".dvc/cache"):
        shutil.rmtree(workspace.root / folder)
    output = workspace.run("flows.warm_dvc", "repro", "--force").stdout  # as `make repro` does
    assert stages_run(output) == list(STEPS)
    assert workspace.lock == finished.lock
    for file in sorted(finished.results.rglob("*.json")):
        assert (workspace.results / file.relative_to(finished.results)).read_bytes() == file.read_bytes()


def test_an_experiment_with_another_search_budget_runs_only_define_regularize_and_what_follows(workspace: Workspace):
    output = workspace.run("dvc", "exp", "run", "-S", f"problems/{PROBLEM}.yaml:search.budget=3", "-n", "wider").stdout
    assert stages_run(output) == ["define", "regularize", "evaluate", "report"]
    assert json.loads((workspace.results / "regularize.json").read_text())["candidates"] == 3

    changed = json.loads(workspace.run("dvc", "params", "diff", "--json").stdout)
    assert changed == {f"problems/{PROBLEM}.yaml": {"search.budget": {"old": 2, "new": 3, "diff": 1}}}
    metrics = json.loads(workspace.run("dvc", "metrics", "diff", "--json").stdout)
    assert list(metrics) == [f"results/{PROBLEM}/metrics.json"]
    told = workspace.run("tasks.experiments").stdout.splitlines()
    assert [line.split()[0] for line in told] == [f"{PROBLEM}:", "experiment", "workspace", "master", "wider"]
    assert told[-1].endswith("search.budget=3")
    assert max(map(len, told)) <= 120

    back = workspace.run("dvc", "exp", "apply", "wider").stdout + workspace.run("dvc", "repro").stdout
    assert stages_run(back) == []


def test_with_the_split_fixed_a_changed_sealed_row_reruns_only_what_may_see_it(
    finished: Workspace, workspace: Workspace
):
    text = workspace.data_file.read_text()
    row = next(line for line in text.splitlines() if ",test," in line)
    workspace.data_file.write_text(text.replace(row, "9.5,-9.5,0.25,test,yes"))

    output = workspace.run("flows.warm_dvc", "repro").stdout
    assert stages_run(output) == ["define", "fetch", "validate", "prepare", "evaluate", "report"]

    old, new = (json.loads((place.results / "evaluate.json").read_text()) for place in (finished, workspace))
    assert old["test"] != new["test"]
    assert old["cross_validation"] == new["cross_validation"]


def test_a_data_file_of_another_problem_makes_no_step_but_define_run_again(workspace: Workspace):
    (workspace.data_file.parent / "other.csv").write_text("a,b\n1,2\n")
    assert stages_run(workspace.run("dvc", "repro").stdout) == ["define"]


def test_a_change_of_a_step_s_code_makes_dvc_run_its_stage_again_and_no_other(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    from dvc.repo import Repo

    monkeypatch.chdir(workspace.root)
    for step in STEPS:
        module = workspace.root / "tasks" / f"{step}.py"
        text = module.read_text()
        module.write_text(text + "\n# changed\n")
        with Repo() as repo:
            changed = repo.status()
        module.write_text(text)
        assert list(changed) == [f"{step}@{PROBLEM}"]
        assert f"tasks/{step}.py" in str(changed)


def test_an_edit_of_a_kind_of_input_trains_nothing_anew_in_problems_of_others(workspace: Workspace):
    kinds = workspace.root / "src" / "kinds"
    module = kinds / "tokens" / "ladder.py"
    module.write_text(module.read_text() + "\nCHANGED = True\n")
    assert stages_run(workspace.run("dvc", "repro").stdout) == ["prepare"]

    module = kinds / "tabular" / "ladder.py"
    module.write_text(module.read_text() + "\nCHANGED = True\n")
    workspace.run("dvc", "repro", f"prepare@{PROBLEM}")
    changed = json.loads(workspace.run("dvc", "status", "--json").stdout)
    assert {*changed} == {f"{step}@{PROBLEM}" for step in ("baseline", "overfit", "regularize", "evaluate")}


def test_what_is_pushed_to_a_remote_can_be_pulled_into_an_empty_clone(workspace: Workspace, tmp_path: Path):
    workspace.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    workspace.run("dvc", "push")
    workspace.git("commit", "--quiet", "--all", "--message", "Remote")
    workspace.git("clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone", workspace.environment)
    shutil.copy2(workspace.data_file, clone.data_file)
    clone.run("dvc", "pull")
    assert "Data and pipelines are up to date" in clone.run("dvc", "repro").stdout
    assert (clone.results / "report.html").read_bytes() == (workspace.results / "report.html").read_bytes()


def test_the_metrics_of_a_problem_fit_on_one_line_of_a_terminal(workspace: Workspace):
    shown = json.loads(workspace.run("dvc", "metrics", "show", "--json").stdout)[""]["data"]
    found = json.loads((workspace.results / "evaluate.json").read_text())
    estimate = found["cross_validation"]
    assert {path: file["data"] for path, file in shown.items()} == {
        f"results/{PROBLEM}/metrics.json": {
            "measure": found["measure"],
            "baseline": found["baseline"],
            "shallow": found["shallow"],
            "cv": estimate["mean"],
            "low": estimate["low"],
            "high": estimate["high"],
            "test": found["test"]["value"],
            "use": USES[found["recommended"]],
        }
    }
    lines = workspace.run("dvc", "metrics", "show").stdout.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 120


def test_the_plots_page_draws_without_a_network(workspace: Workspace):
    workspace.run("dvc", "plots", "show")
    page = (workspace.root / "dvc_plots" / "index.html").read_text()
    for title in ("the capacity ladder", "the search", "the evaluation folds"):
        assert f"{PROBLEM}: {title}" in page
    assert "vegaEmbed" in page
    assert "<script src" not in page


def test_no_output_names_the_folder_it_was_made_in(finished: Workspace):
    outputs = [*(finished.root / "data").rglob("*"), *finished.results.rglob("*")]
    naming = [str(path) for path in outputs if path.is_file() and str(finished.root).encode() in path.read_bytes()]
    assert not naming


def test_only_evaluate_and_what_follows_hang_on_the_sealed_test_set(workspace: Workspace):
    edges = workspace.run("dvc", "dag", "--dot", "--outs", f"evaluate@{PROBLEM}").stdout
    sealed = f"data/prepared/{PROBLEM}/test"
    # an edge points from an output to one made from it
    made = {
        line.split("->")[1].strip(' ";')
        for line in edges.splitlines()
        if line.startswith(f'"{sealed}"') and "->" in line
    }
    evaluated = {
        "evaluate.json",
        "predictions.parquet",
        "evaluate_curves.csv",
        "fold_scores.csv",
        "model",
        "alternative",
    }
    assert made == {f"results/{PROBLEM}/{name}" for name in evaluated}


def test_nothing_connects_to_the_outside(finished: Workspace, connections: Path):
    outside = [line for line in connections.read_text().splitlines() if not is_local(line)]
    assert connections.read_text(), "the processes of the workspace report their connections"
    assert not outside


# Where the workflow may write: DVC's outputs, what git ignores, and DVC's lock file.
WRITTEN = re.compile(
    r"(data/(raw|prepared|openings)|results|mlartifacts|mlruns|\.(dvc/(cache|tmp)|prefect|workflow|cache|downloads))(/.*)?"
    r"|data|\.dvc|mlflow\.db.*|\.workflow\.lock|dvc\.lock|\."
)
ELSEWHERE = (tempfile.gettempdir(), "/var/tmp/dvc", os.devnull)  # the second is where DVC notes checksums


def test_no_process_of_a_run_writes_outside_the_folders_for_it(finished: Workspace, fresh: Workspace, audit: Path):
    root = str(finished.root)
    writes = [json.loads(line) for line in (audit / "written").read_text().splitlines()]
    paths = {path for cwd, path, command in writes if cwd == root and "compileall" not in command}
    assert any(path.startswith(f"{root}/data/raw/") for path in paths), "the steps report what they write"
    assert any(path.startswith(f"{root}/mlflow.db") for path in paths), "and so do the recorders"
    below = {os.path.relpath(path, root) for path in paths if Path(path).is_relative_to(root)}
    assert not [path for path in below if not WRITTEN.fullmatch(path)]
    outside = {path for path in paths if not Path(path).is_relative_to(root)}
    tests = str(audit.parent.parent)
    assert not [path for path in outside if path.startswith(tests) or not path.startswith(ELSEWHERE)]
    # What C++ writes, such as Parquet files, is not reported.
    made = {file.relative_to(root) for file in finished.root.rglob("*") if file.is_file()}
    made -= {file.relative_to(fresh.root) for file in fresh.root.rglob("*")}
    assert not [path for path in made if not WRITTEN.fullmatch(path.as_posix()) and path.parts[0] != ".git"]


def is_local(line: str) -> bool:
    """Loopback addresses, and the paths of Unix sockets."""
    rest = line.split(" ", 1)[1]
    address = rest.lstrip("(").strip("'\" ")
    return address.startswith(("127.", "::1", "localhost", "/")) or rest.startswith(("b'\\x00", "'/", "b'/", "None"))


@pytest.mark.parametrize(
    ("line", "local"),
    [
        ("socket.connect ('127.0.0.1', 4200) python", True),
        ("socket.connect '/run/a.socket' python", True),
        ("socket.getaddrinfo 'localhost' python", True),
        ("socket.connect ('192.0.2.7', 443) python", False),
        ("socket.getaddrinfo 'example.org' python", False),
    ],
)
def test_a_connection_to_the_outside_would_be_noticed(line: str, local: bool):
    assert is_local(line) == local


def calls_of_repro(workspace: Workspace) -> int:
    """The function calls of a `dvc repro`: no machine and no neighbour changes them as they change its time."""
    profile = workspace.root / ".dvc" / "tmp" / "calls.prof"
    workspace.run("cProfile", "-o", str(profile), "-m", "dvc", "repro")
    calls: int = pstats.Stats(str(profile)).total_calls  # type: ignore[attr-defined]
    return calls

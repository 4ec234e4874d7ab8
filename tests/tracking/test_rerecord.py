"""`python -m src.tracking <problem>`: recording afterwards from the files."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.core.errors import UserError
from src.core.files import Layout
from src.core.steps import RECORDED
from src.tracking import __main__ as command
from tests.tracking.conftest import record_all
from tests.tracking.result_files import Fruit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The stages that DVC would run, for the test to fill."""
    stages: set[str] = set()
    monkeypatch.setattr(command, "changed_stages", lambda layout: stages)
    return stages


def test_everything_that_is_up_to_date_is_recordable(layout, changed):
    assert list(command.recordable(layout)) == list(RECORDED)


def test_a_changed_step_and_all_that_read_it_are_left_out(layout, changed):
    changed.add("regularize@fruit")
    assert list(command.recordable(layout)) == ["validate", "prepare", "baseline", "overfit"]


def test_steps_that_have_not_run_are_left_out(layout, changed):
    for name in ("evaluate.json", "fold_scores.csv", "evaluate_curves.csv", "report.html", "model_card.md"):
        (layout.results / name).unlink()
    assert list(command.recordable(layout)) == ["validate", "prepare", "baseline", "overfit", "regularize"]


def test_without_results_the_message_says_how_to_get_them(tmp_path, changed):
    with pytest.raises(UserError, match="dvc repro"):
        command.recordable(Layout("fruit", tmp_path))


def test_a_record_made_afterwards_holds_what_one_made_at_once_does(layout, runs, changed):
    from src.tracking.recorder import record_steps

    assert record_steps(command.recordable(layout), layout)
    afterwards = content_of(runs())
    (layout.root / "mlflow.db").rename(layout.root / "afterwards.db")
    at_once = Layout("fruit", layout.root / "at_once")
    shutil.copytree(layout.root / "data", at_once.root / "data")
    Fruit().write(at_once)
    record_all(at_once)
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{at_once.root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("fruit").experiment_id
    assert afterwards == content_of(client.search_runs([experiment]))


def content_of(runs):
    """All but how long the steps took, which the files do not tell."""
    return {
        run.info.run_name: (
            run.data.params,
            {name: value for name, value in run.data.metrics.items() if not name.startswith("seconds")},
        )
        for run in runs
    }


@pytest.mark.slow
def test_two_processes_that_begin_a_record_at_once_make_one(tmp_path):
    """On a folder without a database, where both would create one."""
    layout = Layout("fruit", tmp_path)
    Fruit().write(layout)
    code = (
        "import sys; from pathlib import Path; from src.core.files import Layout; from src.tracking import recording\n"
    )
    code += "with recording(sys.argv[1], Layout('fruit', Path(sys.argv[2]))): pass"
    both = [
        subprocess.Popen([sys.executable, "-c", code, step, str(tmp_path)], cwd=ROOT) for step in ("overfit", "report")
    ]
    assert [process.wait() for process in both] == [0, 0]
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("fruit").experiment_id])
    assert len([run for run in runs if "workflow.key" in run.data.tags]) == 1
    assert {run.data.tags["workflow.step"] for run in runs if "workflow.step" in run.data.tags} == {"overfit", "report"}


@pytest.mark.slow
def test_a_lost_database_is_made_again_from_the_files(workspace):
    """In a real workspace, with DVC asked what is up to date."""
    for name in ("mlflow.db", "mlartifacts"):
        path = workspace.root / name
        path.unlink() if path.is_file() else shutil.rmtree(path)
    output = workspace.run("src.tracking", "tiny").stdout
    assert "MLflow holds validate, prepare, baseline, overfit, regularize, evaluate, report of tiny" in output
    workspace.set(search={"budget": 3})
    workspace.run("tasks.define", "tiny")
    output = workspace.run("src.tracking", "tiny").stdout
    assert "regularize: left out" in output
    assert "MLflow holds validate, prepare, baseline, overfit of tiny" in output

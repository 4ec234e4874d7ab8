"""A finished workspace that is moved, and one that is copied: each works where it is, and touches no other folder."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.workspaces import PROBLEM, Workspace, stages_run

pytestmark = pytest.mark.slow
EVALUATE = ("flows.warm_dvc", "repro", f"evaluate@{PROBLEM}")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_folder(workspace: Workspace, folder: Path) -> list[str]:
    """The files of the workspace that name `folder`; compiled modules name their sources."""
    there = [path for path in workspace.root.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return [str(path.relative_to(workspace.root)) for path in there if str(folder).encode() in path.read_bytes()]


def rows_of(workspace: Workspace) -> str:
    """What MLflow's database holds; the file itself may keep what was overwritten."""
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as connection:
        return "\n".join(connection.iterdump())


def works(workspace: Workspace) -> None:
    """Predicting, the registry and the files of two evaluations are there, and in this folder."""
    (workspace.root / "new.csv").write_text("first,second,third\n1,2,3\n")
    predicted = workspace.run("flows.predict", PROBLEM, "new.csv", "out.csv", "--model", "1", "--overwrite")
    assert "1 of 1 rows scored" in predicted.stdout
    client = MlflowClient(f"sqlite:///{workspace.root / 'mlflow.db'}")
    registered = client.search_model_versions(f"name = '{PROBLEM}'")
    places = [client.get_model_version_download_uri(PROBLEM, version.version) for version in registered]
    runs = client.search_runs([client.get_experiment_by_name(PROBLEM).experiment_id], "tags.`workflow.step` != ''")
    assert all(client.list_artifacts(run.info.run_id) for run in runs)
    assert [run.data.tags["workflow.step"] for run in runs].count("evaluate") == 2
    places += [run.info.artifact_uri for run in runs]
    assert all(place.startswith(f"{workspace.root.as_uri()}/mlartifacts/") for place in places)


def test_a_moved_folder_goes_on_where_it_is_now(workspace: Workspace, finished: Workspace):
    assert names_folder(finished, finished.root) == ["mlflow.db"], "nothing else has to be mended"
    now = Workspace(workspace.root.rename(workspace.root.with_name("moved, too")), workspace.environment)
    before = files(finished.root)
    assert stages_run(now.run("dvc", "repro").stdout) == []
    now.set(committee=2)
    now.run(*EVALUATE)
    works(now)
    assert not workspace.root.exists()
    assert str(finished.root) not in rows_of(now)
    assert files(finished.root) == before


def test_a_copy_and_its_original_run_at_once(workspace: Workspace, finished: Workspace, tmp_path: Path):
    """The original's records are brought home first, so that the copy has the addresses of a folder that is there."""
    workspace.run("src.tracking", PROBLEM)
    copy = workspace.copy(tmp_path / "workspace-copy")
    before = files(finished.root)
    workspace.set(committee=2)
    copy.set(committee=3)
    with ThreadPoolExecutor() as pool:
        for run in pool.map(lambda each: each.run(*EVALUATE, check=False), (workspace, copy)):
            assert run.returncode == 0, run.stdout
    for each, other in ((workspace, copy), (copy, workspace)):
        works(each)
        assert f"{other.root}/" not in rows_of(each)
    assert files(finished.root) == before


def test_results_without_records_are_recorded_as_predict_says(workspace: Workspace):
    """As a clone has them after `dvc pull`: DVC finds everything up to date."""
    (workspace.root / "mlflow.db").unlink()
    (workspace.root / "new.csv").write_text("first,second,third\n1,2,3\n")
    predict = ("flows.predict", PROBLEM, "new.csv", "out.csv", "--model", "1")
    told = workspace.run(*predict, check=False)
    assert told.returncode == 1
    assert f"no model on record: `python -m src.tracking {PROBLEM}` records them" in told.stdout
    assert stages_run(workspace.run("dvc", "repro").stdout) == []
    workspace.run("src.tracking", PROBLEM)
    assert "1 of 1 rows scored" in workspace.run(*predict).stdout

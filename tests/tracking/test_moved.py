"""A folder that was moved or copied: its records lead into it, and never into the folder that it was."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from flows.serving.database import prepare
from src.core.errors import UserError
from src.core.files import Layout
from src.scoring.registered import find_model
from src.tracking.database import open_database
from src.tracking.moved import EXPERIMENT_KIND
from src.tracking.recorder import record_steps
from src.tracking.runs import Moment
from tests.postgresql import PASSWORD, Cluster, cluster, needs_postgresql
from tests.tracking.conftest import record
from tests.tracking.result_files import Fruit

__all__ = ["cluster"]


def copied(layout: Layout, to: Path) -> Layout:
    shutil.copytree(layout.root, to)
    return Layout(layout.problem, to)


def dump(layout: Layout) -> str:
    """All that the database holds, as text."""
    with closing(sqlite3.connect(layout.root / "mlflow.db")) as connection:
        return "\n".join(connection.iterdump())


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def client_of(layout: Layout) -> MlflowClient:
    return MlflowClient(f"sqlite:///{layout.root / 'mlflow.db'}")


def step_run(layout: Layout, step: str, client: MlflowClient):
    experiment = client.get_experiment_by_name("fruit")
    (run,) = client.search_runs(
        [experiment.experiment_id], f"tags.`workflow.step` = '{step}'", order_by=["start_time DESC"], max_results=1
    )
    return run


@pytest.fixture
def moved(finished_record: Layout, tmp_path: Path) -> Layout:
    """A finished workflow, recorded in a folder that is gone by now."""
    former = copied(finished_record, tmp_path / "former")
    with open_database(former.root):
        pass
    former.root.rename(tmp_path / "now")
    return Layout("fruit", tmp_path / "now")


def test_the_model_of_a_moved_folder_is_found_before_anything_has_mended_the_records(moved: Layout):
    before = dump(moved)
    model = find_model("fruit", "champion", moved.root)
    assert model.folder.is_relative_to(moved.root)
    assert dump(moved) == before


def test_the_next_record_brings_a_moved_folder_s_records_home(moved: Layout):
    former = moved.root.with_name("former")
    assert str(former) in dump(moved)
    record("report", moved)
    assert not former.exists()
    assert str(former) not in dump(moved)
    client = client_of(moved)
    run = step_run(moved, "evaluate", client)
    assert run.info.artifact_uri.startswith(moved.root.as_uri())
    assert client.list_artifacts(run.info.run_id)
    place = client.get_model_version_download_uri("fruit", "1")
    assert place == find_model("fruit", "1", moved.root).folder.parents[1].as_uri()


def test_a_copy_and_the_folder_it_was_copied_from_record_beside_each_other(finished_record: Layout, tmp_path: Path):
    one = copied(finished_record, tmp_path / "one")
    record("report", one)
    other = copied(one, tmp_path / "one-copied")  # its name begins like that of the first
    for test, layout in ((0.75, other), (1.0, one)):
        before = {each.root: files(each.root) for each in (one, other) if each is not layout}
        Fruit(test=test).write(layout)
        record("evaluate", layout)
        assert {folder: files(folder) for folder in before} == before
    for layout, score in ((one, "network 100.0%"), (other, "network 75.0%")):
        client = client_of(layout)
        newest = max(client.search_model_versions("name = 'fruit'"), key=lambda version: int(version.version))
        assert newest.tags["sealed test"].startswith(score)
        place = client.get_model_version_download_uri("fruit", newest.version)
        assert place.startswith(f"{layout.root.as_uri()}/mlartifacts/fruit/")
        assert find_model("fruit", str(newest.version), layout.root).folder.is_relative_to(layout.root)
        assert step_run(layout, "evaluate", client).info.artifact_uri.startswith(f"{layout.root.as_uri()}/")
    assert f"{one.root}/" not in dump(other)


def test_what_somebody_keeps_elsewhere_stays_there(moved: Layout, tmp_path: Path):
    client, elsewhere = client_of(moved), (tmp_path / "big disk" / "mlartifacts" / "own").as_uri()
    own = client.create_experiment("own", elsewhere)
    run = client.create_run(own)
    record("report", moved)
    assert client.get_experiment(own).artifact_location == elsewhere
    assert client.get_run(run.info.run_id).info.artifact_uri == f"{elsewhere}/{run.info.run_id}/artifacts"


def test_records_of_an_earlier_version_come_home(moved: Layout):
    """Which kept MLflow's experiment Default in `mlruns`, under a plain path."""
    former = moved.root.with_name("former")
    with closing(sqlite3.connect(moved.root / "mlflow.db")) as connection, connection:
        default = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0"
        connection.execute(default, (f"{former}/mlruns/0",))
    record("report", moved)
    assert client_of(moved).get_experiment("0").artifact_location == f"{moved.root}/mlruns/0"


def test_an_experiment_that_a_kill_left_empty_comes_home(layout: Layout, tmp_path: Path):
    elsewhere = tmp_path / "former" / "mlartifacts" / "fruit"
    with open_database(layout.root) as client:
        client.create_experiment("fruit", elsewhere.as_uri(), {EXPERIMENT_KIND: "custom_model_development"})
    record("evaluate", layout)
    assert not elsewhere.exists()


def test_no_file_of_a_registered_model_names_the_folder(finished_record: Layout):
    (described,) = finished_record.root.glob("mlartifacts/fruit/models/*/artifacts/MLmodel")
    text = described.read_text()
    assert "model_code_path: pyfunc.py" in text
    assert str(finished_record.root) not in text
    assert str(Path(__file__).parents[2]) not in text


@pytest.mark.slow
@needs_postgresql
def test_a_database_on_postgresql_is_one_folder_s(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    layout = Layout("fruit", tmp_path / "one")
    layout.root.mkdir()
    layout.params_file.write_text(f"database: {cluster.address}\n")
    Fruit().write(layout)
    prepare(layout.root)
    assert record_steps({"evaluate": Moment(1, 2)}, layout)
    prepare(layout.root)

    (tmp_path / "link").symlink_to(layout.root)
    assert record_steps({"evaluate": Moment(1, 2)}, Layout("fruit", tmp_path / "link"))

    other = copied(layout, tmp_path / "copy")
    with pytest.raises(UserError, match=rf"holds the records of another folder, {layout.root}. .*`createdb`"):
        record_steps({"evaluate": Moment(1, 2)}, other)
    with pytest.raises(UserError, match="another folder"):
        find_model("fruit", "1", other.root)
    with pytest.raises(UserError, match="another folder"):
        prepare(other.root)  # as `make serve` does first
    colleague = Layout("fruit", tmp_path / "clone")
    colleague.root.mkdir()
    shutil.copy(layout.params_file, colleague.params_file)
    Fruit().write(colleague)
    with pytest.raises(UserError, match="another folder"):
        record_steps({"evaluate": Moment(1, 2)}, colleague)

    shutil.rmtree(other.root)
    layout.root.rename(other.root)
    with pytest.raises(UserError, match="another folder"):
        record_steps({"evaluate": Moment(1, 2)}, colleague)
    assert record_steps({"evaluate": Moment(1, 2)}, other)
    assert find_model("fruit", "1", other.root).folder.is_relative_to(other.root)
    assert not layout.root.exists()

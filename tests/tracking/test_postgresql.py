"""Records in PostgreSQL are those in SQLite."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from mlflow import MlflowClient

from src.core.files import Layout
from src.core.steps import RECORDED
from src.tracking import database
from src.tracking.address import tracking_uri
from src.tracking.identity import find_workflow_run, name_of, recorded_key
from src.tracking.recorder import record_steps
from src.tracking.runs import Moment
from tests.postgresql import PASSWORD, Cluster, cluster, needs_postgresql
from tests.tracking.result_files import Fruit

__all__ = ["cluster"]
pytestmark = [pytest.mark.slow, needs_postgresql]


@pytest.fixture(scope="module")
def layout(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    """A finished workflow on record in the cluster's database, which had no tables before."""
    layout = Layout("fruit", tmp_path_factory.mktemp("postgresql"))
    layout.params_file.write_text(f"database: {cluster.address}\n")
    Fruit().write(layout)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PGPASSWORD", PASSWORD)
        assert record_all(layout)
        yield layout


def record_all(layout: Layout) -> bool:
    return record_steps({step: Moment(1000.0 + i, 1001.0 + i) for i, step in enumerate(RECORDED)}, layout)


def content(uri: str) -> list[tuple]:
    client = MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("fruit").experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time", "attributes.run_name"])
    own = ("mlflow.parentRunId", "mlflow.note.content")  # they name runs by their ids
    return [
        (
            run.info.run_name,
            run.info.start_time,
            run.info.end_time,
            run.data.params,
            run.data.metrics,
            {name: value for name, value in run.data.tags.items() if name not in own},
        )
        for run in runs
    ]


def test_both_databases_hold_the_same(layout: Layout, tmp_path: Path):
    other = Layout("fruit", tmp_path)
    Fruit().write(other)
    assert record_all(other)
    assert content(tracking_uri(layout.root)) == content(tracking_uri(other.root))
    assert not (layout.root / "mlflow.db").exists()


def test_the_measure_comes_first_here_too(layout: Layout):
    metrics = [metrics for name, _, _, _, metrics, _ in content(tracking_uri(layout.root)) if name.startswith("fruit-")]
    assert [next(iter(each)) for each in metrics] == ["cv.accuracy"]


def test_the_name_of_a_run_leads_to_it(layout: Layout):
    name = name_of("fruit", recorded_key(layout))
    assert find_workflow_run(layout.root, "fruit", name) is not None
    assert find_workflow_run(layout.root, "fruit", "fruit-00000000") is None


def test_one_records_at_a_time(layout: Layout, cluster: Cluster, monkeypatch, caplog):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    with closing(psycopg2.connect(cluster.address)) as other, other.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock({database._LOCK_NUMBER})")
        with caplog.at_level(logging.WARNING, "workflow"):
            assert not record_steps({"report": Moment(1, 2)}, layout)
    assert "another step has been recording" in caplog.text
    assert record_steps({"report": Moment(1, 2)}, layout)


@pytest.mark.parametrize(
    ("address", "password", "reason"),
    [
        ("postgresql://workflow@127.0.0.1:1/records", PASSWORD, "Connection refused"),
        (None, "wrong", "password authentication failed"),
    ],
    ids=["nobody there", "wrong password"],
)
def test_a_database_out_of_reach_costs_a_warning_and_no_time(
    cluster: Cluster, tmp_path: Path, monkeypatch, caplog, address, password, reason
):
    layout = Layout("fruit", tmp_path)
    layout.params_file.write_text(f"database: {address or cluster.address}\n")
    Fruit().write(layout)
    monkeypatch.setenv("PGPASSWORD", password)
    begin = time.monotonic()
    with caplog.at_level(logging.WARNING, "workflow"):
        assert not record_steps({"overfit": Moment(1, 2)}, layout)
        assert find_workflow_run(tmp_path, "fruit", "fruit-00000000") is None
    assert time.monotonic() - begin < 10
    assert "MLflow did not record overfit of fruit: OperationalError: connection to server at" in caplog.text
    assert reason in caplog.text
    assert "python -m src.tracking fruit" in caplog.text
    assert password not in caplog.text

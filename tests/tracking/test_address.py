"""`database` of params.yaml as an address for MLflow."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from src.core.errors import UserError
from src.core.files import Layout
from src.core.home import home
from src.tracking.address import tracking_uri


def with_database(folder: Path, database: str) -> Path:
    (folder / "params.yaml").write_text(f"problems: []\ndatabase: {database}\n")
    return folder


@pytest.mark.parametrize("text", [None, "problems: []\n", "database: sqlite\n"])
def test_a_file_in_the_repository_is_the_default(tmp_path, text):
    if text:
        (tmp_path / "params.yaml").write_text(text)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_folder_whose_name_would_be_read_as_something_else_is_addressed_from_here(tmp_path, monkeypatch):
    odd = tmp_path / "50%20of #all? e"
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert tracking_uri(odd) == "sqlite:///mlflow.db"


def test_postgresql_gets_a_schema_of_its_own_and_a_limit_on_waiting(tmp_path):
    url = make_url(tracking_uri(with_database(tmp_path, "postgresql://ann@db.example.org:5433/work?sslmode=require")))
    assert (url.drivername, url.username, url.host, url.port, url.database) == (
        "postgresql+psycopg2",
        "ann",
        "db.example.org",
        5433,
        "work",
    )
    assert url.query == {"sslmode": "require", "options": "-csearch_path=mlflow", "connect_timeout": "5"}


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://ann:secret@db/work",
        "postgresql://ann@db/work?password=secret",
        "postgresql://ann@db/work?sslmode=require&p%61ssword=secret",
        "postgresql://ann@db/work?sslpassword=secret",
        "postgres://ann:secret@db",
        "postgresql://ann:secret/w@127.0.0.1/work",
        "postgresql://ann:1/secret@db/work",
        "postgresql://db:secret/work",
        "postgresql:///work?host=db;password=secret",
        "postgresql:///work?host=db%26password=secret",
        "postgresql://ann:a secret@db/work",
        "mysql://db/work?pass=secret",
    ],
)
def test_a_password_in_params_yaml_is_refused_and_not_repeated(tmp_path, database):
    with pytest.raises(UserError, match="PGPASSWORD") as refused:
        tracking_uri(with_database(tmp_path, database))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "database", ["mysql://ann@db/work", "postgresql://db", "postgres", "3", "postgresql://ann:pw@[db/work"]
)
def test_anything_else_is_refused_with_what_it_should_be(tmp_path, database):
    with pytest.raises(UserError, match=r"params.yaml: database: .*should be sqlite or postgresql://user@host/name"):
        tracking_uri(with_database(tmp_path, database))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Path()),
        ({"DVC_ROOT": "/queue"}, Path("/queue")),
        ({"DVC_ROOT": "/copy", "WORKFLOW_HOME": "/user"}, Path("/user")),
    ],
)
def test_records_go_home_from_a_copy(monkeypatch, environment, expected):
    for name in ("DVC_ROOT", "WORKFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert home(Layout("wine")) == expected

"""Registries are made once and copied, since MLflow takes seconds for it; a copy's models lie where the first's do."""

from pathlib import Path

import pytest

from tests.scoring.repository import Repository, make_repository


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Repository:
    """Two versions, the second being the champion. Copy it; write nothing into it."""
    return make_repository(tmp_path_factory.mktemp("made"), empty_database, "binary", versions=2, champion=2)


@pytest.fixture(scope="session")
def made_for_values(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Repository:
    """One version, which is no champion."""
    return make_repository(tmp_path_factory.mktemp("made"), empty_database, "regression", versions=1, champion=None)


@pytest.fixture
def repository(made: Repository, tmp_path: Path) -> Repository:
    return made.copy(tmp_path / "repository")


@pytest.fixture
def for_values(made_for_values: Repository, tmp_path: Path) -> Repository:
    return made_for_values.copy(tmp_path / "repository")

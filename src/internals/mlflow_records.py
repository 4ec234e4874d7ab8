"""MLflow's tables, read and written without its client.

The client writes a run in at least three transactions: a hundred runs take 10.7 s by it and 0.05 s here. Importing
MLflow to look up the versions of a model takes longer than all else that `predict` does: 8.5 s against 0.9 s for the
whole process. (Measured on a busy machine with 2 cores.) Addresses of files cannot be changed by the client at all.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

WRITTEN_FOR = {"mlflow": "3.17.2"}

# Rows that come with MLflow's tables.
FILLED_WHEN_MADE = ("workspaces",)

_ROWS_AT_ONCE = 5000
_VERSIONS = "SELECT version, storage_location FROM model_versions WHERE name = :name AND current_stage <> :deleted"
_ALIAS = "SELECT version FROM registered_model_aliases WHERE name = :name AND alias = :alias"
_TAGS = "SELECT version, value FROM model_version_tags WHERE name = :name AND key = :key"
_DELETED = "Deleted_Internal"
_FIND = """
    SELECT runs.experiment_id, runs.run_uuid FROM runs
    JOIN experiments ON experiments.experiment_id = runs.experiment_id
    JOIN tags ON tags.run_uuid = runs.run_uuid
    WHERE experiments.name = :experiment AND tags.key = :tag AND tags.value LIKE :value
    AND runs.lifecycle_stage = 'active' ORDER BY runs.start_time
"""
_LOCATIONS = """
    SELECT DISTINCT experiments.artifact_location FROM experiments
    LEFT JOIN experiment_tags ON experiment_tags.experiment_id = experiments.experiment_id
    WHERE experiments.experiment_id = 0 OR experiment_tags.key = :tag
"""
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
_MOVE = """
    UPDATE {table} SET {column} = :current || substr({column}, :length + 1) WHERE substr({column}, 1, :length) = :former
"""


def create_tables(address: str, artifacts: str) -> None:
    """Make the tables of records and models in a new database."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(address, artifacts).engine.dispose()


def versions(connection: "Connection", model: str) -> dict[int, str]:
    """The versions of a registered model that are not deleted, with the addresses of their files."""
    rows = _rows(connection, "model_versions", _VERSIONS, name=model, deleted=_DELETED)
    return {int(version): str(place) for version, place in rows}


def version_tags(connection: "Connection", model: str, key: str) -> dict[int, str]:
    """What the tag `key` says of each version that has it."""
    rows = _rows(connection, "model_version_tags", _TAGS, name=model, key=key)
    return {int(version): str(value) for version, value in rows}


def version_called(connection: "Connection", model: str, alias: str) -> int | None:
    """The version that has the alias."""
    rows = _rows(connection, "registered_model_aliases", _ALIAS, name=model, alias=alias)
    return int(rows[0][0]) if rows else None


def find_run(connection: "Connection", experiment: str, tag: str, beginning: str) -> tuple[str, str] | None:
    """The ids of the experiment and of its earliest run whose `tag` has this beginning."""
    rows = _rows(connection, "runs", _FIND, experiment=experiment, tag=tag, value=f"{beginning}%")
    return (str(rows[0][0]), str(rows[0][1])) if rows else None


def locations(connection: "Connection", tag: str) -> list[str]:
    """Where the experiments that have the tag, and the one that MLflow makes itself, keep their files."""
    return [location for (location,) in _rows(connection, "experiment_tags", _LOCATIONS, tag=tag)]


def move_addresses(connection: "Connection", former: str, current: str) -> None:
    """Replace the beginning `former` of every address of a file by `current`."""
    from sqlalchemy import text

    values = {"former": former, "current": current, "length": len(former)}
    for table, column in _ADDRESSES:
        connection.execute(text(_MOVE.format(table=table, column=column)), values)


def insert_runs(address: str, runs: Sequence[Mapping[str, list[dict[str, Any]]]]) -> None:
    """Write finished runs into the database at `address`, all or none.

    Each run is its rows by table: `runs`, `tags`, `params`, `metrics` and `latest_metrics`.
    """
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
    from sqlalchemy import create_engine, insert
    from sqlalchemy.pool import NullPool

    with create_engine(address, poolclass=NullPool).begin() as connection:
        for model in (SqlRun, SqlTag, SqlParam, SqlMetric, SqlLatestMetric):
            rows = [row for run in runs for row in run[model.__tablename__]]
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                connection.execute(insert(model), rows[first : first + _ROWS_AT_ONCE])


def _rows(connection: "Connection", table: str, query: str, **values: str) -> Sequence[Any]:
    """The rows that the query finds; empty while the table does not exist."""
    from sqlalchemy import inspect, text

    return connection.execute(text(query), values).all() if inspect(connection).has_table(table) else []

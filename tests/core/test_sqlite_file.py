import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from src.core.sqlite_file import is_whole, new_database


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_database_is_there_when_it_is_whole_and_not_before(tmp_path: Path):
    path = tmp_path / "records.db"
    with new_database(path) as partial:
        execute(partial, "PRAGMA journal_mode = WAL", "CREATE TABLE runs (name TEXT)")
        assert not is_whole(path)
        assert not path.exists()
    assert is_whole(path)
    assert [each.name for each in tmp_path.iterdir()] == ["records.db"]


def test_a_creation_that_fails_leaves_nothing(tmp_path: Path):
    with pytest.raises(sqlite3.OperationalError), new_database(tmp_path / "records.db") as partial:
        execute(partial, "CREATE TABLE runs (name TEXT)", "CREATE TABLE runs (name TEXT)")
    assert not [*tmp_path.iterdir()]


def test_the_remains_of_a_kill_have_no_part_in_a_new_database(tmp_path: Path):
    path = tmp_path / "records.db"
    execute(path, "CREATE TABLE runs (name TEXT, made_by_a_half_done_migration TEXT)")
    for name in ("records.db-journal", "records.db.new", "records.db.new-wal"):
        (tmp_path / name).write_bytes(b"half" * 1000)
    assert not is_whole(path)
    with new_database(path) as partial:
        execute(partial, "CREATE TABLE runs (name TEXT)")
    execute(path, "INSERT INTO runs VALUES ('one')")
    assert [each.name for each in tmp_path.iterdir()] == ["records.db"]


def test_a_database_that_holds_something_is_whole_whoever_made_it(tmp_path: Path):
    path = tmp_path / "records.db"
    execute(path, "CREATE TABLE alembic_version (v TEXT)", "INSERT INTO alembic_version VALUES ('4')")
    execute(path, "CREATE TABLE workspaces (v TEXT)", "INSERT INTO workspaces VALUES ('default')")
    assert is_whole(path)
    assert not is_whole(path, filled_when_made=["workspaces"])
    execute(path, "CREATE TABLE runs (name TEXT)", "INSERT INTO runs VALUES ('one')")
    assert is_whole(path, filled_when_made=["workspaces"])

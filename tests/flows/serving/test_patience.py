"""A request that the Prefect server answers with 503, because SQLite was busy, is repeated."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from flows.serving.patience import Patient
from flows.serving.same_origin import Message


def asked(method: str, statuses: list[int], fails: bool = False) -> tuple[list[int], list[bytes]]:
    """The statuses that the client sees, and the bodies that the application got; `statuses` are its answers."""
    incoming = [{"type": "http.request", "body": part, "more_body": part == b"a"} for part in (b"a", b"b")]
    sent, bodies, answers = [], [], iter(statuses)

    async def application(scope: Message, receive, send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        bodies.append(body)
        status = next(answers)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"answer"})
        if status == 503 or fails:
            raise sqlite3.OperationalError("database is locked")

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        asyncio.run(Patient(application, (0.0, 0.0))({"type": "http", "method": method}, receive, send))
    except sqlite3.OperationalError:
        assert fails or sent[0]["status"] == 503
    return [message["status"] for message in sent if "status" in message], bodies


def test_it_is_answered_once_the_database_is_free():
    assert asked("POST", [503, 503, 201]) == ([201], [b"ab"] * 3)
    assert asked("POST", [201]) == ([201], [b"ab"])


def test_a_server_that_stays_busy_says_so():
    assert asked("POST", [503, 503, 503]) == ([503], [b"ab"] * 3)


@pytest.mark.parametrize("status", [500, 422])
def test_other_errors_are_told_at_once(status: int):
    assert asked("POST", [status], fails=True) == ([status], [b"ab"])


def test_what_only_reads_is_not_repeated():
    assert asked("GET", [503]) == ([503], [b"ab"])


def test_sqlite_does_not_wait_where_a_reader_becomes_a_writer(tmp_path: Path):
    """Why the server can be busy, however long it is told to wait."""
    one, other = (sqlite3.connect(tmp_path / "a.db", timeout=60, isolation_level=None) for _ in range(2))
    one.execute("PRAGMA journal_mode = WAL")
    one.execute("CREATE TABLE runs (name)")
    one.execute("BEGIN DEFERRED")
    one.execute("SELECT * FROM runs").fetchall()
    other.execute("INSERT INTO runs VALUES ('starts')")
    with pytest.raises(sqlite3.OperationalError) as error:
        one.execute("INSERT INTO runs VALUES ('new')")
    assert error.value.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT"
    one.close()
    other.close()

"""Makes Prefect's tables in an SQLite file, or brings them up to date, before the server opens it.

These are Prefect's own migrations, over a plain connection. Over Prefect's asynchronous one every call, and there are
34,000, is handed to another thread and back, which takes twice as long, and longer still on a busy machine.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy
from prefect.server.database import provide_database_interface
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy import event


def migrate() -> None:
    """Do so for the database of Prefect's settings; nothing for PostgreSQL, where the server does it well by itself."""
    interface = provide_database_interface()
    if not isinstance(interface.database_config, AioSqliteConfiguration):
        return
    plain = _PlainEngine(interface.database_config)

    async def engine() -> _PlainEngine:
        return plain

    interface.engine = engine  # type: ignore[method-assign,assignment]
    try:
        asyncio.run(interface.create_db())
    finally:
        del interface.engine
        plain.engine.dispose()


class _PlainEngine:
    """As much of an asynchronous engine as the migrations use."""

    def __init__(self, configuration: AioSqliteConfiguration) -> None:
        def set_up(connection: Any, record: Any) -> None:
            connection.isolation_level = None  # the migrations begin and end transactions themselves
            configuration.setup_sqlite(connection, record)

        url = sqlalchemy.make_url(configuration.connection_url).set(drivername="sqlite")
        self.engine = sqlalchemy.create_engine(url, paramstyle="named")
        event.listen(self.engine, "connect", set_up)
        event.listen(self.engine, "begin", configuration.begin_sqlite_stmt)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["_PlainConnection"]:
        with self.engine.connect() as connection:
            yield _PlainConnection(connection)


class _PlainConnection:
    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self.connection = connection

    async def run_sync(self, function: Callable[[sqlalchemy.Connection], None]) -> None:
        function(self.connection)

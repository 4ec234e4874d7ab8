"""Where Prefect keeps its records: beside those of MLflow, as `database` in params.yaml says.

`sqlite`: the file .prefect/prefect.db. `postgresql://user@host/name`: the schema `prefect` of that database.
"""

from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from src.errors import UserError
from src.tracking.address import SQLITE, database_setting

SCHEMA = "prefect"
FILE = ".prefect/prefect.db"
# Extensions that the whole database shares lie in `public`.
_SEARCH_PATH = f"{SCHEMA}, public"


def prefect_environment(home: Path) -> dict[str, str]:
    """What tells a Prefect server that is started in the folder `home` where its database is."""
    database = database_setting(home)
    if database == SQLITE:
        return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{FILE}"}
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": urlsplit(database)._replace(scheme="postgresql+asyncpg").geturl(),
        "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_SEARCH_PATH": _SEARCH_PATH,
    }


def prepare(home: Path) -> None:
    """See that the database answers and that Prefect's schema is there; UserError tells what is wrong with it."""
    database = database_setting(home)
    if database == SQLITE:
        (home / FILE).parent.mkdir(exist_ok=True)
        return
    import psycopg2

    try:
        with closing(psycopg2.connect(database, connect_timeout=5)) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            connection.commit()
    except psycopg2.Error as error:
        raise UserError(
            f"params.yaml: database: {database}: {str(error).strip()}\n"
            "The database has to be there and its user allowed to create schemas in it; a password is taken from "
            "PGPASSWORD or ~/.pgpass"
        ) from None

"""Where the records are stored: the one place that turns `database` of params.yaml into an address for MLflow.

`database: sqlite` is a file in the repository's folder and needs no setup. With
`database: postgresql://user@host/name` MLflow's tables are in the schema `mlflow` of that database, separate from those
of Prefect, because some have the same name. The password does not belong in params.yaml, which git keeps: PostgreSQL's
client library reads it from PGPASSWORD or ~/.pgpass.
"""

import os
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from src.core.credentials import fault_of_keys
from src.core.errors import UserError
from src.core.yaml_file import read_yaml

DATABASE, ARTIFACTS, SCHEMA = "mlflow.db", "mlartifacts", "mlflow"
SQLITE = "sqlite"
_CONNECT_SECONDS = 5
_WAY_OUT = "remove it from the address and give it in the variable PGPASSWORD or the file ~/.pgpass"
_ODD = "?#%"  # characters that mean something else in an address than in a folder's name


def tracking_uri(home: Path) -> str:
    """The address of the records of the repository at `home`. Raises UserError for an invalid `database`."""
    database = database_setting(home)
    if database == SQLITE:
        return sqlite_uri(home / DATABASE)
    address = urlsplit(database)
    query = dict(parse_qsl(address.query)) | {"options": f"-csearch_path={SCHEMA}"}
    query.setdefault("connect_timeout", str(_CONNECT_SECONDS))
    return address._replace(scheme="postgresql+psycopg2", query=urlencode(query, quote_via=quote)).geturl()


def sqlite_uri(path: Path) -> str:
    return f"sqlite:///{os.path.relpath(path) if set(_ODD) & set(str(path)) else path}"


def artifacts_uri(home: Path) -> str:
    """The address of the folder with the files of runs and models. It holds until the repository is moved."""
    return (home.resolve() / ARTIFACTS).as_uri()


def database_setting(home: Path) -> str:
    """The key `database` of params.yaml: `sqlite` where it is missing, or the address of a PostgreSQL database."""
    params = home / "params.yaml"
    database = read_yaml(params).get("database", SQLITE) if params.exists() else SQLITE
    if database == SQLITE:
        return SQLITE
    try:
        address = urlsplit(str(database))
    except ValueError:
        raise UserError(
            f"{params}: database: is not an address; it should be sqlite or postgresql://user@host/name"
        ) from None
    if address.password is not None or fault_of_keys(str(database)) is not None:
        raise UserError(f"{params}: database: holds a password, which git would keep; {_WAY_OUT}")
    if "@" in address._replace(netloc="").geturl() or not _has_port(address):
        raise UserError(
            f"{params}: database: the host is followed by an @, or by a port that is not a number up to 65535; if "
            f"that is a password, {_WAY_OUT}"
        )
    if address.scheme != "postgresql" or not address.path.strip("/"):
        raise UserError(f"{params}: database: should be sqlite or postgresql://user@host/name")
    return str(database)


def _has_port(address: SplitResult) -> bool:
    """Whether the port is valid or left out."""
    try:
        return address.port != 0
    except ValueError:
        return False

"""A folder that was moved or copied, with its records.

MLflow keeps absolute addresses of the files of a run. In a folder that has another path now they lead to where it was,
or into the folder that it was copied from. So whoever opens the records first brings the addresses home. Addresses that
do not come from the workflow (an experiment whose files somebody keeps elsewhere) stay.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from src.core.errors import UserError
from src.tracking.address import ARTIFACTS, SQLITE, artifacts_uri, database_setting, tracking_uri

if TYPE_CHECKING:
    from sqlalchemy import Connection

EXPERIMENT_KIND = "mlflow.experimentKind"  # the tag that marks an experiment of the workflow from its first moment

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)
_LOCATIONS = """
    SELECT DISTINCT experiments.artifact_location FROM experiments
    LEFT JOIN experiment_tags ON experiment_tags.experiment_id = experiments.experiment_id
    WHERE experiments.experiment_id = 0 OR experiment_tags.key = :kind
"""

_BRING_HOME = """
    UPDATE {table} SET {column} = :here || substr({column}, :length + 1) WHERE substr({column}, 1, :length) = :former
"""


def moves(connection: "Connection", home: Path) -> dict[str, str]:
    """What addresses in the records begin with, and what they have to begin with in the folder `home`.

    Empty where all is at home. Raises UserError where the records, on PostgreSQL, belong to another folder.
    """
    from sqlalchemy import inspect, text

    here = artifacts_uri(home)
    found: dict[str, str] = {}
    if not inspect(connection).has_table("experiment_tags"):
        return found
    for (location,) in connection.execute(text(_LOCATIONS), {"kind": EXPERIMENT_KIND}):
        address = urlsplit(location)
        folder, _, name = location.rpartition("/")
        former = Path(url2pathname(address.path)).parent
        if address.scheme == "file" and former.name == ARTIFACTS and folder != here:
            _check_ownership(former.parent, home, name)
            found[f"{folder}/"] = f"{here}/"
            found[f"{former.parent}/mlruns/"] = f"{home.resolve()}/mlruns/"  # of MLflow's own experiment, Default
    return found


def at_home(address: str, changes: dict[str, str]) -> str:
    """The address with the beginning that `changes`, from `moves`, have for it."""
    for former, here in changes.items():
        if address.startswith(former):
            return here + address.removeprefix(former)
    return address


def bring_home(home: Path) -> None:
    """Let every address in the records of the folder `home` lead into it. Raises UserError like `moves`."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    with create_engine(tracking_uri(home), poolclass=NullPool).begin() as connection:
        for former, here in moves(connection, home).items():
            values = {"former": former, "here": here, "length": len(former)}
            for table, column in _ADDRESSES:
                connection.execute(text(_BRING_HOME.format(table=table, column=column)), values)


def _check_ownership(former: Path, home: Path, name: str) -> None:
    """A database apart from the folder does not come along when that is copied, or cloned by somebody else.

    The folder was moved where the other one is gone and the files of the records came along.
    """
    database = database_setting(home)
    if database == SQLITE or (former.exists() and former.samefile(home)):  # another path to the same folder
        return
    is_there = (former / "params.yaml").exists() and database_setting(former) == database
    if is_there or not (home / ARTIFACTS / name).exists():
        raise UserError(
            f"{home / 'params.yaml'}: database: {database} holds the records of another folder, {former}. A folder "
            "needs a database of its own: make one with `createdb`, or write `database: sqlite`"
        )

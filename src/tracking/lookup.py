"""Look up the model registry directly in its database, because importing MLflow takes seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from src.core.errors import UserError
from src.internals import mlflow_records
from src.tracking.address import DATABASE, SQLITE, database_setting, tracking_uri
from src.tracking.moved import at_home, moves

CHAMPION = "champion"
STANDING = "promotion"  # the tag with a version's standing and the reason for it, see `src.tracking.promotion`


@dataclass(frozen=True)
class Versions:
    """The versions of a problem's model.

    places: the addresses of their files. standings: what each version is and why, where known.
    """

    places: Mapping[int, str] = field(default_factory=dict)
    standings: Mapping[int, str] = field(default_factory=dict)
    champion: int | None = None

    def __bool__(self) -> bool:
        return bool(self.places)

    @property
    def why(self) -> str:
        """Which version is the champion and why, or why there is none."""
        if self.champion is None:
            newest = max(self.places, default=None)
            reason = self.standings.get(newest) if newest is not None else None
            return f"none; version {newest}, the newest: {reason}" if reason else "none"
        standing = self.standings.get(self.champion, "")
        decided = standing.startswith(f"{CHAMPION}: ")
        reason = standing.removeprefix(f"{CHAMPION}: ") if decided else "somebody gave it the alias in MLflow"
        return f"version {self.champion}: {reason}"


def versions_of(problem: str, home: Path) -> Versions:
    """The versions on record for the repository at `home`. Raises UserError if the database cannot be read."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    if database_setting(home) == SQLITE and not (home / DATABASE).exists():
        return Versions()
    try:
        with create_engine(tracking_uri(home), poolclass=NullPool).connect() as connection:
            changes = moves(connection, home)
            addresses = mlflow_records.versions(connection, problem)
            places = {version: at_home(place, changes) for version, place in addresses.items()}
            tags = mlflow_records.version_tags(connection, problem, STANDING)
            standings = {version: value for version, value in tags.items() if version in places}
            champion = mlflow_records.version_called(connection, problem, CHAMPION)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise UserError(f"the database of the models cannot be read: {reason}; see `database` in params.yaml") from None
    return Versions(places, standings, champion if champion in places else None)

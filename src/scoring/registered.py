"""Find the model to use: a version in MLflow's registry, looked up directly in its database.

This needs no server and does not import MLflow. The model is read in this project's own format (numbers and JSON), so
nothing is executed: neither a pickle nor the code that MLflow stores with it.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from src.core.errors import UserError
from src.core.files import Layout
from src.saved.inference import Model
from src.saved.model_folder import DamagedModelError
from src.saved.saved_model import load_model
from src.tracking.lookup import CHAMPION, versions_of


@dataclass(frozen=True)
class Registered:
    """A version of a problem's model, and the folder of its files. `standing`: what it is and why, if known."""

    problem: str
    version: int
    is_champion: bool
    folder: Path
    standing: str = ""

    def __str__(self) -> str:
        return f"{self.problem} version {self.version}{' (champion)' if self.is_champion else ''}"

    def load(self) -> Model:
        """Load the model. Raises UserError if files are missing or damaged."""
        try:
            return load_model(self.folder)
        except DamagedModelError as error:
            raise UserError(f"{self} cannot be used: {error.reason}; {self._way_out}") from None

    @property
    def _way_out(self) -> str:
        return f"give another version, or register the present results: `python -m src.tracking {self.problem}`"


def find_model(problem: str, model: str, home: Path) -> Registered:
    """The version of `problem` that `model` names: `champion`, or a number. `home`: the repository with the records.

    Raises UserError listing the existing versions if there is no such version.
    """
    if model != CHAMPION and not (model.isascii() and model.isdigit()):
        raise UserError(f"model: {model!r} is neither {CHAMPION!r} nor the number of a version, such as 3")
    registry = versions_of(problem, home)
    versions, champion = registry.places, registry.champion
    if not versions and Layout(problem, home).model.exists():
        raise UserError(
            f"{problem} has results here, but no model on record: `python -m src.tracking {problem}` records them"
        )
    if not versions:
        raise UserError(f"{problem} has no model yet: run its workflow first, `dvc repro` or in the Prefect UI")
    there_are = f"there {'are' if len(versions) > 1 else 'is'} {', '.join(map(str, sorted(versions)))}"
    if model == CHAMPION and champion is None:
        reason = registry.why.removeprefix("none").removeprefix("; ")
        raise UserError(
            f"{problem} has no champion{f' ({reason})' if reason else ''}. Give a version by its number, {there_are}; "
            f"or make one the champion: `make promote problem={problem} version={max(versions)}`"
        )
    version = champion if model == CHAMPION else int(model)
    if version is None or version not in versions:
        raise UserError(f"{problem} has no version {model}; {there_are}")
    place = urlsplit(versions[version])
    if place.scheme != "file":
        raise UserError(f"{problem} version {version} is at {versions[version]}, which is not a folder of this machine")
    folder = Path(url2pathname(place.path)) / "artifacts" / "model"
    return Registered(problem, version, version == champion, folder, registry.standings.get(version, ""))

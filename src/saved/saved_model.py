"""Load a finished model from its folder, whatever it is made of."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from src.saved.inference import Model
from src.saved.model_folder import CARD, DamagedModelError, check_folder
from src.saved.network_model import NetworkCard, NetworkModel
from src.saved.shallow_model import ShallowCard, ShallowModel

_Card = Annotated[NetworkCard | ShallowCard, Field(discriminator="saved")]


def load_model(folder: Path) -> Model:
    """Read a folder that `Model.save` wrote. Nothing in it is executed.

    Raises DamagedModelError, a UserError, naming the file that is missing, has changed, or does not match the others.
    """
    check_folder(folder)
    path = folder / CARD
    try:
        card: NetworkCard | ShallowCard = TypeAdapter(_Card).validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise DamagedModelError(f"{path} does not describe a model of this version: {field}: {first['msg']}") from None
    return ShallowModel.read(card, folder) if isinstance(card, ShallowCard) else NetworkModel.read(card, folder)

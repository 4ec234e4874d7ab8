"""What all pictures of a problem are brought to: one size, grey or colours. Decided by the training rows alone."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from src.errors import UserError
from src.pictures import Shape, look, normalized_files
from src.problem import PrepareSettings
from src.results import Choice
from src.tables import Feature

# The longer side that `auto` gives to pictures of larger or different sizes.
LARGEST = 64


class Encoding(BaseModel):
    """The shape that pictures are brought to; rows: how many training pictures there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int
    height: int
    width: int
    rows: int

    @property
    def shape(self) -> Shape:
        return Shape(self.channels, self.height, self.width)


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The column of pictures with their shape, and what was chosen. Raises UserError for other columns beside it."""
    if len(features) > 1:
        others = [feature.name for feature in features if feature.kind != "image"] or [features[1].name]
        raise UserError(f"pictures are learnt from alone; name the other columns under `drop`: {', '.join(others)}")
    [feature] = features
    shapes = [look(file) for file in train[feature.name]]
    channels = max(shape.channels for shape in shapes)
    sizes = {(shape.height, shape.width) for shape in shapes}
    height, width = (int(np.median([getattr(of, side) for of in shapes])) for side in ("height", "width"))
    longest = LARGEST if settings.image.size == "auto" else settings.image.size
    if settings.image.size != "auto" or max(height, width) > longest:
        by = longest / max(height, width)
        height, width = max(round(height * by), 1), max(round(width * by), 1)
    encoding = Encoding(channels=channels, height=height, width=width, rows=len(train))
    chosen = f"{height} x {width}, {'grey' if channels == 1 else 'in colours'}"
    reason = "as they are" if sizes == {(height, width)} else f"their middle size, no side over {longest} (image.size)"
    choice = Choice(setting=f"size of {feature.name}", chosen=chosen, reason=reason)
    return [feature.model_copy(update={"encoding": encoding.model_dump()})], [choice]


def decoded(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The rows with their pictures decoded once for all, and of one size."""
    columns = {}
    for feature in features:
        shape = Encoding.model_validate(feature.encoding).shape
        columns[feature.name] = pd.Series(
            normalized_files(frame[feature.name].tolist(), shape), index=frame.index, dtype=object
        )
    return frame.assign(**columns)

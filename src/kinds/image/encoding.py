"""What all pictures of a problem are brought to: one size, grey or colours. Decided by the training rows alone.

Shapes: N pictures, F features.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from src.kinds.image.pretrained import Pretrained
from src.pictures import Shape, look, normalized_files
from src.problem import PrepareSettings
from src.results import Choice
from src.tables import Feature

# The longer side that `auto` gives to pictures of larger or different sizes.
LARGEST = 64


class Encoding(BaseModel):
    """The shape that pictures are brought to; rows: how many training pictures there are.

    pretrained: the network whose features of the pictures are learnt from, in place of their pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int
    height: int
    width: int
    rows: int
    pretrained: Pretrained | None = None

    @property
    def shape(self) -> Shape:
        return Shape(self.channels, self.height, self.width)

    def features_of(self, files: Sequence[bytes]) -> NDArray[np.float32]:
        """The pretrained network's features, (N, F); those that follow stored pictures are taken as they are."""
        assert self.pretrained is not None
        begin, end = self._place
        if not all(len(file) == end and file.startswith(self.shape.header) for file in files):
            return self.pretrained.of_pictures(files).astype(np.float32)
        stored = np.frombuffer(b"".join(file[begin:] for file in files), np.float16)
        return stored.reshape(len(files), self.pretrained.features).astype(np.float32)

    def stored(self, files: Sequence[bytes]) -> list[bytes]:
        """Pictures as netpbm files of the shape, followed by their features where there are such."""
        plain = normalized_files(files, self.shape)
        if self.pretrained is None:
            return plain
        found_NF = self.pretrained.of_pictures(files)
        return [file + found_F.tobytes() for file, found_F in zip(plain, found_NF, strict=True)]

    @property
    def _place(self) -> tuple[int, int]:
        """Where the features stand in a stored file."""
        assert self.pretrained is not None
        begin = len(self.shape.header) + self.shape.size
        return begin, begin + 2 * self.pretrained.features


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The column of pictures with their shape, and what was chosen."""
    [feature] = features
    shapes = [look(file) for file in train[feature.name]]
    channels = max(shape.channels for shape in shapes)
    sizes = {(shape.height, shape.width) for shape in shapes}
    height, width = (int(np.median([getattr(of, side) for of in shapes])) for side in ("height", "width"))
    longest = LARGEST if settings.image.size == "auto" else settings.image.size
    if settings.image.size != "auto" or max(height, width) > longest:
        by = longest / max(height, width)
        height, width = max(round(height * by), 1), max(round(width * by), 1)
    named = settings.image.pretrained
    pretrained = None if named == "none" else Pretrained.find(named)
    encoding = Encoding(channels=channels, height=height, width=width, rows=len(train), pretrained=pretrained)
    chosen = f"{height} x {width}, {'grey' if channels == 1 else 'in colours'}"
    reason = "as they are" if sizes == {(height, width)} else f"their middle size, no side over {longest} (image.size)"
    choices = [Choice(setting=f"size of {feature.name}", chosen=chosen, reason=reason)]
    if pretrained is not None:
        reason = f"the features that {named} finds (image.pretrained)"
        choices.append(Choice(setting=f"weights of {named}", chosen=pretrained.weights, reason=reason))
    return [feature.model_copy(update={"encoding": encoding.model_dump()})], choices


def decoded(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The rows with their pictures decoded once for all, and of one size; features are found once for all, too."""
    columns = {}
    for feature in features:
        encoding = Encoding.model_validate(feature.encoding)
        files = encoding.stored(frame[feature.name].tolist())
        columns[feature.name] = pd.Series(files, index=frame.index, dtype=object)
    return frame.assign(**columns)

"""What all pictures of a problem are brought to: one size, grey or colours. Decided by the training rows alone.

Shapes: N pictures, F features.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from src.inputs.picture_file import Row, fits, on_disk
from src.inputs.pictures import AT_ONCE, Shape, look, normalized_files
from src.networks.configurations.pictures import Block
from src.networks.weights import Pretrained
from src.problem.inputs import Image
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.table import Feature

# The longer side that `auto` gives to pictures of larger or different sizes, and the side that it gives to those that a
# pretrained network learns on from: a little smaller than what it was trained with, for three quarters of the time.
LARGEST, FINE_TUNED_SIDE = 64, 192
# How many blocks of a pretrained network learn on where that is `auto`.
BLOCKS = 4


class Encoding(BaseModel):
    """The shape that pictures are brought to; rows: how many training pictures there are.

    pretrained: the networks whose features of the pictures are learnt from, in place of their pixels, joined.
    fine_tune: how many of their last blocks learn on; None: features are found once for all. network: the block of
    convolutional networks, or `auto`. operations: the most that an epoch of a network on the ladder takes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: int
    height: int
    width: int
    rows: int
    pretrained: tuple[Pretrained, ...] = ()
    fine_tune: int | None = None
    network: Block | Literal["auto"] = "auto"
    operations: float = 2e11

    @property
    def shape(self) -> Shape:
        return Shape(self.channels, self.height, self.width)

    @property
    def has_features(self) -> bool:
        """Whether networks see features, found once for all, and not pixels."""
        return bool(self.pretrained) and self.fine_tune is None

    @property
    def features(self) -> int:
        return sum(one.features for one in self.pretrained)

    @property
    def stored_size(self) -> int:
        """Bytes of a stored picture."""
        return len(self.shape.header) + self.shape.size + (2 * self.features if self.has_features else 0)

    def features_of(self, stored: Sequence[bytes | Row]) -> NDArray[np.float32]:
        """The pretrained networks' features, (N, F); those that follow stored pictures are taken as they are."""
        files = [bytes(file) for file in stored]
        begin, end = len(self.shape.header) + self.shape.size, self.stored_size
        if not all(len(file) == end and file.startswith(self.shape.header) for file in files):
            return self._found(files).astype(np.float32)
        found = np.frombuffer(b"".join(file[begin:] for file in files), np.float16)
        return found.reshape(len(files), self.features).astype(np.float32)

    def stored(self, files: Sequence[bytes]) -> list[bytes]:
        """Pictures as netpbm files of the shape, followed by their features where there are such."""
        plain = normalized_files(files, self.shape)
        if not self.has_features:
            return plain
        return [file + found_F.tobytes() for file, found_F in zip(plain, self._found(files), strict=True)]

    def _found(self, files: Sequence[bytes]) -> NDArray[np.float16]:
        return np.hstack([one.of_pictures(files) for one in self.pretrained])


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The column of pictures with their shape, and what was chosen."""
    [feature] = features
    image = settings.image
    pretrained = tuple(Pretrained.find(name) for name in image.backbones)
    shape, choice = _shape_of([look(file) for file in train[feature.name]], image)
    choices = [choice.model_copy(update={"setting": f"size of {feature.name}"})]
    reason = "the features that it finds" if image.fine_tune == "none" else "the network begins with them"
    choices += [
        Choice(setting=f"weights of {of.network}", chosen=of.weights, reason=f"{reason} (image.pretrained)")
        for of in pretrained
    ]
    encoding = Encoding(
        channels=shape.channels,
        height=shape.height,
        width=shape.width,
        rows=len(train),
        pretrained=pretrained,
        fine_tune=None if image.fine_tune == "none" else BLOCKS if image.fine_tune == "auto" else image.fine_tune,
        network=image.network,
        operations=image.operations,
    )
    return [feature.model_copy(update={"encoding": encoding.model_dump(mode="json", exclude_defaults=True)})], choices


def _shape_of(shapes: Sequence[Shape], image: Image) -> tuple[Shape, Choice]:
    """What pictures are brought to: squares in colours where a pretrained network is to learn on from them."""
    if image.fine_tune != "none":
        side = FINE_TUNED_SIDE if image.size == "auto" else image.size
        reason = "what a pretrained network sees (image.fine_tune, image.size)"
        return Shape(3, side, side), Choice(setting="", chosen=f"{side} x {side}, in colours", reason=reason)
    channels = max(shape.channels for shape in shapes)
    sizes = {(shape.height, shape.width) for shape in shapes}
    height, width = (int(np.median([getattr(of, side) for of in shapes])) for side in ("height", "width"))
    longest = LARGEST if image.size == "auto" else image.size
    if image.size != "auto" or max(height, width) > longest:
        by = longest / max(height, width)
        height, width = max(round(height * by), 1), max(round(width * by), 1)
    chosen = f"{height} x {width}, {'grey' if channels == 1 else 'in colours'}"
    reason = "as they are" if sizes == {(height, width)} else f"their middle size, no side over {longest} (image.size)"
    return Shape(channels, height, width), Choice(setting="", chosen=chosen, reason=reason)


def decoded(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The rows with their pictures decoded once for all, and of one size; features are found once for all, too."""
    columns = {}
    for feature in features:
        encoding = Encoding.model_validate(feature.encoding)
        files = frame[feature.name].tolist()
        parts = (encoding.stored(files[start : start + AT_ONCE]) for start in range(0, len(files), AT_ONCE))
        if fits(len(files) * encoding.stored_size):
            stored: list[bytes] | list[Row] = [file for part in parts for file in part]
        else:
            stored = on_disk(parts, feature.name)
        columns[feature.name] = pd.Series(stored, index=frame.index, dtype=object)
    return frame.assign(**columns)

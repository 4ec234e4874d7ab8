"""The common form of all pictures of a problem: one size, grey or in colours. Only the training rows decide it.

Shapes: N pictures, F features.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.stored import Stored
from src.inputs.picture_file import Row, fits, on_disk
from src.inputs.pictures import AT_ONCE, Shape, look, normalized_files
from src.kinds.tabular.vectorizer import Categories
from src.networks.configurations.pictures import Block
from src.networks.pretrained import Pretrained
from src.problem.inputs import Image, Likelihood
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.columns import label_texts
from src.tables.table import Feature

# The longer side that `auto` gives to pictures of larger or different sizes, and where they are rebuilt: the time that
# principal components take grows with the cube of the pixels.
LARGEST, LARGEST_REBUILT = 64, 32
# The side of pictures for fine-tuning: a little smaller than those of the pretraining, in three quarters of the time.
FINE_TUNED_SIDE = 192
# The networks that draw pictures of a class.
OF_A_CLASS: Likelihood = "flow_matching"
# How many blocks of a pretrained network are fine-tuned if that is `auto`.
BLOCKS = 4


class Encoding(Stored):
    """The shape that pictures are converted to. rows: the number of training pictures.

    pretrained: the networks whose features replace the pixels, side by side. fine_tune: how many of their last blocks
    are fine-tuned; None: features are computed once. network: the block of convolutional networks, or `auto`.
    operations: the most that an epoch of a network on the ladder takes. unit: whether networks see pixels from 0 to 1
    instead of normalized ones. likelihood: which networks give pictures a probability, or draw them. given: the column
    whose classes pictures are drawn of; classes: those of the training rows, besides which there may be others.
    """

    channels: int
    height: int
    width: int
    rows: int
    pretrained: tuple[Pretrained, ...] = ()
    fine_tune: int | None = None
    network: Block | Literal["auto"] = "auto"
    operations: float = 2e11
    unit: bool = False
    likelihood: Likelihood = "vae"
    given: str | None = None
    classes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        return Shape(self.channels, self.height, self.width)

    @property
    def has_features(self) -> bool:
        """Whether networks see features, computed once, instead of pixels."""
        return bool(self.pretrained) and self.fine_tune is None

    @property
    def features(self) -> int:
        return sum(network.features for network in self.pretrained)

    @property
    def stored_size(self) -> int:
        """The number of bytes of a stored picture."""
        return len(self.shape.header) + self.shape.size + (2 * self.features if self.has_features else 0)

    def features_of(self, stored: Sequence[bytes | Row]) -> NDArray[np.float32]:
        """The pretrained networks' features, (N, F). Stored pictures contain them already."""
        files = [bytes(file) for file in stored]
        begin, end = len(self.shape.header) + self.shape.size, self.stored_size
        if not all(len(file) == end and file.startswith(self.shape.header) for file in files):
            return self._computed(files).astype(np.float32)
        values = np.frombuffer(b"".join(file[begin:] for file in files), np.float16)
        return values.reshape(len(files), self.features).astype(np.float32)

    def stored(self, files: Sequence[bytes]) -> list[bytes]:
        """Pictures as netpbm files of the shape, followed by their features if networks see these."""
        plain = normalized_files(files, self.shape)
        if not self.has_features:
            return plain
        return [file + values_F.tobytes() for file, values_F in zip(plain, self._computed(files), strict=True)]

    def _computed(self, files: Sequence[bytes]) -> NDArray[np.float16]:
        return np.hstack([network.of_pictures(files) for network in self.pretrained])


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The column of pictures with their shape, and the choices made."""
    [feature] = features
    image, of_pixels = settings.image, settings.problem_type.networks in ("rebuild", "likelihood")
    if of_pixels and image.backbones:
        raise UserError(f"image.pretrained: type {settings.type} is about pixels, not features; remove this key")
    pretrained = tuple(Pretrained.find(name) for name in image.backbones)
    largest = LARGEST_REBUILT if settings.problem_type.networks == "rebuild" else LARGEST
    shape, choice = _shape_of([look(file) for file in train[feature.name]], image, largest)
    choices = [choice.model_copy(update={"setting": f"size of {feature.name}"})]
    reason = "the features that it finds" if image.fine_tune == "none" else "the network begins with them"
    choices += [
        Choice(setting=f"weights of {network.network}", chosen=network.weights, reason=f"{reason} (image.pretrained)")
        for network in pretrained
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
        unit=of_pixels,
        likelihood=_likelihood(settings),
        given=settings.given,
        classes=() if settings.given is None else _classes(train[settings.given]),
    )
    return [feature.model_copy(update={"encoding": encoding.model_dump(mode="json", exclude_defaults=True)})], choices


def _likelihood(settings: PrepareSettings) -> Likelihood:
    """The networks: `auto` are variational autoencoders, or where pictures are drawn of a class those that can."""
    if settings.given is None:
        return "vae" if settings.likelihood == "auto" else settings.likelihood
    if settings.likelihood not in ("auto", OF_A_CLASS):
        raise UserError(
            f"likelihood: {settings.likelihood} draws pictures of no class; choose {OF_A_CLASS}, or remove `given`"
        )
    return OF_A_CLASS


def _classes(values_N: pd.Series) -> tuple[str, ...]:
    classes = Categories.fit(str(values_N.name), label_texts(values_N)).categories
    if len(classes) < 2:
        raise UserError(
            f"given: the training rows hold {len(classes)} class of {values_N.name!r} often enough to learn from; name "
            "a column of several classes, or remove the key"
        )
    return tuple(classes)


def _shape_of(shapes: Sequence[Shape], image: Image, largest: int) -> tuple[Shape, Choice]:
    """The shape that pictures are converted to: squares in colours for fine-tuning. largest: what `auto` allows."""
    if image.fine_tune != "none":
        side = FINE_TUNED_SIDE if image.size == "auto" else image.size
        reason = "what a pretrained network sees (image.fine_tune, image.size)"
        return Shape(3, side, side), Choice(setting="", chosen=f"{side} x {side}, in colours", reason=reason)
    channels = max(shape.channels for shape in shapes)
    sizes = {(shape.height, shape.width) for shape in shapes}
    height, width = (int(np.median([getattr(shape, side) for shape in shapes])) for side in ("height", "width"))
    longest = largest if image.size == "auto" else image.size
    if image.size != "auto" or max(height, width) > longest:
        factor = longest / max(height, width)
        height, width = max(round(height * factor), 1), max(round(width * factor), 1)
    chosen = f"{height} x {width}, {'grey' if channels == 1 else 'in colours'}"
    reason = "as they are" if sizes == {(height, width)} else f"their middle size, no side over {longest} (image.size)"
    return Shape(channels, height, width), Choice(setting="", chosen=chosen, reason=reason)


def decoded(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The rows with their pictures decoded and resized once; their features are computed once, too."""
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

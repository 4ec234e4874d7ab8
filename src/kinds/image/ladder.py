"""The capacity ladder of pictures.

Book: "Introduction to deep learning for computer vision": a dense network first, then convolutions, wider and deeper.
"""

from collections.abc import Callable, Sequence
from typing import Any

from src.kinds.image.encoding import Encoding
from src.kinds.tabular.ladder import ladder as dense_ladder
from src.networks import Configuration
from src.networks.configurations.fine_tuned import FineTunedConfiguration
from src.networks.configurations.pictures import Block, ConvnetConfiguration, DenseOnPicturesConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

FEWEST_RUNGS = 3
_BLOCKS: tuple[Block, ...] = ("plain", "plain", "double", "residual")
# Multiplications and additions of a block for each pixel, by its channels and filters.
_OF_A_PIXEL: dict[str, Callable[[int, int], float]] = {
    "plain": lambda channels, filters: 9 * channels * filters,
    "double": lambda channels, filters: 9 * (channels + filters) * filters,
    "residual": lambda channels, filters: 9 * (channels + filters) * filters,
    "separable": lambda channels, filters: (9 + filters) * channels,
    "xception": lambda channels, filters: (9 + 2 * filters) * channels + (9 + filters) * filters,
    "inception": lambda channels, filters: (0.8 * channels + 1.9 * filters) * filters,
}


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> Sequence[Configuration]:
    """A dense network, one like LeNet (LeCun et al. 1998), then convnets with more filters and deeper blocks.

    Features of a pretrained network need only a small dense network. With fine-tuning, a network on frozen features
    comes first, then more and more blocks learn.
    """
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    if encoding.has_features:
        return dense_ladder(features, settings, training)
    first = 4 * settings.first_units
    shared: dict[str, Any] = {"activation": training.activation, "dropout": 0.0, "augmentation": "none"}
    if encoding.fine_tune is not None:
        weights = {network.network: network.weights for network in encoding.pretrained}
        blocks = sorted({0, encoding.fine_tune // 2, encoding.fine_tune})[: settings.max_rungs]
        return [FineTunedConfiguration(units=[first], weights=weights, learnt=count, **shared) for count in blocks]
    shared |= {"size": [encoding.height, encoding.width]}
    rungs: list[Configuration] = [
        DenseOnPicturesConfiguration(units=[2 * first], **shared),
        ConvnetConfiguration(units=[first // 2, first], kernel=5, normalize=False, **shared),
    ]
    while len(rungs) < settings.max_rungs:
        named = _BLOCKS[min(len(rungs) - 2, len(_BLOCKS) - 1)]
        block, filters = named if encoding.network == "auto" else encoding.network, first * 2 ** ((len(rungs) - 1) // 2)
        units = [filters * 2**place for place in range(_blocks(encoding))]
        if len(rungs) >= FEWEST_RUNGS and _operations(units, block, encoding) * encoding.rows > encoding.operations:
            break
        rungs.append(ConvnetConfiguration(units=units, block=block, kernel=3, normalize=True, **shared))
    return rungs[: settings.max_rungs]


def _blocks(encoding: Encoding) -> int:
    """The number of convolutions, each of which halves the picture, until it is about 4 pixels wide."""
    return max((min(encoding.height, encoding.width) // 4).bit_length(), 1)


def _operations(units: Sequence[int], block: str, encoding: Encoding) -> int:
    """Multiplications and additions of the convolutions on a picture in a forward pass."""
    pixels, channels, operations = encoding.height * encoding.width, encoding.channels, 0
    for filters in units:
        operations += int(pixels * _OF_A_PIXEL[block](channels, filters))
        pixels, channels = pixels // 4, filters
    return operations


def options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    """Further options of the search: how pictures change in training. None for precomputed features, and changes of
    colours only for pictures in colours."""
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    if encoding.has_features:
        return {}
    return {"augmentation": ("none", "move", "mirror", "shear", *(["colour"] if encoding.channels == 3 else []))}

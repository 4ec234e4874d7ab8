"""The capacity ladder of autoencoders of pictures."""

from collections.abc import Sequence
from typing import Any

from src.kinds.image.encoding import Encoding
from src.networks import Configuration
from src.networks.configurations.autoencoder import (
    ConvolutionalAutoencoderConfiguration,
    DensePictureAutoencoderConfiguration,
)
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

FEWEST_RUNGS = 3
# Multiplications and additions of a convolution and its counterpart in the decoder, by place, channel and filter. Both
# have a stride of 2, so there is a place for each pixel of the halved picture.
OF_A_PLACE = 2 * 9


def autoencoders(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> Sequence[Configuration]:
    """A linear one, which equals principal components; one with a hidden layer; then convolutions of doubling width."""
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    first = 4 * settings.first_units
    shared: dict[str, Any] = {"activation": training.activation, "size": [encoding.height, encoding.width]}
    shared |= {"dropout": 0.0, "noise": 0.0}
    rungs: list[Configuration] = [
        DensePictureAutoencoderConfiguration(units=units, **shared, tied=False) for units in ([], [8 * first])
    ]
    while len(rungs) < settings.max_rungs:
        filters = first // 2 * 2 ** (len(rungs) - 2)
        units = [filters, 2 * filters]
        if len(rungs) >= FEWEST_RUNGS and _operations(units, encoding) * encoding.rows > encoding.operations:
            break
        rungs.append(ConvolutionalAutoencoderConfiguration(units=units, **shared))
    return rungs[: settings.max_rungs]


def _operations(units: Sequence[int], encoding: Encoding) -> int:
    """Multiplications and additions of the convolutions on a picture in a forward pass."""
    height, width, channels, operations = encoding.height, encoding.width, encoding.channels, 0
    for filters in units:
        height, width = -(-height // 2), -(-width // 2)
        operations += OF_A_PLACE * height * width * channels * filters
        channels = filters
    return operations

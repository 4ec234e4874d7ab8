"""The capacity ladder of pictures.

Book: "Introduction to deep learning for computer vision": a dense network first, then convolutions, wider and deeper.
"""

from collections.abc import Sequence
from typing import Any

from src.kinds.image.encoding import Encoding
from src.kinds.tabular.ladder import ladder as dense_ladder
from src.problem import OverfitLadder, Training
from src.tables import Feature

# A network is on the ladder while one epoch of it takes at most so many multiplications and additions. On a core of a
# CPU 10**12 of them, with all that training needs beside, take about four minutes.
MOST_OPERATIONS = 2e11
FEWEST_RUNGS = 3
_BLOCKS = ("plain", "plain", "double", "residual")


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[dict[str, Any]]:
    """A dense network, one like LeNet (LeCun et al. 1998), then convnets with more filters and deeper blocks.

    What a pretrained network found needs a small dense network only.
    """
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    if encoding.pretrained is not None:
        return dense_ladder(features, settings, training)
    first = 4 * settings.first_units
    shared: dict[str, Any] = {"size": [encoding.height, encoding.width], "activation": training.activation}
    shared |= {"dropout": 0.0, "augmentation": "none"}
    rungs: list[dict[str, Any]] = [
        {"kind": "dense_on_pictures", "units": [2 * first]},
        {"kind": "convnet", "units": [first // 2, first], "kernel": 5, "normalize": False},
    ]
    while len(rungs) < settings.max_rungs:
        block, filters = _BLOCKS[min(len(rungs) - 2, len(_BLOCKS) - 1)], first * 2 ** ((len(rungs) - 1) // 2)
        units = [filters * 2**place for place in range(_blocks(encoding))]
        if len(rungs) >= FEWEST_RUNGS and _operations(units, block, encoding) * encoding.rows > MOST_OPERATIONS:
            break
        rungs.append({"kind": "convnet", "units": units, "block": block, "kernel": 3, "normalize": True})
    return [rung | shared for rung in rungs[: settings.max_rungs]]


def _blocks(encoding: Encoding) -> int:
    """Convolutions, each of which halves the picture, until it is about 4 pixels wide."""
    return max((min(encoding.height, encoding.width) // 4).bit_length(), 1)


def _operations(units: Sequence[int], block: str, encoding: Encoding) -> int:
    """Multiplications and additions of the convolutions on a picture, forwards."""
    pixels, channels, found = encoding.height * encoding.width, encoding.channels, 0
    for filters in units:
        found += 9 * pixels * (channels if block == "plain" else channels + filters) * filters
        pixels, channels = pixels // 4, filters
    return found


def options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    """What else the search tries: how pictures change while a network learns. Features are found before."""
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    return {} if encoding.pretrained is not None else {"augmentation": ("none", "move", "mirror")}

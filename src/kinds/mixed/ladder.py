"""The capacity ladder of inputs of several kinds.

Book: "The Keras functional API": multi-input models: an encoder for each input, what they find joined, dense layers.
"""

from collections.abc import Sequence

from src.kinds.mixed.parts import Part
from src.kinds.tabular.ladder import ladder as dense_ladder
from src.networks.configurations.joined import JoinedConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature


def ladder(
    parts: Sequence[Part], features: Sequence[Feature], settings: OverfitLadder, training: Training
) -> list[JoinedConfiguration]:
    """On every rung the parts' networks of that rung, joined by a dense layer; a shorter ladder stays at its top."""
    ladders = [part.kind.ladders["predict"](part.features, settings, training) for part in parts]
    dense = dense_ladder(features, settings, training)[: max(len(of) for of in ladders)]
    rungs = []
    for number, rung in enumerate(dense):
        encoders = [of[min(number, len(of) - 1)] for of in ladders]
        rungs.append(JoinedConfiguration(**(rung.settings | {"units": rung.units[:1], "encoders": encoders})))
    return rungs

"""The capacity ladder of inputs of several kinds.

Book: "The Keras functional API": multi-input models: an encoder for each input, joined by dense layers.
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
    """On every rung the parts' networks of that rung, joined by a dense layer. Short ladders repeat their top."""
    ladders = [part.kind.ladders["predict"](part.features, settings, training) for part in parts]
    dense = dense_ladder(features, settings, training)[: max(len(rungs_of_part) for rungs_of_part in ladders)]
    rungs = []
    for number, rung in enumerate(dense):
        encoders = [rungs_of_part[min(number, len(rungs_of_part) - 1)] for rungs_of_part in ladders]
        rungs.append(JoinedConfiguration(**(rung.settings | {"units": rung.units[:1], "encoders": encoders})))
    return rungs

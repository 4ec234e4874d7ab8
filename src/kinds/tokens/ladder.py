"""The capacity ladder of sentences: recurrent layers, and layers that read characters, double in width."""

from collections.abc import Sequence
from typing import Any

from src.kinds.tokens.encoding import Encoding
from src.networks.configurations.tagger import TaggerConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

# Units of a recurrent layer, both directions together, for each unit of a dense network of similar capacity.
UNITS = 8
# Wider layers need a GPU: a layer of 256 units takes a minute on a CPU for an epoch of 200,000 words.
MOST_UNITS = 128


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[TaggerConfiguration]:
    encoding = Encoding.model_validate(features[0].encoding)
    shared: dict[str, Any] = {
        "reader": encoding.network,
        "layers": encoding.layers,
        "characters": encoding.characters,
        "activation": training.activation,
        "dropout": 0.0,
        "word_dropout": 0.0,
    }
    doubled = [UNITS * settings.first_units * 2**rung for rung in range(settings.max_rungs)]
    sizes = [units for units in doubled if units <= MOST_UNITS] or doubled[:1]
    return [TaggerConfiguration(**shared, units=[units], embedding=units, character_units=units) for units in sizes]


def options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    """Further options of the search: the share of words that count as unknown in training."""
    return {"word_dropout": (0.0, 0.1, 0.25)}

"""The capacity ladder of texts.

Book: "Deep learning for text": a bag of words needs only a small dense network, and sequences an embedding first.
"""

from collections.abc import Sequence
from typing import Any

from src.kinds.recurrent import recurrent_options
from src.kinds.tabular.ladder import ladder as dense_ladder
from src.kinds.text.encoding import Encoding
from src.networks import Configuration
from src.networks.configurations.bag_of_words import BagOfWordsConfiguration
from src.networks.configurations.sequences import SequenceConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

SMALLEST_EMBEDDING = 16


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> Sequence[Configuration]:
    """The rungs of tables, with a first layer for sparse inputs, or one that reads sequences."""
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    rungs = dense_ladder(features, settings, training)
    if encoding.encoding != "sequence":
        return [BagOfWordsConfiguration(**rung.settings) for rung in rungs]
    reads = {"reader": encoding.network, "tokens": encoding.vocabulary} | encoding.options
    reads |= {name: values[0] for name, values in options(features).items()}
    if encoding.vectors is not None:
        reads |= {"embedding": encoding.vectors.size, "frozen": encoding.vectors.train is not True}
        return [SequenceConfiguration(**(rung.settings | reads)) for rung in rungs]
    sizes = [max(4 * rung.units[0], SMALLEST_EMBEDDING) for rung in rungs]
    return [
        SequenceConfiguration(**(rung.settings | reads), embedding=size)
        for rung, size in zip(rungs, sizes, strict=True)
    ]


def options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    """Further options of the search: whether word vectors learn, and dropout of a recurrent layer's state."""
    if features[0].encoding["encoding"] == "read_on":
        return {}
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    tried: dict[str, Sequence[Any]] = {}
    if encoding.vectors is not None and encoding.vectors.train == "auto":
        tried["frozen"] = (True, False)
    if encoding.encoding == "sequence":
        tried |= recurrent_options(encoding.network, encoding.options)
    return tried

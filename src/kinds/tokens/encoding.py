"""How words become numbers: by the problem's settings, and by the column of their sentences."""

from typing import Literal

import pandas as pd

from src.core.errors import UserError
from src.core.stored import Stored
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.columns import feature_type
from src.tables.table import Feature


class Encoding(Stored):
    """The network that reads the words, and the size of the vocabulary."""

    vocabulary: int
    network: Literal["lstm", "gru"]
    layers: int
    characters: Literal["lstm", "convolution", "none"]


def with_sentences(train: pd.DataFrame, features: list[Feature], settings: PrepareSettings) -> list[Feature]:
    """If a feature is words: it, and the column of their sentences, which a model needs, too. Else the same features.

    Raises UserError for a column besides the words.
    """
    words = [feature for feature in features if feature.type == "token"]
    if not words:
        return features
    assert settings.groups is not None, "`Problem` refuses words without sentences"
    others = [feature for feature in features if feature != words[0]]
    if others:
        role = "a second column of words" if others[0].type == "token" else others[0].type
        raise UserError(f"columns: {others[0].name!r} is {role}, and words are read alone; name it under `drop`")
    sentence = Feature(name=settings.groups, type=feature_type(train[settings.groups], None))
    return [feature.model_copy(update={"sentence": settings.groups}) for feature in (*words, sentence)]


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The features with the encoding of the words."""
    tokens = settings.tokens
    encoding = Encoding(
        vocabulary=tokens.vocabulary, network=tokens.network, layers=tokens.layers, characters=tokens.characters
    )
    words, sentence = features
    return [words.model_copy(update={"encoding": encoding.model_dump()}), sentence], []

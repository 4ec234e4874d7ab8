"""The functions of a kind of input (see `src.kinds.kind.Kind`) for a problem with several kinds: its parts answer.

Every function takes the parts first; `src.kinds.registry` binds them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.pictures import PICTURE
from src.inputs.vectors import WordVectors
from src.kinds.kind import Kind
from src.kinds.mixed.vectorizer import MixedVectorizer
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.table import Feature


@dataclass(frozen=True)
class Part:
    """Columns that go into the network together, and their kind of input."""

    name: str
    kind: Kind
    features: list[Feature]


@dataclass(frozen=True)
class Fits:
    """Fits a vectorizer of all parts."""

    parts: Sequence[Part]

    def fit(self, frame: pd.DataFrame, features: Sequence[Feature]) -> MixedVectorizer:
        return MixedVectorizer(parts=[part.kind.vectorizer.fit(frame, part.features) for part in self.parts])


def encode(
    parts: Sequence[Part], train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The features of all parts in their order, each encoded by its kind."""
    encoded: list[Feature] = []
    choices: list[Choice] = []
    for part in parts:
        part_features, part_choices = part.kind.encode(train, part.features, settings)
        encoded += part_features
        choices += part_choices
    return encoded, choices


def store(parts: Sequence[Part], frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    for part in parts:
        frame = part.kind.store(frame, part.features)
    return frame


def options(parts: Sequence[Part], features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    """The options of all parts. Parts with the same option get the same value."""
    return {name: values for part in parts for name, values in part.kind.options(part.features).items()}


def start(parts: Sequence[Part], vectorizer: MixedVectorizer, vectors: WordVectors) -> dict[str, NDArray[np.float32]]:
    pairs = zip(parts, vectorizer.parts, strict=True)
    return {
        f"encoders.{number}.{name}": value
        for number, (part, fitted) in enumerate(pairs)
        for name, value in part.kind.start(fitted, vectors).items()
    }


def shallow_features(parts: Sequence[Part], features: Sequence[Feature]) -> list[Feature]:
    return [feature for part in parts for feature in part.kind.shallow_features(part.features)]


def shown(parts: Sequence[Part], frame: pd.DataFrame, features: Sequence[Feature]) -> "pd.Series[str]":
    """The row's picture if it has one, otherwise its texts, one after another."""
    cells = [part.kind.shown(frame, part.features) for part in parts if part.kind.shown is not None]
    pictures = [cell for cell in cells if cell.str.startswith(PICTURE).all()]
    first, *others = pictures[:1] or cells
    return first.str.cat(others, sep=" / ") if others else first

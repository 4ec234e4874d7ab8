"""Vectorize rows with several kinds of input: the inputs of every part, side by side."""

from typing import Any, Literal

import pandas as pd

from src.core.stored import Stored
from src.inputs.sparse import Joined
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.tabular.vectorizer import AnyColumn, TabularVectorizer
from src.kinds.text.vectorizer import TextVectorizer


class MixedVectorizer(Stored):
    """The fitted vectorizers of all parts; JSON in, JSON out, no pickle."""

    kind: Literal["mixed"] = "mixed"
    parts: list[ImageVectorizer | TextVectorizer | TabularVectorizer]

    @property
    def columns(self) -> list[AnyColumn]:
        """The columns of the tabular part."""
        return [column for part in self.parts for column in part.columns]

    def transform(self, frame: pd.DataFrame) -> Joined:
        parts: list[Any] = [part.transform(frame) for part in self.parts]
        return Joined(tuple(parts))

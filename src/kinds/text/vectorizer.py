"""Vectorize texts: bags of n-grams as sparse columns, or sequences of numbered tokens. Shapes: N rows, D inputs."""

import zlib
from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.stored import Stored
from src.inputs.sparse import SparseRows
from src.kinds.tabular.vectorizer import AnyColumn
from src.kinds.text.bag import Bag, Hashed
from src.kinds.text.encoding import Encoding
from src.kinds.text.language import Characters, Reading
from src.kinds.text.tokens import FIRST, NONE, PADDING, UNKNOWN, Ids, Tokens, number
from src.problem.inputs import ReadingOrder
from src.tables.table import Feature


class Ordered(Stored):
    """Texts as sequences of `length` numbers. Longer texts are cut at their end, shorter ones padded there.

    order: of the remaining tokens. Shuffling depends only on the text itself.
    """

    tokens: Tokens
    length: int
    vocabulary: list[str]
    order: ReadingOrder = Field("onward", exclude_if=lambda order: order == "onward")

    @classmethod
    def fit(cls, texts: Sequence[str], encoding: Encoding) -> Self:
        """The most frequent tokens by the number of texts with them, ties in alphabetical order."""
        words = Bag.fit(texts, encoding.tokens, 1, "multi_hot", encoding.vocabulary - FIRST)
        return cls(tokens=encoding.tokens, length=encoding.length, vocabulary=words.vocabulary, order=encoding.order)

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        x_NL = np.full((len(texts), self.length), PADDING, dtype=np.float32)
        numbered, _ = number(texts, self.tokens, self.vocabulary)
        starts = np.searchsorted(numbered.text_S, np.arange(len(texts) + 1))
        for row, (start, end) in enumerate(zip(starts[:-1], starts[1:] - 1, strict=True)):
            ids = numbered.ids_S[start : min(end, start + self.length)]
            x_NL[row, : len(ids)] = self._turned(np.where(ids == NONE, UNKNOWN, ids + FIRST))
        return x_NL

    def _turned(self, ids: Ids) -> Ids:
        if self.order == "shuffled":
            return np.random.default_rng(zlib.crc32(ids.tobytes())).permutation(ids)
        return ids[::-1] if self.order == "reversed" else ids


class TextVectorizer(Stored):
    """A fitted column of text; JSON in, JSON out, no pickle."""

    kind: Literal["text"] = "text"
    name: str
    by: Annotated[Bag | Hashed | Ordered | Characters, Field(union_mode="smart")]

    @property
    def columns(self) -> list[AnyColumn]:
        """The columns that are not text."""
        return []

    @classmethod
    def fit(cls, frame: pd.DataFrame, features: Sequence[Feature]) -> Self:
        """Learn every statistic from the rows of `frame`, and from nothing else."""
        [feature] = features
        texts = _texts(frame[feature.name])
        if feature.encoding["encoding"] == "read_on":
            reading = Reading.model_validate(feature.encoding)
            return cls(name=feature.name, by=Characters.fit(texts, reading.follows))
        encoding = Encoding.model_validate(feature.encoding)
        match encoding.encoding:
            case "sequence":
                return cls(name=feature.name, by=Ordered.fit(texts, encoding))
            case "hashed":
                hashed = Hashed(tokens=encoding.tokens, longest=encoding.ngrams, columns=encoding.vocabulary)
                return cls(name=feature.name, by=hashed)
            case weighting:
                bag = Bag.fit(texts, encoding.tokens, encoding.ngrams, weighting, encoding.vocabulary)
                bag.check(feature.name)
                return cls(name=feature.name, by=bag.of_unit_squares() if encoding.unit else bag)

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32] | SparseRows:
        """The rows of `frame` as (N, D) inputs: sparse for bags, dense for a sequence."""
        texts = _texts(frame[self.name])
        if isinstance(self.by, Characters):
            numbered = self.by.follows in frame
            return self.by.transform(texts, frame[self.by.follows].to_numpy(np.float64) if numbered else None)
        x_ND = self.by.transform(texts)
        if isinstance(x_ND, np.ndarray):
            return x_ND
        rows = SparseRows(x_ND)
        # Half the memory, and some of scikit-learn's models accept only 32-bit positions.
        rows.indices, rows.indptr = rows.indices.astype(np.int32), rows.indptr.astype(np.int32)
        return rows


def _texts(values_N: "pd.Series[str]") -> list[str]:
    return values_N.fillna("").tolist()

"""Texts as inputs: bags of n-grams as sparse columns, or sequences of numbered tokens. Shapes: N rows, D inputs."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_array, hstack

from src.errors import UserError
from src.kinds.tabular.vectorizer import AnyColumn, TabularVectorizer
from src.kinds.text.bag import Bag, Hashed
from src.kinds.text.encoding import Encoding
from src.kinds.text.tokens import FIRST, NONE, PADDING, UNKNOWN, Tokens, number
from src.sparse import Inputs, SparseRows
from src.tables import Feature


class Ordered(BaseModel):
    """Texts as sequences of `length` numbers; what is longer is cut at its end, what is shorter padded there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: Tokens
    length: int
    vocabulary: list[str]

    @classmethod
    def fit(cls, texts: Sequence[str], encoding: Encoding) -> Self:
        """The most frequent tokens by the number of texts that have them, ties by their text."""
        words = Bag.fit(texts, encoding.tokens, 1, "multi_hot", encoding.vocabulary - FIRST)
        return cls(tokens=encoding.tokens, length=encoding.length, vocabulary=words.vocabulary)

    def transform(self, texts: Sequence[str]) -> NDArray[np.float32]:
        x_NL = np.full((len(texts), self.length), PADDING, dtype=np.float32)
        numbered, _ = number(texts, self.tokens, self.vocabulary)
        starts = np.searchsorted(numbered.text_S, np.arange(len(texts) + 1))
        for row, (start, end) in enumerate(zip(starts[:-1], starts[1:] - 1, strict=True)):
            ids = numbered.ids_S[start : min(end, start + self.length)]
            x_NL[row, : len(ids)] = np.where(ids == NONE, UNKNOWN, ids + FIRST)
        return x_NL


class TextColumn(BaseModel):
    """A fitted column of text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    by: Annotated[Bag | Hashed | Ordered, Field(union_mode="smart")]

    @classmethod
    def fit(cls, name: str, texts: Sequence[str], encoding: Encoding) -> Self:
        match encoding.encoding:
            case "sequence":
                return cls(name=name, by=Ordered.fit(texts, encoding))
            case "hashed":
                hashed = Hashed(tokens=encoding.tokens, longest=encoding.ngrams, columns=encoding.vocabulary)
                return cls(name=name, by=hashed)
            case weighting:
                bag = Bag.fit(texts, encoding.tokens, encoding.ngrams, weighting, encoding.vocabulary)
                return cls(name=name, by=bag)


class TextVectorizer(BaseModel):
    """Fitted columns of text, and of the table beside them; JSON in, JSON out, no pickle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["text"] = "text"
    texts: list[TextColumn]
    table: TabularVectorizer

    @property
    def columns(self) -> list[AnyColumn]:
        """The columns that are no text."""
        return self.table.columns

    @classmethod
    def fit(cls, frame: pd.DataFrame, features: Sequence[Feature]) -> Self:
        """Learn every statistic from the rows of `frame`, and from nothing else.

        Raises UserError where sequences are not the only input.
        """
        texts = [
            TextColumn.fit(feature.name, _texts(frame[feature.name]), Encoding.model_validate(feature.encoding))
            for feature in features
            if feature.kind == "text"
        ]
        if len(features) > 1 and any(isinstance(of.by, Ordered) for of in texts):
            raise UserError(
                "text.encoding: sequences are read alone; choose a bag (tf_idf), which other columns can join, or name "
                "the other columns under `drop`"
            )
        table = [feature for feature in features if feature.kind != "text"]
        return cls(texts=texts, table=TabularVectorizer.fit(frame, table))

    def transform(self, frame: pd.DataFrame) -> Inputs:
        """The rows of `frame` as (N, D) inputs: sparse for bags, dense for a sequence."""
        parts = [of.by.transform(_texts(frame[of.name])) for of in self.texts]
        if isinstance(parts[0], np.ndarray):
            return parts[0]
        if self.table.columns:
            parts.append(csr_array(self.table.transform(frame)))
        x_ND = SparseRows(hstack(parts, format="csr", dtype=np.float32))
        # Half the memory, and some of scikit-learn's models take no longer positions.
        x_ND.indices, x_ND.indptr = x_ND.indices.astype(np.int32), x_ND.indptr.astype(np.int32)
        return x_ND


def _texts(values_N: "pd.Series[str]") -> list[str]:
    return values_N.fillna("").tolist()

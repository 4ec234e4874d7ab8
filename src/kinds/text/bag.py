"""A text as a bag of n-grams: one column for each of the most frequent, without the order of words.

Book: "Deep learning for text": multi-hot, counts and TF-IDF of words and word pairs. Shapes: N texts, V columns.
"""

import math
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array

from src.core.errors import UserError
from src.core.stored import Stored
from src.kinds.text.tokens import Ids, Tokens, number

Weighting = Literal["multi_hot", "count", "tf_idf"]

# The length of TF-IDF rows: that of a row with a hundred n-grams marked by 1. With the usual length 1 a network takes
# three times as many epochs at the book's learning rate.
LENGTH = 10.0


class Bag(Stored):
    """The n-grams that have a column, and their weights; JSON in, JSON out.

    N-grams outside the vocabulary are ignored. length: that of TF-IDF rows. Source of the weights: Salton and Buckley
    1988, "Term-weighting approaches in automatic text retrieval".
    """

    tokens: Tokens
    longest: int
    weighting: Weighting
    vocabulary: list[str]
    weights: list[float]
    length: float = Field(LENGTH, exclude_if=lambda length: length == LENGTH)

    @classmethod
    def fit(cls, texts: Sequence[str], tokens: Tokens, longest: int, weighting: Weighting, columns: int) -> Self:
        """Take the `columns` n-grams of up to `longest` tokens that most texts contain, ties in alphabetical order."""
        numbered, words = number(texts, tokens)
        grams: list[tuple[int, str]] = []
        for size in range(1, longest + 1):
            keys, of_text = numbered.grams(size, len(words))
            distinct, counts = _texts_with(keys, of_text, len(texts))
            enough = _at_least(counts, columns)
            parts = _digits(distinct[enough], size, len(words))
            joined = (_SEPARATOR[tokens].join(words[i] for i in row) for row in parts.tolist())
            grams += zip((-counts[enough]).tolist(), joined, strict=True)
        chosen = sorted(grams)[:columns]
        weights = [1.0] * len(chosen)
        if weighting == "tf_idf":
            weights = [math.log((1 + len(texts)) / (1 - negative)) + 1 for negative, _ in chosen]
        return cls(
            tokens=tokens,
            longest=longest,
            weighting=weighting,
            vocabulary=[gram for _, gram in chosen],
            weights=weights,
        )

    def check(self, column: str) -> None:
        """Raise UserError if no n-gram has a column, for then every text is the same."""
        if not self.vocabulary:
            raise UserError(
                f"column {column!r}: {'no word' if self.tokens == 'words' else 'no character'} stands in two of the "
                "texts to learn from, so they have nothing in common"
                + ("; try `text: {tokens: characters}`, or" if self.tokens == "words" else ";")
                + " name the column under `drop`"
            )

    def of_unit_squares(self) -> Self:
        """The same bag, but with TF-IDF rows whose squares have a mean of 1, as those of standardized columns have."""
        return self.model_copy(update={"length": max(len(self.vocabulary), 1) ** 0.5})

    @cached_property
    def _words(self) -> list[str]:
        return sorted({token for gram in self.vocabulary for token in self._split(gram)})

    @cached_property
    def _columns(self) -> list[tuple[Ids, Ids]]:
        """For each size of n-grams: their numbers in order, and their columns."""
        places = {word: i for i, word in enumerate(self._words)}
        columns_by_size = []
        for size in range(1, self.longest + 1):
            keys, columns = [], []
            for column, gram in enumerate(self.vocabulary):
                parts = self._split(gram)
                if len(parts) == size:
                    key = 0
                    for part in parts:
                        key = key * len(places) + places[part]
                    keys.append(key)
                    columns.append(column)
            order = np.argsort(keys)
            columns_by_size.append((np.array(keys, dtype=np.int64)[order], np.array(columns, dtype=np.int64)[order]))
        return columns_by_size

    def _split(self, gram: str) -> list[str]:
        return gram.split(" ") if self.tokens == "words" else list(gram)

    def transform(self, texts: Sequence[str]) -> csr_array:
        """The texts as sparse rows (N, V)."""
        numbered, _ = number(texts, self.tokens, self._words)
        rows, columns = [], []
        for size, (keys, of_key) in enumerate(self._columns, start=1):
            if not len(keys):
                continue
            grams, of_text = numbered.grams(size, len(self._words))
            positions = np.searchsorted(keys, grams).clip(max=len(keys) - 1)
            known = keys[positions] == grams
            rows.append(of_text[known])
            columns.append(of_key[positions[known]])
        if not rows:
            return csr_array((len(texts), len(self.vocabulary)), dtype=np.float32)
        return weighted(
            np.concatenate(rows),
            np.concatenate(columns),
            (len(texts), len(self.vocabulary)),
            self.weighting,
            np.array(self.weights),
            self.length,
        )


class Hashed(Stored):
    """N-grams in columns by their checksum: without a vocabulary or any learning, several n-grams share a column.

    Source: Weinberger et al. 2009, "Feature hashing for large scale multitask learning".
    """

    tokens: Tokens
    longest: int
    columns: int

    def transform(self, texts: Sequence[str]) -> csr_array:
        numbered, words = number(texts, self.tokens)
        rows, columns = [], []
        for size in range(1, self.longest + 1):
            keys, of_text = numbered.grams(size, len(words))
            distinct, positions = np.unique(keys, return_inverse=True)
            parts = _digits(distinct, size, len(words)).tolist()
            joined = (_SEPARATOR[self.tokens].join(words[i] for i in row) for row in parts)
            hashes = np.array([zlib.crc32(gram.encode()) % self.columns for gram in joined], dtype=np.int64)
            rows.append(of_text)
            columns.append(hashes[positions])
        shape = (len(texts), self.columns)
        return weighted(np.concatenate(rows), np.concatenate(columns), shape, "count", np.ones(self.columns))


_SEPARATOR: dict[Tokens, str] = {"words": " ", "characters": ""}


def weighted(
    rows: Ids,
    columns: Ids,
    shape: tuple[int, int],
    weighting: Weighting,
    weights_V: NDArray[np.float64],
    length: float = LENGTH,
) -> csr_array:
    """Occurrences of n-grams as rows: 1 for any, their counts, or TF-IDF of that length.

    Counts enter as 1 + ln(count), so that the tenth occurrence adds less than the first.
    """
    x_NV = csr_array((np.ones(len(rows), dtype=np.float64), (rows, columns)), shape=shape)
    x_NV.sum_duplicates()
    x_NV.data = np.ones_like(x_NV.data) if weighting == "multi_hot" else 1 + np.log(x_NV.data)
    if weighting == "tf_idf":
        x_NV.data *= weights_V[x_NV.indices]
        length_N = np.sqrt(np.add.reduceat(np.append(x_NV.data**2, 0.0), x_NV.indptr[:-1].clip(max=len(x_NV.data))))
        length_N[np.diff(x_NV.indptr) == 0] = 1.0
        x_NV.data *= length / np.repeat(length_N, np.diff(x_NV.indptr))
    x_NV.data = x_NV.data.astype(np.float32)
    return x_NV


def _texts_with(keys: Ids, of_text: Ids, texts: int) -> tuple[Ids, Ids]:
    """The distinct keys in order, and the number of texts with each."""
    if len(keys) and int(keys.max()) >= 2**62 // texts:
        names, keys = np.unique(keys, return_inverse=True)
        distinct, counts = _texts_with(keys, of_text, texts)
        return names[distinct], counts
    # Sorting numbers is many times as fast as sorting positions by them.
    pairs = np.sort(keys * texts + of_text)
    first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    keys = pairs[first] // texts
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    return keys[starts], np.diff(np.append(starts, len(keys)))


def _at_least(counts: Ids, most: int) -> NDArray[np.bool_]:
    """The keys that may have the `most` highest counts, ties included, and occur in more than one text."""
    if len(counts) <= most:
        return counts > 1
    return counts >= max(int(np.partition(counts, -most)[-most]), 2)


def _digits(keys: Ids, size: int, base: int) -> Ids:
    """The tokens' numbers (n-grams, size) that keys consist of."""
    parts = []
    for _ in range(size):
        keys, part = np.divmod(keys, base)
        parts.append(part)
    return np.column_stack(parts[::-1])

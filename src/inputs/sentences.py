"""Sentences as inputs of networks: the words of each as numbers, and how they are spelled.

Shapes: N words, sentence after sentence; F different forms; C characters of the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def begins(sentence_N: pd.Series) -> NDArray[np.bool_]:
    """At which rows another sentence begins, by the column that tells them apart."""
    numbers_N = pd.factorize(sentence_N, use_na_sentinel=False)[0]
    return np.append(True, np.diff(numbers_N) != 0)[: len(numbers_N)]


def torn(sentence_N: pd.Series) -> NDArray[np.bool_]:
    """The rows of a sentence that goes on after another one: where in it would their words stand?"""
    begins_N = begins(sentence_N)
    first_S = sentence_N[begins_N]
    torn_S = (first_S.duplicated() & first_S.notna()).to_numpy(bool)
    return torn_S[begins_N.cumsum() - 1]


@dataclass(frozen=True)
class Sentences:
    """Vectorized words.

    words_N: numbers of the vocabulary, which has so many. sentence_N: numbers that differ from one sentence to the
    next. form_N: which of the `forms` a word is; characters_FC: their characters as numbers, 0 after the last.
    """

    words_N: Ids
    sentence_N: Ids
    form_N: Ids
    forms: Sequence[str]
    characters_FC: NDArray[np.uint8]
    vocabulary: int

    # Why they are trained one network after another.
    looped = "sentences are not stacked: they differ in length"

    def __len__(self) -> int:
        return len(self.words_N)

    @property
    def shape(self) -> tuple[int, int]:
        """Words, and the numbers that they may have."""
        return len(self), self.vocabulary

    def __getitem__(self, rows: slice) -> "Sentences":
        return replace(self, words_N=self.words_N[rows], sentence_N=self.sentence_N[rows], form_N=self.form_N[rows])

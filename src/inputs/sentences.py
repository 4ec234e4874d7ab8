"""Sentences as inputs of networks: the words of each as numbers, and their spelling.

Shapes: N words, sentence after sentence; F distinct forms; C characters of the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def begins(sentence_N: pd.Series) -> NDArray[np.bool_]:
    """The rows at which a sentence begins, by the column that identifies sentences."""
    numbers_N = pd.factorize(sentence_N, use_na_sentinel=False)[0]
    return np.append(True, np.diff(numbers_N) != 0)[: len(numbers_N)]


def torn(sentence_N: pd.Series) -> NDArray[np.bool_]:
    """The rows of sentences that continue after another one. The place of their words in the sentence is unknown."""
    begins_N = begins(sentence_N)
    first_S = sentence_N[begins_N]
    torn_S = (first_S.duplicated() & first_S.notna()).to_numpy(bool)
    return torn_S[begins_N.cumsum() - 1]


@dataclass(frozen=True)
class Sentences:
    """Vectorized words.

    words_N: numbers below `vocabulary`. sentence_N: numbers that differ from one sentence to the next. form_N: the
    position of each word in `forms`. characters_FC: the characters of the forms as numbers, 0 after the last.
    """

    words_N: Ids
    sentence_N: Ids
    form_N: Ids
    forms: Sequence[str]
    characters_FC: NDArray[np.uint8]
    vocabulary: int

    # Why their networks are trained one after another.
    looped = "sentences are not stacked: they differ in length"

    def __len__(self) -> int:
        return len(self.words_N)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of words, and the size of the vocabulary."""
        return len(self), self.vocabulary

    def __getitem__(self, rows: slice) -> "Sentences":
        return replace(self, words_N=self.words_N[rows], sentence_N=self.sentence_N[rows], form_N=self.form_N[rows])

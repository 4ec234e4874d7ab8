"""Vectorize words: their numbers in a vocabulary, and the numbers of their characters. Shapes: N words."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.stored import Stored
from src.inputs.sentences import Sentences, begins
from src.kinds.tabular.vectorizer import AnyColumn
from src.kinds.tokens.encoding import Encoding
from src.tables.table import Feature

# Rarer words and characters count as unknown, so that a network learns to deal with unknown ones.
FEWEST = 2
# Numbers of words: unknown, and the first in the vocabulary. Of characters: the same, and how many there are in all. As
# in src.networks.tagger.
UNKNOWN_WORD, FIRST_WORD = 0, 1
UNKNOWN_CHARACTER, FIRST_CHARACTER, CHARACTERS = 1, 2, 256
# The most characters read at the beginning and at the end of a word.
BEGINNING = 8


class TokenVectorizer(Stored):
    """The vocabulary of words in lower case, and the alphabet, both by frequency; JSON in, JSON out, no pickle."""

    kind: Literal["token"] = "token"
    word: str
    sentence: str
    vocabulary: list[str]
    alphabet: str

    @property
    def columns(self) -> list[AnyColumn]:
        """The columns that are not words."""
        return []

    @classmethod
    def fit(cls, frame: pd.DataFrame, features: Sequence[Feature]) -> Self:
        """Learn words and characters from the rows of `frame`, and from nothing else."""
        word = features[0]
        encoding = Encoding.model_validate(word.encoding)
        forms = Counter(_forms(frame[word.name]))
        words, characters = Counter[str](), Counter[str]()
        for form, count in forms.items():
            words[form.lower()] += count
            for character in form:
                characters[character] += count
        return cls(
            word=word.name,
            sentence=str(word.sentence),
            vocabulary=_frequent(words, encoding.vocabulary - FIRST_WORD),
            alphabet="".join(_frequent(characters, CHARACTERS - FIRST_CHARACTER)),
        )

    @cached_property
    def _words(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, start=FIRST_WORD)}

    @cached_property
    def _characters(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.alphabet, start=FIRST_CHARACTER)}

    def transform(self, frame: pd.DataFrame) -> Sentences:
        """The rows of `frame` in their order. A new sentence begins wherever its name changes."""
        form_N, distinct = pd.factorize(np.array(_forms(frame[self.word]), dtype=object))
        forms: list[str] = list(distinct)
        word_F = np.array([self._words.get(form.lower(), UNKNOWN_WORD) for form in forms], dtype=np.int64)
        return Sentences(
            words_N=word_F[form_N],
            sentence_N=begins(frame[self.sentence]).cumsum(),
            form_N=form_N.astype(np.int64),
            forms=forms,
            characters_FC=self._spelled(forms),
            vocabulary=len(self.vocabulary) + FIRST_WORD,
        )

    def _spelled(self, forms: Sequence[str]) -> NDArray[np.uint8]:
        """The characters of each form; an empty form has an unknown one."""
        shortened = [form if len(form) <= 2 * BEGINNING else form[:BEGINNING] + form[-BEGINNING:] for form in forms]
        characters_FC = np.zeros((len(forms), max(map(len, shortened), default=1) or 1), dtype=np.uint8)
        characters_FC[:, 0] = UNKNOWN_CHARACTER
        for row, form in enumerate(shortened):
            characters_FC[row, : len(form)] = [self._characters.get(character, UNKNOWN_CHARACTER) for character in form]
        return characters_FC


def _forms(values_N: "pd.Series[str]") -> list[str]:
    return values_N.fillna("").tolist()


def _frequent(counts: Counter[str], most: int) -> list[str]:
    """The texts that occur often enough, the most frequent first, ties in alphabetical order."""
    enough = ((-count, text) for text, count in counts.items() if count >= FEWEST)
    return [text for _, text in islice(sorted(enough), most)]

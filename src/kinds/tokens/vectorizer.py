"""Words as inputs: numbers of a vocabulary, and of the characters that they are spelled with. Shapes: N words."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from src.inputs.sentences import Sentences, begins
from src.kinds.tabular.vectorizer import AnyColumn
from src.kinds.tokens.encoding import Encoding
from src.tables.table import Feature

# A word or character of which there are fewer is unknown, so that what unknown ones mean is learnt, too.
FEWEST = 2
# Numbers of words: one that is not in the vocabulary, the first that is. Of characters: none, as well. As in
# src.networks.tagger.
UNKNOWN_WORD, FIRST_WORD = 0, 1
UNKNOWN_CHARACTER, FIRST_CHARACTER, CHARACTERS = 1, 2, 256
# Of a longer word its beginning and its end are read, so many characters of each.
BEGINNING = 8


class TokenVectorizer(BaseModel):
    """The vocabulary of words in lower case, and the alphabet, both by frequency; JSON in, JSON out, no pickle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["token"] = "token"
    word: str
    sentence: str
    vocabulary: list[str]
    alphabet: str

    @property
    def columns(self) -> list[AnyColumn]:
        """The columns that are no words."""
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
        """The rows of `frame` in their order; where the sentence changes, another begins."""
        form_N, found = pd.factorize(np.array(_forms(frame[self.word]), dtype=object))
        forms: list[str] = list(found)
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
        """The characters of each form; of an empty one, an unknown one."""
        shortened = [form if len(form) <= 2 * BEGINNING else form[:BEGINNING] + form[-BEGINNING:] for form in forms]
        characters_FC = np.zeros((len(forms), max(map(len, shortened), default=1) or 1), dtype=np.uint8)
        characters_FC[:, 0] = UNKNOWN_CHARACTER
        for row, form in enumerate(shortened):
            characters_FC[row, : len(form)] = [self._characters.get(one, UNKNOWN_CHARACTER) for one in form]
        return characters_FC


def _forms(values_N: "pd.Series[str]") -> list[str]:
    return values_N.fillna("").tolist()


def _frequent(counts: Counter[str], most: int) -> list[str]:
    """What is there often enough, the most frequent first, ties by their text."""
    enough = ((-count, text) for text, count in counts.items() if count >= FEWEST)
    return [text for _, text in islice(sorted(enough), most)]

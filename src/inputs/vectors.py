"""Read word vectors from a text file in the format of GloVe and word2vec.

Book: "Using pretrained word embeddings". Sources: Mikolov et al. 2013, "Efficient estimation of word representations in
vector space"; Pennington, Socher and Manning 2014, "GloVe: Global vectors for word representation".
Shapes: W words, E numbers per word.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.files import intact


@dataclass(frozen=True)
class WordVectors:
    """Words, and their vectors_WE in the same order."""

    words: list[str]
    vectors_WE: NDArray[np.float32]

    @property
    def size(self) -> int:
        return self.vectors_WE.shape[1]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def of(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of these words, (W, E); NaN for a word without one."""
        places = np.array([self._places.get(word, -1) for word in words], dtype=np.intp)
        found_WE = np.full((len(words), self.size), np.nan, dtype=np.float32)
        found_WE[places >= 0] = self.vectors_WE[places[places >= 0]]
        return found_WE

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, words=np.array(self.words, dtype=np.str_), vectors=self.vectors_WE)

    @classmethod
    def load(cls, path: Path) -> "WordVectors":
        with intact(path), np.load(path, allow_pickle=False) as stored:
            return cls(stored["words"].tolist(), stored["vectors"])


def read_vectors(path: Path, wanted: Collection[str], shown: str) -> WordVectors:
    """The vectors of the words in `wanted` that the file has, in its order; the first one if a word occurs twice.

    A line is a word, a space, and E numbers. word2vec's first line, the number of words and E, is skipped. shown: the
    user's name for the file. Raises UserError naming a line of another length, or an invalid number of a wanted word.
    """
    vectors: dict[str, NDArray[np.float32]] = {}
    size = 0
    # Some files hold words whose bytes are not UTF-8. No text contains them.
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            fields = line.rstrip().split(" ")
            if number == 1 and len(fields) == 2 and all(field.isdecimal() for field in fields):
                size = int(fields[1])
                continue
            size = size or len(fields) - 1
            numbers = fields[-size:]
            # A word may contain spaces (". . ." is one of GloVe's), but does not end in numbers.
            if size < 1 or len(fields) <= size or (len(fields) > size + 1 and _is_number(fields[-size - 1])):
                raise UserError(
                    f"{shown} line {number}: a word and {max(size, 1)} numbers are expected, "
                    f"found {_counted(fields)}; mend the line or leave it out"
                )
            word = " ".join(fields[:-size])
            if word in wanted and word not in vectors:
                vectors[word] = _vector(numbers, word, f"{shown} line {number}")
    if not size:
        raise UserError(f"{shown} is empty; it should hold a word and its numbers on every line")
    vectors_WE = np.stack(list(vectors.values())) if vectors else np.empty((0, size), dtype=np.float32)
    return WordVectors(list(vectors), vectors_WE)


def _vector(numbers: Sequence[str], word: str, where: str) -> NDArray[np.float32]:
    try:
        vector_E = np.array(numbers, dtype=np.float32)
    except ValueError:
        vector_E = np.full(len(numbers), np.nan, dtype=np.float32)
    if not np.isfinite(vector_E).all():
        odd = next(text for text in numbers if not (_is_number(text) and np.isfinite(np.float32(text))))
        raise UserError(f"{where}: {odd!r} among the numbers of {word!r} is none; mend the line or leave it out")
    return vector_E


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _counted(fields: Sequence[str]) -> str:
    numbers = sum(_is_number(field) for field in fields[1:])
    return f"a word and {numbers} number{'' if numbers == 1 else 's'}" if any(fields) else "an empty line"

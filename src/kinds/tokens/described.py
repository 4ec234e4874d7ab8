"""Words for shallow models: the word itself, its spelling and its neighbours.

Source of the features: Ratnaparkhi 1996, "A maximum entropy model for part-of-speech tagging"; they are hashed, see
Weinberger et al. 2009, "Feature hashing for large scale multitask learning".
Shapes: N words, F distinct forms, T features of one, D columns.
"""

import re
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from src.inputs.sentences import Sentences

COLUMNS = 2**18
SUFFIXES, PREFIXES = 4, 2
# The neighbours of a word, by their distance. Their features are the word, its last letters and its shape.
NEIGHBOURS = (-2, -1, 1, 2)


def described(x: Sentences) -> csr_array:
    """The features of each word, (N, D): 1 for each that it has."""
    word_FT = _hashed([list(_of_word(form)) for form in x.forms])
    neighbour_FT = _hashed([list(_of_neighbour(form)) for form in x.forms])
    parts = [word_FT[x.form_N]]
    for distance in NEIGHBOURS:
        at_N = np.arange(len(x)) + distance
        inside_N = at_N.clip(0, len(x) - 1)
        exists_N = (at_N == inside_N) & (x.sentence_N[inside_N] == x.sentence_N)
        # Different columns for each distance, and one for the end of the sentence.
        columns_NT = (neighbour_FT[x.form_N[inside_N]] * 31 + (distance + 3) * 7919) % COLUMNS
        parts.append(np.where(exists_N[:, None], columns_NT, (distance + 3) * 104_729 % COLUMNS))
    columns_NT = np.concatenate(parts, axis=1)
    starts = np.arange(0, columns_NT.size + 1, columns_NT.shape[1], dtype=np.int32)
    ones = np.ones(columns_NT.size, dtype=np.float32)
    rows = csr_array((ones, columns_NT.ravel().astype(np.int32), starts), shape=(len(x), COLUMNS))
    rows.sum_duplicates()
    return rows


def _of_word(form: str) -> Iterator[str]:
    word = form.lower()
    yield f"form {form}"
    yield f"word {word}"
    yield f"shape {_shape(form)}"
    yield from (f"suffix {word[-size:]}" for size in range(1, SUFFIXES + 1))
    yield from (f"prefix {word[:size]}" for size in range(1, PREFIXES + 1))
    yield "any"


def _of_neighbour(form: str) -> Iterator[str]:
    word = form.lower()
    yield f"word {word}"
    yield f"suffix {word[-3:]}"
    yield f"shape {_shape(form)}"


def _shape(form: str) -> str:
    """The form with letters as x or X and digits as 0, none more than twice in a row."""
    shape = "".join(
        "0" if character.isdigit() else "X" if character.isupper() else "x" if character.isalpha() else character
        for character in form
    )
    return re.sub(r"(.)\1+", r"\1\1", shape)


def _hashed(features: list[list[str]]) -> NDArray[np.int64]:
    return np.array(
        [[zlib.crc32(feature.encode()) % COLUMNS for feature in form_features] for form_features in features],
        dtype=np.int64,
    )

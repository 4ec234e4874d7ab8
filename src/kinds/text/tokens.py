"""From texts to tokens, and from tokens to numbered n-grams.

Book: "Deep learning for text": standardizing and splitting. The result for a text depends only on that text.
Shapes: N texts, S tokens of all texts one after another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from src.tables.columns import UNSPACED

Tokens = Literal["words", "characters"]
Ids = NDArray[np.int64]

# Replacements in a text in lower case before it is split: HTML tags are removed, "don't" is one word, and marks that
# express feeling are words.
_STANDARD = ((r"<[^<>]{1,200}>", " "), (r"['’\x{fe00}-\x{fe0f}]", ""), (r"([!?])", r" \1 "))
# Before these, where characters are words.
_UNSPACED = ((rf"({UNSPACED}\p{{M}}*)", r" \1 "), ("！", "!"), ("？", "?"))
_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}_!?]+"
# The number between two texts, so that no n-gram spans both, and of tokens outside the vocabulary.
NONE = -1
# Numbers in a sequence: padding after a short text, a token outside the vocabulary, the first token in it.
PADDING, UNKNOWN, FIRST = 0, 1, 2  # as in src.networks.sequences


def tokens_of(texts: Sequence[str], tokens: Tokens) -> pa.Array:
    """The tokens of each text in lower case, as lists: words, or characters with white space collapsed.

    Where a script puts no space between words, each character is a word; pairs of them come close to its words.
    """
    values = pc.utf8_lower(pa.array(texts, pa.large_string()))
    if tokens == "characters":
        return pa.array([list(" ".join(text.split())) for text in values.to_pylist()], pa.large_list(pa.string()))
    unspaced = pc.any(pc.match_substring_regex(values, UNSPACED), min_count=0).as_py()
    for pattern, replacement in (*(_UNSPACED if unspaced else ()), *_STANDARD):
        values = pc.replace_substring_regex(values, pattern, replacement)
    return pc.split_pattern_regex(pc.utf8_trim_whitespace(values), _BETWEEN_WORDS)


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers. ids_S: the number of every token, and NONE after each text and for unknown tokens. text_S: the
    text (from 0) of every token."""

    ids_S: Ids
    text_S: Ids

    def grams(self, size: int, words: int) -> tuple[Ids, Ids]:
        """The n-grams of `size` known tokens, each as one number in base `words`, and their texts."""
        count = max(len(self.ids_S) - size + 1, 0)
        keys = np.zeros(count, dtype=np.int64)
        whole = np.ones(count, dtype=bool)
        for place in range(size):
            part = self.ids_S[place : place + count]
            whole &= part != NONE
            keys = keys * words + part
        return keys[whole], self.text_S[:count][whole]


def number(texts: Sequence[str], tokens: Tokens, known: Sequence[str] | None = None) -> tuple[Numbered, list[str]]:
    """Number the tokens of texts by their place in `known`, or as they occur. Also return the tokens by number."""
    split = tokens_of(texts, tokens)
    tokens_S, of_text = split.flatten(), pc.list_parent_indices(split)
    is_there = pc.not_equal(tokens_S, "")
    lengths = np.bincount(of_text.filter(is_there).to_numpy(), minlength=len(texts))
    coded = tokens_S.filter(is_there).dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    if known is None:
        known = distinct
    places = {token: i for i, token in enumerate(known)}
    numbers = np.array([places.get(token, NONE) for token in distinct], dtype=np.int64)
    ids_S = np.full(int(lengths.sum()) + len(texts), NONE)
    is_token = np.ones(len(ids_S), dtype=bool)
    is_token[np.cumsum(lengths + 1) - 1] = False
    ids_S[is_token] = numbers[coded.indices.to_numpy()]
    return Numbered(ids_S, np.repeat(np.arange(len(texts)), lengths + 1)), list(known)

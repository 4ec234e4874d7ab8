"""From texts to tokens, and from tokens to numbered n-grams.

Book: "Deep learning for text": standardizing and splitting. What a text becomes depends on that text alone.
Shapes: N texts, S tokens of all texts one after another.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Tokens = Literal["words", "characters"]
Ids = NDArray[np.int64]

# A word with its apostrophes, or a mark that carries feeling; a tag of HTML is no text.
_WORD = re.compile(r"\w+(?:['’]\w+)*|[!?]")
_TAG = re.compile(r"<[^<>]{1,200}>")
# Between two texts, so that no n-gram spans both; also what is in no vocabulary.
NONE = -1


def tokens_of(text: str, tokens: Tokens) -> list[str]:
    """The tokens of a text in lower case: words, or characters with white space run together."""
    text = _TAG.sub(" ", text).lower()
    return _WORD.findall(text) if tokens == "words" else list(" ".join(text.split()))


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers: `ids_S` holds every token's number, and NONE after each text and for unknown tokens;
    `text_S` tells which text (from 0) a token is of."""

    ids_S: Ids
    text_S: Ids

    def grams(self, size: int, words: int) -> tuple[Ids, Ids]:
        """The n-grams of `size` tokens that are all known, each as one number in base `words`, and their texts."""
        count = max(len(self.ids_S) - size + 1, 0)
        keys = np.zeros(count, dtype=np.int64)
        whole = np.ones(count, dtype=bool)
        for place in range(size):
            part = self.ids_S[place : place + count]
            whole &= part != NONE
            keys = keys * words + part
        return keys[whole], self.text_S[:count][whole]


def number(texts: Iterable[str], tokens: Tokens, known: Mapping[str, int] | None = None) -> tuple[Numbered, list[str]]:
    """Number the tokens of texts: by `known`, or as they come. Also the tokens in the order of their numbers."""
    ids: list[int] = []
    lengths: list[int] = []
    new: dict[str, int] = {}
    for text in texts:
        own = tokens_of(text, tokens)
        if known is None:
            ids += [new.setdefault(token, len(new)) for token in own]
        else:
            ids += [known.get(token, NONE) for token in own]
        ids.append(NONE)
        lengths.append(len(own) + 1)
    text_S = np.repeat(np.arange(len(lengths)), lengths)
    return Numbered(np.array(ids, dtype=np.int64), text_S), list(new if known is None else known)

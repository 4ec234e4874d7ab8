"""The initial weights of networks that read words, from word vectors.

Shapes: N rows, V numbers of tokens, E numbers per word.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.inputs.vectors import WordVectors, read_vectors
from src.kinds.text.encoding import Encoding, Vectors
from src.kinds.text.tokens import FIRST, tokens_of
from src.kinds.text.vectorizer import Ordered, TextVectorizer
from src.results.verdicts import Choice
from src.tables.table import Feature


def with_vectors(
    train: pd.DataFrame, features: Sequence[Feature], file: Path, go_on: bool | Literal["auto"]
) -> tuple[WordVectors, list[Feature], list[Choice]]:
    """The vectors of all words of the training texts, the features with them, and how many words have one.

    go_on: whether they learn. Raises UserError for an invalid line of the file, or if no column is text.
    """
    texts = {f.name: train[f.name].fillna("").tolist() for f in features if f.type == "text"}
    if not texts:
        raise UserError("word_vectors: no column is text, so no words could use them; remove the key")
    words = {word for column in texts.values() for word in tokens_of(column, "words").flatten().unique().to_pylist()}
    vectors = read_vectors(file, words, file.name)
    settled, choices = [], []
    for feature in features:
        if feature.name in texts:
            encoding = Encoding.model_validate(feature.encoding)
            known = Ordered.fit(texts[feature.name], encoding).vocabulary
            count = int(np.isfinite(vectors.of(known)).all(axis=1).sum())
            encoding = encoding.model_copy(update={"vectors": Vectors(size=vectors.size, train=go_on)})
            feature = feature.model_copy(update={"encoding": encoding.model_dump()})
            choices.append(
                Choice(
                    setting=f"vectors of {feature.name}",
                    chosen=f"{vectors.size} numbers a word",
                    reason=f"{file.name} has {count:,} of the {len(known):,} words of the vocabulary; the others start "
                    "at random",
                )
            )
        settled.append(feature)
    return vectors, settled, choices


def start(fitted: TextVectorizer, vectors: WordVectors) -> dict[str, NDArray[np.float32]]:
    """The network's weights_VE by their name, in the order of the vocabulary; NaN for random initial weights."""
    assert isinstance(fitted.by, Ordered)
    of_words_WE = vectors.of(fitted.by.vocabulary)
    return {"embed.weight": np.vstack([np.full((FIRST, vectors.size), np.nan, dtype=np.float32), of_words_WE])}

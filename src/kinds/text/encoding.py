"""How texts become numbers: by the problem's settings, and by stated rules for `auto`."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from pydantic import Field

from src.core.errors import UserError
from src.core.stored import Stored
from src.kinds.text.bag import Bag
from src.kinds.text.language import read_on
from src.kinds.text.tokens import FIRST, Tokens, tokens_of
from src.problem.inputs import ReadingOrder, Text
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.table import Feature

# With fewer texts than this per word of their mean length, a bag of words beats networks that read in order.
# Source: Chollet 2021, "Deep Learning with Python", second edition, section 11.3.5.
TEXTS_PER_WORD = 1500
AUTOMATIC_NGRAMS: dict[Tokens, int] = {"words": 2, "characters": 5}
# Sequences cover this share of the training texts completely, with at most so many tokens.
COVERED, LONGEST = 0.9, 400
# The columns of the bag that shallow models read instead of sequences.
SHALLOW_COLUMNS = 50_000
# In so many texts a word is looked for that stands in two of them, before all are searched.
FIRST_TEXTS = 1000


class Vectors(Stored):
    """The initial word vectors of sequences: the numbers per word, and whether they learn."""

    size: int
    train: bool | Literal["auto"]


class Encoding(Stored):
    """The settled encoding of one column.

    vocabulary: the most columns, or numbers of tokens. length: tokens of a sequence. vectors: None if sequences start
    from random vectors. unit: whether the squares of a TF-IDF row have a mean of 1.
    """

    encoding: Literal["multi_hot", "count", "tf_idf", "hashed", "sequence"]
    tokens: Tokens
    ngrams: int
    vocabulary: int
    length: int
    network: str
    options: dict[str, Any] = Field({}, exclude_if=lambda options: not options)
    order: ReadingOrder = Field("onward", exclude_if=lambda order: order == "onward")
    vectors: Vectors | None = Field(None, exclude_if=lambda vectors: vectors is None)
    unit: bool = Field(False, exclude_if=lambda unit: not unit)


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """The column of text with its encoding, and the choices made, from the training rows only."""
    [feature] = features
    if settings.problem_type.reads_on:
        return read_on(train, feature, settings)
    texts = train[feature.name].fillna("").tolist()
    first = Bag.fit(texts[:FIRST_TEXTS], settings.text.tokens, 1, "multi_hot", 1)
    if not first.vocabulary:
        Bag.fit(texts, settings.text.tokens, 1, "multi_hot", 1).check(feature.name)
    rebuilds = settings.problem_type.networks == "rebuild"
    if rebuilds:
        encoding, reason = _rebuilt(settings)
    else:
        encoding, reason = _encoding(train[feature.name], settings.text, settings.word_vectors is not None)
    choices = []
    if settings.text.encoding == "auto":
        shown = "TF-IDF of words" if encoding.tokens == "words" else "TF-IDF of characters"
        chosen = f"{shown}, up to {encoding.ngrams} in a row" if encoding.ngrams > 1 else shown
        if encoding.encoding == "sequence":
            chosen = f"sequences of {encoding.length} {encoding.tokens}"
        choices.append(Choice(setting=f"encoding of {feature.name}", chosen=chosen, reason=reason))
    return [feature.model_copy(update={"encoding": encoding.model_dump()})], choices


def _rebuilt(settings: PrepareSettings) -> tuple[Encoding, str]:
    """The encoding of texts that are to be rebuilt: their bags of words. Raises UserError for any that has no words.

    Longer n-grams follow from their words, so `auto` has none.
    """
    text = settings.text
    if settings.word_vectors is not None or text.encoding in ("sequence", "hashed"):
        key = "word_vectors" if settings.word_vectors is not None else f"text.encoding: {text.encoding}"
        raise UserError(f"{key}: type {settings.type} rebuilds bags of words; choose text.encoding: tf_idf")
    encoding = Encoding(
        encoding="tf_idf" if text.encoding == "auto" else text.encoding,
        tokens=text.tokens,
        ngrams=1 if text.ngrams == "auto" else text.ngrams,
        vocabulary=text.vocabulary,
        length=0,
        network=text.network,
        unit=True,
    )
    return encoding, "what a model rebuilds of a text is which words it has"


def in_bags(features: Sequence[Feature]) -> list[Feature]:
    """The column for models that do not read in order, to which sums of numbered tokens would mean nothing."""
    [feature] = features
    if feature.encoding["encoding"] != "sequence":
        return [feature]
    encoding = Encoding.model_validate(feature.encoding)
    ngrams = AUTOMATIC_NGRAMS[encoding.tokens]
    bag = encoding.model_copy(update={"encoding": "tf_idf", "ngrams": ngrams, "vocabulary": SHALLOW_COLUMNS})
    return [feature.model_copy(update={"encoding": bag.model_dump()})]


def _encoding(values_N: "pd.Series[str]", text: Text, has_vectors: bool) -> tuple[Encoding, str]:
    texts = values_N.fillna("").tolist()
    lengths_N = pc.list_value_length(tokens_of(texts, text.tokens)).to_numpy()
    mean = float(lengths_N.mean())
    reads = len(values_N) > TEXTS_PER_WORD * mean
    reason = (
        f"{len(values_N):,} texts of {mean:.0f} {text.tokens} on average, "
        f"{'over' if reads else 'under'} {TEXTS_PER_WORD:,} texts for each {text.tokens[:-1]}"
    )
    if has_vectors:
        reason = "there are vectors of words to start from (word_vectors)"
    elif text.order != "onward":
        reason = f"the order of the {text.tokens} is to be {text.order} (text.order)"
    in_order = reads or has_vectors or text.order != "onward"
    automatic: Literal["sequence", "tf_idf"] = "sequence" if in_order else "tf_idf"
    length = max(min(int(np.quantile(lengths_N, COVERED)), LONGEST), 1) if text.length == "auto" else text.length
    encoding = automatic if text.encoding == "auto" else text.encoding
    vocabulary = text.vocabulary
    if encoding == "sequence":
        # No fold has more tokens than all training texts together, so numbers for others would never occur.
        vocabulary = FIRST + len(Bag.fit(texts, text.tokens, 1, "multi_hot", text.vocabulary - FIRST).vocabulary)
    return Encoding(
        encoding=encoding,
        tokens=text.tokens,
        ngrams=AUTOMATIC_NGRAMS[text.tokens] if text.ngrams == "auto" else text.ngrams,
        vocabulary=vocabulary,
        length=length,
        network=text.network,
        options=text.options,
        order=text.order,
    ), reason

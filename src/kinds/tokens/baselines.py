"""Common sense for a word: its most frequent class. Shapes: V validation rows, K outputs."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.tables.protocols import Split
from src.tables.table import Schema, Table

Predictions = NDArray[np.float64]


def common_sense(schema: Schema) -> dict[str, Callable[[Table, Split, int], Predictions]]:
    """The most frequent class of each word, if there are classes."""
    return {"most_frequent_of_word": most_frequent_of_word} if schema.classes else {}


def most_frequent_of_word(table: Table, split: Split, seed: int) -> Predictions:
    """The shares of the classes among the training rows with the word; for an unknown word, among all of them."""
    words_N = table.frame[table.schema.features[0].name]
    known_A, w_A = words_N.iloc[split.training], table.w_N[split.training]
    classes = len(table.schema.classes)
    codes_A, words = pd.factorize(known_A)
    counts_WK = np.zeros((len(words) + 1, classes))
    np.add.at(counts_WK, (codes_A, table.y_NT[split.training, 0].astype(np.intp)), w_A)
    counts_WK[-1] = counts_WK.sum(axis=0)
    word_V = pd.Index(words).get_indexer(words_N.iloc[split.validation])
    p_VC = (counts_WK / counts_WK.sum(axis=1, keepdims=True))[word_V]
    return table.schema.problem_type.joined([p_VC])

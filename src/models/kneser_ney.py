"""N-grams with interpolated modified Kneser-Ney smoothing as the shallow model of texts.

Shapes: N rows, X places of a row, G different n-grams of one length, H histories, V symbols.
"""

import math
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError

Ids = NDArray[np.int64]
Array = NDArray[np.float64]

# Symbols of a row: 0 where there is none, 1 for a character that the training rows do not teach, then all others. A
# negative number is a symbol that only tells what came before: it has no probability in the row.
NOTHING, UNKNOWN = 0, 1
# What it takes to say which character an unknown one is: Unicode has so many without surrogates.
SPELLING_BITS = math.log2(0x110000 - 0x800)
# The discounts of n-grams seen once, twice, and more often, where too few n-grams tell better ones.
USUAL_DISCOUNTS = (0.5, 1.0, 1.5)
# The most rows whose probabilities are computed at once, and the most places in them. Both bound the memory.
AT_ONCE, PLACES = 2048, 2**20


class KneserNey:
    """The probability of each symbol after the `order` - 1 before it; with an order of 1, that of the symbol alone.

    `fit` takes rows of numbered symbols, see `NOTHING`. `score_samples` gives the bits of each row and how many symbols
    it has, (N, 2). Source: Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling",
    section 3: equations 4.4 to 4.6 there, with the uniform distribution below the shortest n-grams.
    """

    def __init__(self, order: int = 1) -> None:
        self.order = order

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"order": self.order}

    def fit(self, x_NX: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        """Raises UserError for rows that differ in weight: n-grams are counted, and a count is a whole number."""
        if sample_weight is not None and np.ptp(sample_weight) > 0:
            raise UserError("weights: n-grams of texts are counted whole; remove this key")
        number_NX, counted_NX = self._padded(x_NX)
        self.symbols_ = max(int(number_NX.max()), UNKNOWN)
        # keys_: for each length of n-grams, history * (V + 1) + symbol, sorted. A history is the place of its own key.
        self.keys_: list[Ids] = []
        grams = [self._begun(number_NX)]
        for _ in range(self.order):
            keys, ids = np.unique(self._extended(grams[-1], number_NX), return_inverse=True)
            self.keys_.append(keys)
            grams.append(ids.reshape(number_NX.shape))
        self.shares_: list[Array] = []  # of each n-gram, the discounted share of its history
        self.rests_: list[Array] = []  # of each history, what the discounts leave for shorter ones
        for size in range(1, self.order + 1):
            self._learn(size, grams, number_NX, counted_NX)
        return self

    def score_samples(self, x_NX: NDArray[Any]) -> Array:
        size = max(min(AT_ONCE, PLACES // max(x_NX.shape[1], 1)), 1)
        parts = [x_NX[start : start + size] for start in range(0, max(len(x_NX), 1), size)]
        return np.concatenate([self._scores(part if size == AT_ONCE else _until_last(part)) for part in parts])

    def next_symbols(self, before_BX: NDArray[Any]) -> Array:
        """The probability of each symbol from 1 to V after the symbols of each row, (B, V)."""
        recent_BX = before_BX[:, max(before_BX.shape[1] - self.order + 1, 0) :]
        number_BX, _ = self._padded(-np.abs(recent_BX))
        history_BX = self._begun(number_BX)
        p_BV = np.full((len(before_BX), self.symbols_), 1 / self.symbols_)
        for keys_G, share_G, rest_H in zip(self.keys_, self.shares_, self.rests_, strict=True):
            history_B1 = history_BX[:, -1:] if number_BX.shape[1] else np.zeros((len(before_BX), 1), np.int64)
            key_BV = history_B1 * (self.symbols_ + 1) + np.arange(1, self.symbols_ + 1)
            share_BV, _ = _looked_up(np.where(history_B1 < 0, -1, key_BV), keys_G, share_G)
            p_BV = share_BV + np.where(history_B1 < 0, 1.0, rest_H[np.maximum(history_B1, 0)]) * p_BV
            _, history_BX = _looked_up(self._extended(history_BX, number_BX), keys_G, share_G)
        return p_BV

    def _scores(self, x_NX: NDArray[Any]) -> Array:
        bits_NX = -np.log2(self._probabilities(x_NX)) + SPELLING_BITS * (self._known(x_NX) == UNKNOWN)
        counted_NX = x_NX > NOTHING
        return np.column_stack([(bits_NX * counted_NX).sum(1), counted_NX.sum(1)])

    def _known(self, x_NX: NDArray[Any]) -> Ids:
        """The symbols without their signs; one that the training rows do not have is unknown."""
        number_NX = np.abs(x_NX).astype(np.int64)
        symbols = getattr(self, "symbols_", number_NX.max(initial=0))
        return np.where(number_NX > symbols, UNKNOWN, number_NX)

    def _padded(self, x_NX: NDArray[Any]) -> tuple[Ids, NDArray[np.bool_]]:
        """The symbols after `order` - 1 places with none, and which of them are counted."""
        before = ((0, 0), (self.order - 1, 0))
        return np.pad(self._known(x_NX), before), np.pad(x_NX > NOTHING, before)

    @staticmethod
    def _begun(number_NX: Ids) -> Ids:
        """The only n-gram of length 0 at each place."""
        return np.zeros_like(number_NX)

    def _extended(self, grams_NX: Ids, number_NX: Ids) -> Ids:
        """The keys of the n-grams that end at each place, from those one shorter that end at the place before; -1 where
        that one is unknown. Nothing comes before a row."""
        before_NX = np.zeros_like(grams_NX)
        before_NX[:, 1:] = grams_NX[:, :-1]
        return np.where(before_NX < 0, -1, before_NX * (self.symbols_ + 1) + number_NX)

    def _learn(self, size: int, grams: list[Ids], number_NX: Ids, counted_NX: NDArray[np.bool_]) -> None:
        """Learn the shares and rests of the n-grams of this size.

        The longest count by how often they occur. Shorter ones count by how many different symbols precede them, but by
        how often they occur if they begin a row.
        """
        keys_G, of_place_NX = self.keys_[size - 1], grams[size]
        counts_G = np.bincount(of_place_NX[counted_NX], minlength=len(keys_G)).astype(np.float64)
        if size < self.order:
            _, first = np.unique(grams[size + 1][counted_NX], return_index=True)
            preceding_G = np.bincount(of_place_NX[counted_NX][first], minlength=len(keys_G)).astype(np.float64)
            rows, places = np.nonzero(counted_NX)
            begins_G = np.zeros(len(keys_G), dtype=bool)
            begins_G[of_place_NX[rows, places][number_NX[rows, places - size + 1] == NOTHING]] = True
            counts_G = np.where(begins_G, counts_G, preceding_G)
        history_G = keys_G // (self.symbols_ + 1)
        histories = 1 if size == 1 else len(self.keys_[size - 2])
        discount_G = _discounts(counts_G)[np.minimum(counts_G, 3).astype(np.intp)]
        total_H = np.bincount(history_G, counts_G, histories)
        taken_H = np.bincount(history_G, discount_G, histories)
        seen_H = np.maximum(total_H, 1)
        self.shares_.append((counts_G - discount_G) / seen_H[history_G])
        self.rests_.append(np.where(total_H > 0, taken_H / seen_H, 1.0))

    def _probabilities(self, x_NX: NDArray[Any]) -> Array:
        """The probability of the symbol at each place, (N, X); where there is none, of no meaning."""
        number_NX, _ = self._padded(x_NX)
        p_NX = np.full(number_NX.shape, 1 / self.symbols_)
        history_NX = self._begun(number_NX)
        for keys_G, share_G, rest_H in zip(self.keys_, self.shares_, self.rests_, strict=True):
            key_NX = self._extended(history_NX, number_NX)
            share_NX, place_NX = _looked_up(key_NX, keys_G, share_G)
            before_NX = np.zeros_like(history_NX)
            before_NX[:, 1:] = history_NX[:, :-1]
            rest_NX = np.where(before_NX < 0, 1.0, rest_H[np.maximum(before_NX, 0)])
            p_NX = share_NX + rest_NX * p_NX
            history_NX = place_NX
        return p_NX[:, self.order - 1 :]


def _until_last(x_NX: NDArray[Any]) -> NDArray[Any]:
    """The places up to the last one where any row has a symbol: one long text makes all rows of a table as wide."""
    return x_NX[:, : int((x_NX != NOTHING).any(0).cumsum().argmax()) + 1]


def _looked_up(key: Ids, keys_G: Ids, share_G: Array) -> tuple[Array, Ids]:
    """The shares of n-grams by their keys, and their places; 0 and -1 for unknown ones."""
    place = np.searchsorted(keys_G, key).clip(max=len(keys_G) - 1)
    known = keys_G[place] == key
    return np.where(known, share_G[place], 0.0), np.where(known, place, -1)


def _discounts(counts_G: Array) -> Array:
    """What is taken from n-grams that occur never, once, twice, and more often, (4,): always something."""
    seen = [float((counts_G == times).sum()) for times in (1, 2, 3, 4)]
    estimated: list[float] = []
    if min(seen) > 0:
        share = seen[0] / (seen[0] + 2 * seen[1])
        estimated = [
            times - (times + 1) * share * more / fewer for times, (fewer, more) in enumerate(pairwise(seen), 1)
        ]
    return np.array([0.0, *(estimated if estimated and min(estimated) > 0 else USUAL_DISCOUNTS)])

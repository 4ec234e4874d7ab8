"""N-grams with modified Kneser-Ney smoothing, against counts by hand and against dictionaries."""

import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from src.core.errors import UserError
from src.models.kneser_ney import SPELLING_BITS, UNKNOWN, USUAL_DISCOUNTS, KneserNey

SYMBOLS = 5


def texts(rows: int, seed: int = 0) -> np.ndarray:
    """Rows of different lengths in which a symbol depends on the two before it, (N, X)."""
    rng = np.random.default_rng(seed)
    x_NX = np.zeros((rows, 14), dtype=np.float32)
    for row in x_NX:
        for place in range(rng.integers(5, 15)):
            before = int(row[place - 1] + 2 * row[place - 2]) if place > 1 else 0
            row[place] = 2 + (before + (rng.random() < 0.3) * rng.integers(1, 4)) % (SYMBOLS - 1)
    return x_NX


def test_rows_as_wide_as_a_long_text_are_scored_in_little_memory():
    model = KneserNey(3).fit(texts(50))
    x_NX = np.zeros((1000, 8193), dtype=np.float32)
    x_NX[:50, :14] = texts(50)
    x_NX[0, -1] = 2
    tracemalloc.start()
    bits_N2 = model.score_samples(x_NX)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(bits_N2[1:50], model.score_samples(texts(50))[1:], rtol=1e-12)
    assert bits_N2[:2, 1].tolist() == (np.count_nonzero(x_NX[:2] > 0, axis=1)).tolist()
    assert peak < 2e8


def by_dictionaries(rows: Sequence[Sequence[int]], order: int, symbols: int):
    """The probability of a symbol after a history, as Chen and Goodman 1999 write it, one n-gram after another."""
    grams = [Counter() for _ in range(order + 1)]
    before = [defaultdict(set) for _ in range(order + 1)]
    for row in rows:
        padded = [0] * (order - 1) + list(row)
        for end in range(order - 1, len(padded)):
            for size in range(1, order + 1):
                gram = tuple(padded[end - size + 1 : end + 1])
                grams[size][gram] += 1
                before[size][gram].add(tuple(padded[end - size : end - size + 1]) if size < order else ())
    counts = []
    for size in range(1, order + 1):
        own = {
            gram: times if size == order or gram[0] == 0 else len(before[size][gram])
            for gram, times in grams[size].items()
        }
        counts.append(own)

    def discounts(own: dict) -> list[float]:
        n = [sum(times == t for times in own.values()) for t in (1, 2, 3, 4)]
        if min(n) == 0:
            return list(USUAL_DISCOUNTS)
        y = n[0] / (n[0] + 2 * n[1])
        estimated = [t - (t + 1) * y * n[t] / n[t - 1] for t in (1, 2, 3)]
        return estimated if min(estimated) > 0 else list(USUAL_DISCOUNTS)

    def probability(history: tuple, symbol: int) -> float:
        own = counts[len(history)]
        of_history = {gram[-1]: times for gram, times in own.items() if gram[:-1] == history}
        shorter = probability(history[1:], symbol) if history else 1 / symbols
        if not of_history:
            return shorter
        d, total = discounts(own), sum(of_history.values())
        rest = sum(d[min(times, 3) - 1] for times in of_history.values()) / total
        times = of_history.get(symbol, 0)
        return (times - d[min(times, 3) - 1] if times else 0) / total + rest * shorter

    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_formulas(order: int):
    x_NX = texts(40)
    rows = [[int(symbol) for symbol in row if symbol] for row in x_NX]
    probability = by_dictionaries(rows, order, SYMBOLS)
    model = KneserNey(order).fit(x_NX)
    held_NX = texts(12, seed=1)
    expected = []
    for row in held_NX:
        padded = [0] * (order - 1) + [int(symbol) for symbol in row if symbol]
        places = range(order - 1, len(padded))
        p = [probability(tuple(padded[place - order + 1 : place]), padded[place]) for place in places]
        expected.append(-np.log2(p).sum())
    s_N2 = model.score_samples(held_NX)
    np.testing.assert_allclose(s_N2[:, 0], expected, rtol=1e-9)
    assert s_N2[:, 1].tolist() == (held_NX > 0).sum(1).tolist()


@pytest.mark.parametrize("order", range(1, 10))
def test_the_probabilities_of_all_symbols_sum_to_one_after_any_history(order: int):
    model = KneserNey(order).fit(texts(30))
    rng = np.random.default_rng(2)
    for length in (0, 1, 3, 12):
        before_BX = rng.integers(1, SYMBOLS + 1, (6, length))
        p_BV = model.next_symbols(before_BX)
        assert p_BV.shape == (6, SYMBOLS)
        assert (p_BV > 0).all()
        np.testing.assert_allclose(p_BV.sum(1), 1, atol=1e-12)
        for symbol in range(UNKNOWN + 1, SYMBOLS + 1):
            bits_B = model.score_samples(np.hstack([-before_BX, np.full((6, 1), symbol)]))[:, 0]
            np.testing.assert_allclose(p_BV[:, symbol - 1], np.exp2(-bits_B), rtol=1e-9)


def test_an_unknown_symbol_has_a_probability_and_takes_bits_to_say_which_it_is():
    x_NX = texts(30)
    model = KneserNey(3).fit(x_NX)
    row = x_NX[:1].copy()
    row[0, 3] = SYMBOLS + 9
    [p_V] = model.next_symbols(row[:, :3])
    unknown, known = (model.score_samples(rows)[0, 0] for rows in (row[:, :4], x_NX[:1, :4]))
    share = p_V[int(x_NX[0, 3]) - 1] / p_V[UNKNOWN - 1]
    assert unknown - known == pytest.approx(np.log2(share) + SPELLING_BITS)


def test_what_comes_before_a_row_is_a_history_and_has_no_bits_itself():
    x_NX = texts(30)
    model = KneserNey(4).fit(x_NX)
    whole = model.score_samples(x_NX)
    before_NX = x_NX.copy()
    before_NX[:, :3] *= -1
    rest = model.score_samples(before_NX)
    first = model.score_samples(x_NX[:, :3])
    np.testing.assert_allclose(whole, first + rest)


def test_rows_of_unlike_weight_are_refused():
    with pytest.raises(UserError, match="weights"):
        KneserNey(3).fit(texts(4), sample_weight=np.arange(4.0))

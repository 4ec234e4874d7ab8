"""How well one column alone predicts the target, to find columns that give it away.

Classes: each value of the column (for numbers: the nearest value seen) predicts its most frequent class. This is learnt
on one half of a sample and scored on the other by balanced accuracy, so neither rare classes nor identifiers fool it.
A gap counts as a value, because what is missing often gives the answer away (the date of death of the living).

Numbers: the larger of Pearson's and Spearman's absolute correlation with the target. Numbers and dates are correlated
themselves; of any column also the mean target of each value, learnt on the other half.

Numbers and dates also predict by the nearest value seen, so that any smooth copy of the target is found.

Numeric columns also predict together, if the target is a weighted sum of them (`columns_of_sum`).

Texts also count as their first number, their last number, the letters that they begin with and, for classes, a word
that is in every text of one class and in no other text.

Shapes: N rows, n rows of a sample, C classes, V distinct values.
"""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.tables.columns import column_type, seconds

Index = NDArray[np.intp]

SAMPLE_ROWS = 20_000
FEWEST_ROWS = 30
# Texts that are read for numbers and words.
READ_ROWS = 2_000
MOSTLY = 0.5
EXACTLY = 1e-3
NUMBER, WORD = re.compile(r"-?\d[\d,]{0,15}(?:\.\d{1,15})?"), re.compile(r"\w+")
LETTERS = re.compile(r"[^\W\d_]+")


def sampled_rows(rows: int, seed: int) -> Index:
    """Shuffled positions of at most `SAMPLE_ROWS` rows; the same for the same seed."""
    return np.random.default_rng(seed).permutation(rows)[:SAMPLE_ROWS]


def columns_of_sum(numbers_ND: NDArray[np.float64], target_N: NDArray[np.float64]) -> list[int]:
    """The positions of the fewest columns found of which a weighted sum, plus a constant, is the target.

    The weights are learnt by least squares on one half of the rows; on the other half the sum may be wrong by
    `EXACTLY` standard deviations of the target. Rows in random order; those with gaps do not count. Empty if there is
    no such sum, or too few rows to tell.
    """
    whole_N = np.isfinite(numbers_ND).all(axis=1) & np.isfinite(target_N)
    numbers_ND, target_N = numbers_ND[whole_N][:READ_ROWS], target_N[whole_N][:READ_ROWS]
    rows, columns = numbers_ND.shape
    if rows < max(FEWEST_ROWS, 4 * columns) or columns < 2 or not target_N.std():
        return []
    numbers_ND = (numbers_ND - numbers_ND.mean(axis=0)) / np.where(spread := numbers_ND.std(axis=0), spread, 1.0)
    target_N = (target_N - target_N.mean()) / target_N.std()
    half = rows // 2

    def weights(kept: list[int]) -> NDArray[np.floating] | None:
        """Of the kept columns; None if their sum is not the target."""
        x_ND = np.column_stack([numbers_ND[:, kept], np.ones(rows)])
        w_D = np.linalg.lstsq(x_ND[:half], target_N[:half], rcond=None)[0]
        is_exact = np.abs(x_ND[half:] @ w_D - target_N[half:]).max() <= EXACTLY
        return w_D[:-1] if is_exact else None

    kept = list(range(columns))
    w_D = weights(kept)
    if w_D is None:
        return []
    for column in np.argsort(np.abs(w_D), kind="stable"):
        without = [each for each in kept if each != column]
        if without and weights(without) is not None:
            kept = without
    return kept


def class_score(values_N: pd.Series, classes_N: Index) -> float:
    """Balanced accuracy in [0, 1] of the class predicted from the column's value alone; rows in random order.

    classes_N: class numbers from 0. Zero for fewer than `FEWEST_ROWS` rows, where any score is a matter of luck.
    """
    if len(values_N) < FEWEST_ROWS:
        return 0.0
    scores = [_share_told_by_value(values_N, classes_N)]
    if column_type(values_N) == "categorical":
        texts_n, classes_n = values_N.iloc[:READ_ROWS], classes_N[:READ_ROWS]
        parts = (*_numbers_within(texts_n), _first_letters(texts_n))
        scores += [_share_told_by_value(part_n, classes_n) for part_n in parts]
        scores.append(_share_told_by_word(texts_n, classes_n))
    return max(scores)


def _share_told_by_value(values_N: pd.Series, classes_N: Index) -> float:
    half = len(values_N) // 2
    codes_N, uniques = pd.factorize(values_N, use_na_sentinel=False)
    counts_VC = np.zeros((len(uniques), int(classes_N.max()) + 1), dtype=np.int64)
    np.add.at(counts_VC, (codes_N[:half], classes_N[:half]), 1)
    predicted_V = counts_VC.argmax(axis=1)
    unseen_V = counts_VC.sum(axis=1) == 0
    predicted_V[unseen_V] = counts_VC.sum(axis=0).argmax()
    number_V = _numbers(pd.Series(uniques))
    if number_V is not None:
        _tell_by_nearest(predicted_V, unseen_V, number_V)
    return _balanced_accuracy(classes_N[half:], predicted_V[codes_N[half:]])


def _share_told_by_word(texts_N: pd.Series, classes_N: Index) -> float:
    """Balanced accuracy of the class whose word a text holds; zero if several classes have no word of their own."""
    half = len(texts_N) // 2
    words_N = [set(WORD.findall(text.lower())) for text in texts_N.fillna("")]
    word_of: dict[int, str | None] = {}
    for label in np.unique(classes_N[:half]):
        candidates = set.intersection(*(words_N[row] for row in np.flatnonzero(classes_N[:half] == label)))
        for row in np.flatnonzero(classes_N[:half] != label) if candidates else ():
            candidates -= words_N[row]
        word_of[int(label)] = min(candidates, default=None)
    wordless = [label for label, word in word_of.items() if word is None]
    if len(wordless) > 1 or len(word_of) < 2:
        return 0.0
    other = wordless[0] if wordless else -1
    predicted_N = [next((label for label, word in word_of.items() if word in words), other) for words in words_N[half:]]
    return _balanced_accuracy(classes_N[half:], np.array(predicted_N))


def _balanced_accuracy(actual_N: Index, predicted_N: Index) -> float:
    """The mean share of right predictions per class; zero if only one class occurs."""
    totals_C = np.bincount(actual_N)
    right_C = np.bincount(actual_N, weights=actual_N == predicted_N)
    return float((right_C[totals_C > 0] / totals_C[totals_C > 0]).mean()) if (totals_C > 0).sum() > 1 else 0.0


def _tell_by_nearest(predicted_V: Index, unseen_V: NDArray[np.bool_], number_V: NDArray[np.float64]) -> None:
    """Give each unseen number the class of the nearest seen one, in place."""
    seen = np.flatnonzero(~unseen_V & np.isfinite(number_V))
    unseen = np.flatnonzero(unseen_V & np.isfinite(number_V))
    if not len(seen):
        return
    seen = seen[np.argsort(number_V[seen])]
    right = np.searchsorted(number_V[seen], number_V[unseen]).clip(max=len(seen) - 1)
    left = np.maximum(right - 1, 0)
    nearer_left = np.abs(number_V[unseen] - number_V[seen[left]]) <= np.abs(number_V[seen[right]] - number_V[unseen])
    predicted_V[unseen] = predicted_V[np.where(nearer_left, seen[left], seen[right])]


def _numbers(uniques: pd.Series) -> NDArray[np.float64] | None:
    """Numbers and dates as numbers in the same order, NaN for a gap; None for values without an order."""
    if pd.api.types.is_datetime64_any_dtype(uniques):
        return seconds(uniques)
    return uniques.to_numpy(np.float64) if pd.api.types.is_float_dtype(uniques) else None


def _numbers_within(texts_N: pd.Series) -> Iterator[pd.Series]:
    """The first and the last number written in each text, NaN where there is none; commas separate thousands."""
    numbers_N = [NUMBER.findall(text) for text in texts_N.fillna("")]
    for place in (0, -1):
        yield pd.Series([float(numbers[place].replace(",", "")) if numbers else np.nan for numbers in numbers_N])


def _first_letters(texts_N: pd.Series) -> pd.Series:
    """The letters that each text begins with, as in a code like M017; missing where it begins with none."""
    matches_N = [LETTERS.match(text) for text in texts_N.fillna("")]
    return pd.Series([match[0] if match else None for match in matches_N], dtype="str")


def value_score(values_N: pd.Series, target_N: pd.Series) -> float:
    """How well the column's value alone predicts a number, in [0, 1]; rows in random order.

    Zero for fewer than `FEWEST_ROWS` rows, where any score is a matter of luck.
    """
    known_N = np.isfinite(target_N.to_numpy())
    values_n, target_n = values_N[known_N], target_N.to_numpy()[known_N]
    if len(values_n) < FEWEST_ROWS:
        return 0.0
    scores = [_score_of_means(values_n, target_n)]
    numbers_n = _numbers(values_n)
    if numbers_n is not None and np.isfinite(numbers_n).sum() >= FEWEST_ROWS:
        scores += [_correlation(numbers_n, target_n), _score_of_nearest(numbers_n, target_n)]
    if column_type(values_n) == "categorical":
        scores.append(_score_of_means(_first_letters(values_n.iloc[:READ_ROWS]), target_n[:READ_ROWS]))
        for written_n in _numbers_within(values_n.iloc[:READ_ROWS]):
            if written_n.notna().mean() >= MOSTLY:
                scores.append(_correlation(written_n.to_numpy(), target_n[:READ_ROWS]))
    return max(scores)


def _score_of_means(values_N: pd.Series, target_N: NDArray[np.float64]) -> float:
    """Correlation with the mean target of the value, learnt on the first half; zero where most values are new."""
    half = len(values_N) // 2
    codes_N, uniques = pd.factorize(values_N, use_na_sentinel=False)
    rows_V = np.bincount(codes_N[:half], minlength=len(uniques))
    totals_V = np.bincount(codes_N[:half], weights=target_N[:half], minlength=len(uniques))
    predicted_V = np.divide(totals_V, rows_V, out=np.full(len(uniques), np.nan), where=rows_V > 0)
    predicted_N = predicted_V[codes_N[half:]]
    return (
        _correlation(predicted_N, target_N[half:])
        if np.isfinite(predicted_N).sum() >= MOSTLY * len(predicted_N)
        else 0.0
    )


def _score_of_nearest(numbers_N: NDArray[np.float64], target_N: NDArray[np.float64]) -> float:
    """Correlation with the target of the row whose value is nearest, among those of the first half."""
    finite_N = np.isfinite(numbers_N)
    numbers_n, target_n = numbers_N[finite_N], target_N[finite_N]
    half = len(numbers_n) // 2
    order = np.argsort(numbers_n[:half], kind="stable")
    seen_n, known_n = numbers_n[:half][order], target_n[:half][order]
    right = np.searchsorted(seen_n, numbers_n[half:]).clip(1, half - 1)
    left = right - 1
    nearer_left = np.abs(numbers_n[half:] - seen_n[left]) <= np.abs(seen_n[right] - numbers_n[half:])
    return _correlation(known_n[np.where(nearer_left, left, right)], target_n[half:])


def _correlation(values_N: NDArray[np.float64], target_N: NDArray[np.float64]) -> float:
    """The larger of Pearson's and Spearman's absolute correlation where the values are finite."""
    finite_N = np.isfinite(values_N)
    pair = pd.DataFrame({"value": values_N[finite_N], "target": target_N[finite_N]})
    if pair["value"].nunique() < 2 or pair["target"].nunique() < 2:
        return 0.0
    return max(abs(float(np.corrcoef(each["value"], each["target"])[0, 1])) for each in (pair, pair.rank()))

"""How well one column alone tells the target: the honest way to find a column that gives it away.

Classes: each value of the column (for numbers: the nearest value seen) is mapped to the class it mostly goes with,
learnt on one half of a sample and scored on the other by balanced accuracy, so that neither a rare class nor an
identifier can fool it. A gap is a value like any other, for what is missing often tells the answer (the date of death
of the living). Regression: the larger of Pearson's and Spearman's absolute correlation. Shapes: N rows.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.columns import seconds

Index = NDArray[np.intp]

SAMPLE_ROWS = 20_000
FEWEST_ROWS = 30


def sampled_rows(rows: int, seed: int) -> Index:
    """Shuffled positions of at most `SAMPLE_ROWS` rows; the same for the same seed."""
    return np.random.default_rng(seed).permutation(rows)[:SAMPLE_ROWS]


def class_score(values_N: pd.Series, classes_N: Index) -> float:
    """Balanced accuracy in [0, 1] of the class told by the column's value alone; rows in random order.

    classes_N: class numbers from 0. Zero where fewer than `FEWEST_ROWS` rows make any score a matter of luck.
    """
    if len(values_N) < FEWEST_ROWS:
        return 0.0
    half = len(values_N) // 2
    codes_N, uniques = pd.factorize(values_N, use_na_sentinel=False)
    counts_VC = np.zeros((len(uniques), int(classes_N.max()) + 1), dtype=np.int64)
    np.add.at(counts_VC, (codes_N[:half], classes_N[:half]), 1)
    told_V = counts_VC.argmax(axis=1)
    unseen_V = counts_VC.sum(axis=1) == 0
    told_V[unseen_V] = counts_VC.sum(axis=0).argmax()
    number_V = _numbers(pd.Series(uniques))
    if number_V is not None:
        _tell_by_nearest(told_V, unseen_V, number_V)
    actual_N, told_N = classes_N[half:], told_V[codes_N[half:]]
    totals_C = np.bincount(actual_N)
    right_C = np.bincount(actual_N, weights=actual_N == told_N)
    return float((right_C[totals_C > 0] / totals_C[totals_C > 0]).mean()) if (totals_C > 0).sum() > 1 else 0.0


def _tell_by_nearest(told_V: Index, unseen_V: NDArray[np.bool_], number_V: NDArray[np.float64]) -> None:
    """Give each unseen number the class of the nearest seen one, in place."""
    seen = np.flatnonzero(~unseen_V & np.isfinite(number_V))
    asked = np.flatnonzero(unseen_V & np.isfinite(number_V))
    if not len(seen):
        return
    seen = seen[np.argsort(number_V[seen])]
    right = np.searchsorted(number_V[seen], number_V[asked]).clip(max=len(seen) - 1)
    left = np.maximum(right - 1, 0)
    nearer_left = np.abs(number_V[asked] - number_V[seen[left]]) <= np.abs(number_V[seen[right]] - number_V[asked])
    told_V[asked] = told_V[np.where(nearer_left, seen[left], seen[right])]


def _numbers(uniques: pd.Series) -> NDArray[np.float64] | None:
    """Numbers and dates as numbers that sort alike, NaN for a gap; None for what has no order."""
    if pd.api.types.is_datetime64_any_dtype(uniques):
        return seconds(uniques)
    return uniques.to_numpy(np.float64) if pd.api.types.is_float_dtype(uniques) else None


def value_score(values_N: pd.Series, target_N: pd.Series) -> float:
    """The larger of Pearson's and Spearman's absolute correlation; 0 for what is no number and for few rows."""
    if not pd.api.types.is_float_dtype(values_N):
        return 0.0
    both = np.isfinite(values_N.to_numpy()) & np.isfinite(target_N.to_numpy())
    if both.sum() < FEWEST_ROWS:
        return 0.0
    pair = pd.DataFrame({"value": values_N[both].to_numpy(), "target": target_N[both].to_numpy()})
    if pair["value"].nunique() < 2 or pair["target"].nunique() < 2:
        return 0.0
    return max(abs(_correlation(pair)), abs(_correlation(pair.rank())))


def _correlation(pair: pd.DataFrame) -> float:
    return float(np.corrcoef(pair["value"], pair["target"])[0, 1])

"""What the figures need from predictions: curves over thresholds, counts, reliability, residual quantiles.

Plain numpy, because a report should not wait for a large import. Shapes: N rows, K classes, B bins.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Thresholds:
    """Counts of a classifier of two classes at every distinct threshold, from the strictest to the most lenient."""

    true_positives: Floats
    false_positives: Floats
    positives: int
    negatives: int

    @property
    def recall(self) -> Floats:
        return self.true_positives / max(self.positives, 1)

    @property
    def fall_out(self) -> Floats:
        return self.false_positives / max(self.negatives, 1)

    @property
    def precision(self) -> Floats:
        return self.true_positives / (self.true_positives + self.false_positives)

    @property
    def average_precision(self) -> float:
        """Precision weighted by the steps in recall (no interpolation); NaN without a positive row."""
        if not self.positives:
            return float("nan")
        return float(np.diff(np.append(0.0, self.recall)) @ self.precision)


def thresholds(positive_N: NDArray[np.bool_], probability_N: Floats) -> Thresholds:
    """Count hits and false alarms when everything at or above each distinct probability is called positive."""
    order = np.argsort(-probability_N, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(probability_N[order])), len(order) - 1)
    hits = np.cumsum(positive_N[order])[last_of_ties].astype(float)
    return Thresholds(hits, last_of_ties + 1 - hits, int(positive_N.sum()), int((~positive_N).sum()))


# Points at which the curves of folds are averaged.
GRID = np.linspace(0, 1, 201)


def mean_curves(folds: Sequence[Thresholds]) -> tuple[Floats, Floats]:
    """The ROC curve and the precision over the recall, each averaged over the folds at every point of `GRID`.

    Probabilities of different networks are on different scales, so that their rows are not ranked together. Source of
    vertical averaging: Fawcett 2006, "An introduction to ROC analysis", Pattern Recognition Letters 27, section 8.1.
    """
    ranked = [fold for fold in folds if fold.positives and fold.negatives]
    if not ranked:
        return np.full(len(GRID), np.nan), np.full(len(GRID), np.nan)
    recalls = [np.interp(GRID, np.append(0.0, fold.fall_out), np.append(0.0, fold.recall)) for fold in ranked]
    precisions = [fold.precision[np.searchsorted(fold.recall, GRID).clip(max=len(fold.recall) - 1)] for fold in ranked]
    return np.mean(recalls, axis=0), np.mean(precisions, axis=0)


def confusion(actual_N: pd.Series, predicted_N: pd.Series, classes: list[str]) -> NDArray[np.int64]:
    """(K, K) counts: rows are actual classes, columns predicted ones, both in the order of `classes`."""
    place = {name: index for index, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (actual_N.map(place).to_numpy(np.int64), predicted_N.map(place).to_numpy(np.int64)), 1)
    return counts


@dataclass(frozen=True)
class Reliability:
    """Bins of equal size: mean stated probability, observed share, its interval, and the rows in each."""

    stated: Floats
    observed: Floats
    low: Floats
    high: Floats
    rows: NDArray[np.int64]

    @property
    def mean_gap(self) -> float:
        """Expected calibration error: the mean distance between promise and outcome, weighted by rows."""
        return float(np.average(np.abs(self.stated - self.observed), weights=self.rows))


def reliability(probability_N: Floats, happened_N: NDArray[np.bool_]) -> Reliability:
    """Compare stated probabilities with what happened, in up to ten bins of about equal numbers of rows.

    Equal probabilities share a bin. Intervals are Wilson's 95% score intervals (Wilson 1927).
    """
    bins = int(np.clip(len(probability_N) // 20, 1, 10))
    edges = np.unique(np.quantile(probability_N, np.linspace(0, 1, bins + 1)))
    bin_N = np.searchsorted(edges[1:-1], probability_N, side="right")
    rows = np.bincount(bin_N)
    kept = rows > 0
    stated = np.bincount(bin_N, probability_N)[kept] / rows[kept]
    observed = np.bincount(bin_N, happened_N)[kept] / rows[kept]
    low, high = wilson_interval(observed, rows[kept])
    return Reliability(stated, observed, low, high, rows[kept])


def wilson_interval(share: Floats, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Wilson's 95% score interval of a share observed on `rows` rows."""
    z = 1.959964
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


@dataclass(frozen=True)
class ClassScore:
    """One class or label: rows that have it, and how well it is found."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    average_precision: float


def class_scores(counts_KK: NDArray[np.int64], classes: list[str]) -> list[ClassScore]:
    """Precision, recall and F1 of every class of a confusion matrix (average precision is left NaN)."""
    return [
        _class_score(name, int(counts_KK[k, k]), int(counts_KK[k].sum()), int(counts_KK[:, k].sum()), float("nan"))
        for k, name in enumerate(classes)
    ]


def label_scores(predictions: pd.DataFrame, labels: list[str]) -> list[ClassScore]:
    """The same for every label, where rows may have several, with its average precision, the mean over the folds."""
    scores = []
    for name in labels:
        actual = predictions[f"actual__{name}"].to_numpy() == 1
        predicted = predictions[f"predicted__{name}"].to_numpy() == 1
        probability = predictions[f"probability__{name}"].to_numpy(np.float64)
        folds = [predictions["fold"].to_numpy() == fold for fold in predictions["fold"].unique()]
        ranked = [thresholds(actual[rows], probability[rows]).average_precision for rows in folds if actual[rows].any()]
        hits = int((actual & predicted).sum())
        scores.append(
            _class_score(
                name, hits, int(actual.sum()), int(predicted.sum()), float(np.mean(ranked)) if ranked else math.nan
            )
        )
    return scores


def _class_score(name: str, hits: int, actual: int, predicted: int, average_precision: float) -> ClassScore:
    return ClassScore(
        name=name,
        rows=actual,
        precision=hits / predicted if predicted else float("nan"),
        recall=hits / actual if actual else float("nan"),
        f1=2 * hits / (actual + predicted) if actual + predicted else float("nan"),
        average_precision=average_precision,
    )


def behind_best(candidates: pd.DataFrame, best: int, maximize: bool) -> tuple[Floats, Floats]:
    """How far each candidate is behind the best on the same folds, and the standard error of that paired difference.

    Positive is worse, in units of the measure.
    """
    folds = candidates[[name for name in candidates.columns if name.startswith("fold_")]].to_numpy(np.float64)
    losses = (folds[best] - folds) if maximize else (folds - folds[best])
    return losses.mean(axis=1), candidates["difference_error"].to_numpy(np.float64)


def coverage(
    residual_N: Floats, test_residual_N: Floats, shares: tuple[float, ...]
) -> list[tuple[float, float, float]]:
    """For each share: the plus-or-minus that holds this share of the residuals, and the share of test rows it holds."""
    sizes = np.abs(residual_N)
    spreads = [float(np.quantile(sizes, share)) for share in shares]
    held = [float((np.abs(test_residual_N) <= spread).mean()) for spread in spreads]
    return list(zip(shares, spreads, held, strict=True))

"""Predictions that ignore the inputs, each a `CommonSense`. Shapes: A training rows, V rows, K outputs."""

import numpy as np

from src.models.types.problem_type import Array


def mean(truth_AK: Array, w_A: Array, rows: int, rng: np.random.Generator) -> Array:
    """Always the weighted mean: for classes their shares, for values the best constant for the squared error."""
    return np.repeat(np.average(truth_AK, axis=0, weights=w_A)[None], rows, axis=0)


def median(truth_AK: Array, w_A: Array, rows: int, rng: np.random.Generator) -> Array:
    """Always the weighted median: the best constant for the absolute error."""
    lower_K = np.quantile(truth_AK, 0.5, axis=0, weights=w_A, method="inverted_cdf")
    upper_K = -np.quantile(-truth_AK, 0.5, axis=0, weights=w_A, method="inverted_cdf")
    return np.repeat((lower_K + upper_K)[None] / 2, rows, axis=0)


def drawn_class(truth_AK: Array, w_A: Array, rows: int, rng: np.random.Generator) -> Array:
    """One class for each row, drawn at random by the shares of the classes."""
    return rng.multinomial(1, np.average(truth_AK, axis=0, weights=w_A), size=rows).astype(np.float64)


def drawn_flags(truth_AK: Array, w_A: Array, rows: int, rng: np.random.Generator) -> Array:
    """Yes or no for each row and output, drawn at random by the share of yes."""
    shares_1K = np.average(truth_AK, axis=0, weights=w_A)[None]
    return (rng.random((rows, shares_1K.shape[1])) < shares_1K).astype(np.float64)

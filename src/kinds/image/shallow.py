"""Shallow models for pictures: linear ones and forests on their pixels.

Shapes: N pictures, D pixels.
"""

import warnings
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.kinds.shallow import by_type
from src.pictures import AT_ONCE, Pictures

# Pixels of a picture that a shallow model sees, and rows that it learns from: beyond, mostly the waiting grows.
MOST_PIXELS, MOST_ROWS = 32 * 32, 20_000

Vectorized = Pictures | NDArray[np.float32]


class OnPixels:
    """A scikit-learn model of pixels, on evenly spaced rows, with neighbouring pixels averaged where there are many.

    Features of a pretrained network, which come as an array, are taken as they are.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        if hasattr(model, "predict_proba"):
            self.predict_proba = lambda x: self.model.predict_proba(_pixels(x))

    def fit(self, x: Vectorized, y_N: NDArray[np.float32], sample_weight: NDArray[np.float32] | None = None) -> Self:
        every = -(-len(x) // MOST_ROWS)
        weight_n = None if sample_weight is None else sample_weight[::every]
        self.model.fit(_pixels(x[::every]), y_N[::every], sample_weight=weight_n)
        return self

    def predict(self, x: Vectorized) -> NDArray[np.float64]:
        return self.model.predict(_pixels(x))


def _pixels(x: Vectorized) -> NDArray[np.float32]:
    """Small numbers (N, D); squares of pixels are averaged until there are few enough."""
    if isinstance(x, np.ndarray):
        return x
    _, channels, height, width = x.shape
    side = 1
    while channels * (height // side) * (width // side) > MOST_PIXELS:
        side += 1
    rows, columns = height // side, width // side
    found = [np.empty((0, channels * rows * columns), np.float32)]
    for start in range(0, len(x), AT_ONCE):
        part = x[start : start + AT_ONCE]
        cut_BCHW = np.asarray(part).reshape(part.shape)[:, :, : rows * side, : columns * side]
        means = cut_BCHW.reshape(len(part), channels, rows, side, columns, side).mean(axis=(3, 5))
        found.append(means.reshape(len(part), -1))
    return np.concatenate(found)


class _Logistic:
    """Logistic regression with a penalty that means the same with few rows and with many: `strength` for each row.

    Of many pixels L-BFGS takes seconds where stochastic gradients take minutes.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def fit(self, x_ND: NDArray[np.float32], y_N: NDArray[np.float32], sample_weight: Any = None) -> Self:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        self.model = LogisticRegression(C=1 / (self.strength * len(y_N)), max_iter=200)
        with warnings.catch_warnings():  # the steps that are left would change the fourth digit
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(x_ND, y_N, sample_weight=sample_weight)
        return self

    def predict_proba(self, x_ND: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.model.predict_proba(x_ND)


def _linear_classifier(seed: int, strength: float) -> OnPixels:
    return OnPixels(_Logistic(strength))


def _forest_classifier(seed: int) -> OnPixels:
    from sklearn.ensemble import ExtraTreesClassifier

    return OnPixels(ExtraTreesClassifier(100, random_state=seed))


def _linear_regressor(seed: int) -> OnPixels:
    from sklearn.linear_model import Ridge

    return OnPixels(Ridge(alpha=100.0))


def _forest_regressor(seed: int) -> OnPixels:
    from sklearn.ensemble import ExtraTreesRegressor

    return OnPixels(ExtraTreesRegressor(100, max_features="sqrt", random_state=seed))


SHALLOW = by_type(
    classifiers={
        "linear": partial(_linear_classifier, strength=1e-3),
        "strongly_regularized_linear": partial(_linear_classifier, strength=1e-2),
        "forest": _forest_classifier,
    },
    regressors={"linear": _linear_regressor, "forest": _forest_regressor},
)

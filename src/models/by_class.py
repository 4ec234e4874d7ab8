"""A model of pictures for each class, which draws pictures with their class. Shapes: N pictures, K classes."""

from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.inputs.pictures import ClassedPictures

Array = NDArray[np.float64]

# Classes of fewer pictures are drawn by a model of all pictures.
FEWEST = 20


class ByClass:
    """Copies of an unfitted estimator, each fitted to the pictures of one class, and one to those of all.

    Classes are drawn as often as they occur. The first of `fitted_` is that of all pictures; `model_K_` says which of
    them draws a class.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, x: ClassedPictures, y: None = None, sample_weight: Array | None = None) -> Self:
        """sample_weight: of the pictures, also in the shares of the classes."""
        weight_N = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        self.shares_K_ = np.bincount(x.class_N, weight_N) / weight_N.sum()
        self.model_K_ = np.zeros(len(self.shares_K_), np.int64)
        self.fitted_ = [deepcopy(self.estimator).fit(x.pixels_NCHW, None, sample_weight)]
        for class_, rows in enumerate(np.bincount(x.class_N)):
            if rows < FEWEST:
                continue
            of_class_N = x.class_N == class_
            weights = None if sample_weight is None else weight_N[of_class_N]
            self.model_K_[class_] = len(self.fitted_)
            self.fitted_.append(deepcopy(self.estimator).fit(x.pixels_NCHW[of_class_N], None, weights))
        return self

    def sample(self, count: int, rng: np.random.Generator, class_: int | None = None) -> ClassedPictures:
        """Random pictures with their classes. class_: that of all of them."""
        shares_K = self.shares_K_ / self.shares_K_.sum()
        class_N = rng.choice(len(shares_K), count, p=shares_K) if class_ is None else np.full(count, class_)
        model_N = self.model_K_[class_N]
        parts = {model: self.fitted_[model].sample(int((model_N == model).sum()), rng) for model in np.unique(model_N)}
        pixels_NCHW = np.empty((count, *next(iter(parts.values())).shape[1:]), np.uint8)
        for model, part in parts.items():
            pixels_NCHW[model_N == model] = part
        return ClassedPictures(pixels_NCHW, class_N.astype(np.int64))

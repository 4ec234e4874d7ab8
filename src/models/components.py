"""Principal components as the shallow autoencoder. Shapes: N rows, D inputs, C components."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError

Array = NDArray[np.float64]


class Components:
    """The best linear code: `count` principal components; with none, every row is rebuilt as the mean.

    `score_samples` says of each row the mean squared error of what is rebuilt, and the code: (N, 1 + C). Source:
    Pearson 1901, "On lines and planes of closest fit to systems of points in space".
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"count": self.count}

    def fit(self, x_ND: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        """Raises UserError where the code would be as long as a row."""
        if self.count >= x_ND.shape[1]:
            raise UserError(f"code: {self.count} numbers cannot sum up rows of {x_ND.shape[1]}; choose a shorter code")
        x_ND = x_ND.astype(np.float64)
        self.mean_ = np.average(x_ND, axis=0, weights=sample_weight)
        covariance_DD = np.cov(x_ND.T, aweights=sample_weight).reshape(len(self.mean_), -1)
        axes_DD = np.linalg.eigh(covariance_DD)[1][:, ::-1]
        # An axis may point either way: its largest number is positive.
        largest_D = axes_DD[np.abs(axes_DD).argmax(0), np.arange(len(axes_DD))]
        self.axes_ = (axes_DD * np.where(largest_D < 0, -1.0, 1.0))[:, : self.count]
        return self

    def rebuilt(self, code_NC: Array) -> Array:
        """The row that each code stands for, (N, D)."""
        return code_NC @ self.axes_.T + self.mean_

    def score_samples(self, x_ND: NDArray[Any]) -> Array:
        code_NC = (x_ND - self.mean_) @ self.axes_
        error_N = np.square(x_ND - self.rebuilt(code_NC)).mean(1)
        return np.column_stack([error_N, code_NC])

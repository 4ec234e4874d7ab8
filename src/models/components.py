"""Principal components as the shallow autoencoder. Shapes: N rows, D inputs, C components."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError

Array = NDArray[np.float64]
AT_ONCE = 4096


class Components:
    """The best linear code: `count` principal components; with none, every row is rebuilt as the mean.

    `score_samples` gives the mean squared error of each rebuilt row, and its code: (N, 1 + C). Source:
    Pearson 1901, "On lines and planes of closest fit to systems of points in space".
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"count": self.count}

    def fit(self, x_ND: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        """Raises UserError if the code would be as long as a row."""
        if self.count >= x_ND.shape[1]:
            raise UserError(f"code: {self.count} numbers cannot sum up rows of {x_ND.shape[1]}; choose a shorter code")
        w_N = np.ones(len(x_ND)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        self.mean_ = sum(w_n @ x_nD for x_nD, w_n in _parts(x_ND, w_N)) / w_N.sum()
        covariance_DD = sum(
            (x_nD - self.mean_).T @ ((x_nD - self.mean_) * w_n[:, None]) for x_nD, w_n in _parts(x_ND, w_N)
        )
        axes_DD = np.linalg.eigh(covariance_DD)[1][:, ::-1]
        # An axis may point either way: its largest number is positive.
        largest_D = axes_DD[np.abs(axes_DD).argmax(0), np.arange(len(axes_DD))]
        self.axes_ = (axes_DD * np.where(largest_D < 0, -1.0, 1.0))[:, : self.count]
        return self

    def rebuilt(self, code_NC: Array) -> Array:
        """The row that each code stands for, (N, D)."""
        return code_NC @ self.axes_.T + self.mean_

    def score_samples(self, x_ND: NDArray[Any]) -> Array:
        codes, errors = [], []
        for x_nD, _ in _parts(x_ND, np.ones(len(x_ND))):
            codes.append((x_nD - self.mean_) @ self.axes_)
            errors.append(np.square(x_nD - self.rebuilt(codes[-1])).mean(1))
        return np.column_stack([np.concatenate(errors), np.concatenate(codes)])


def _parts(x_ND: NDArray[Any], w_N: Array) -> Iterator[tuple[Array, Array]]:
    """Some rows after others, so that no copy of all of them is made."""
    for start in range(0, max(len(x_ND), 1), AT_ONCE):
        yield np.asarray(x_ND[start : start + AT_ONCE], np.float64), w_N[start : start + AT_ONCE]

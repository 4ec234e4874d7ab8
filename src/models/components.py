"""Principal components as the shallow autoencoder. Shapes: N rows, D inputs, C components."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from src.core.errors import UserError

Array = NDArray[np.float64]
AT_ONCE = 4096


class Components:
    """The best linear code: `count` principal components; with none, every row is rebuilt as the mean.

    `score_samples` gives the mean squared error of each rebuilt row, and its code: (N, 1 + C). length: C, if the code
    is to have more numbers than components; these are 0. Source: Pearson 1901, "On lines and planes of closest fit to
    systems of points in space".
    """

    def __init__(self, count: int = 0, length: int = 0) -> None:
        self.count, self.length = count, length

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"count": self.count, "length": self.length}

    def fit(self, x_ND: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        """Raises UserError if the code would be as long as a row."""
        if self.count >= x_ND.shape[1]:
            raise UserError(f"code: {self.count} numbers cannot sum up rows of {x_ND.shape[1]}; choose a shorter code")
        w_N = np.ones(len(x_ND)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        axes_DC = _axes_of_sparse(x_ND, w_N, self.count) if issparse(x_ND) else _axes(x_ND, w_N, self.count)
        self.mean_ = _mean(x_ND, w_N)
        # An axis may point either way: its largest number is positive.
        largest_C = axes_DC[np.abs(axes_DC).argmax(0), np.arange(self.count)]
        self.axes_ = axes_DC * np.where(largest_C < 0, -1.0, 1.0)
        return self

    def rebuilt(self, code_NC: Array) -> Array:
        """The row that each code stands for, (N, D)."""
        return code_NC[:, : self.count] @ self.axes_.T + self.mean_

    def score_samples(self, x_ND: NDArray[Any]) -> Array:
        scored_NS = self._of_sparse(x_ND) if issparse(x_ND) else self._of_dense(x_ND)
        return np.pad(scored_NS, ((0, 0), (0, max(self.length - self.count, 0))))

    def _of_dense(self, x_ND: NDArray[Any]) -> Array:
        codes, errors = [], []
        for x_nD, _ in _parts(x_ND, np.ones(len(x_ND))):
            codes.append((x_nD - self.mean_) @ self.axes_)
            errors.append(np.square(x_nD - self.rebuilt(codes[-1])).mean(1))
        return np.column_stack([np.concatenate(errors), np.concatenate(codes)])

    def _of_sparse(self, x_ND: Any) -> Array:
        """The same without dense rows: what is rebuilt and what is left over are at right angles."""
        x_ND = csr_array(x_ND, dtype=np.float64)
        code_NC = x_ND @ self.axes_ - self.mean_ @ self.axes_
        apart_N = x_ND.power(2).sum(axis=1) - 2 * (x_ND @ self.mean_) + self.mean_ @ self.mean_
        left_N = np.maximum(apart_N - np.square(code_NC).sum(1), 0)
        return np.column_stack([left_N / x_ND.shape[1], code_NC])


def _mean(x_ND: Any, w_N: Array) -> Array:
    if issparse(x_ND):
        return np.asarray(w_N @ csr_array(x_ND, dtype=np.float64)) / w_N.sum()
    total_D: Array = sum((w_n @ x_nD for x_nD, w_n in _parts(x_ND, w_N)), np.zeros(x_ND.shape[1]))
    return total_D / w_N.sum()


def _axes(x_ND: NDArray[Any], w_N: Array, count: int) -> Array:
    """The principal axes of dense rows, (D, C)."""
    if count == 0:
        return np.empty((x_ND.shape[1], 0))
    mean_D = _mean(x_ND, w_N)
    covariance_DD = sum((x_nD - mean_D).T @ ((x_nD - mean_D) * w_n[:, None]) for x_nD, w_n in _parts(x_ND, w_N))
    return np.linalg.eigh(covariance_DD)[1][:, ::-1][:, :count]


def _axes_of_sparse(x_ND: Any, w_N: Array, count: int) -> Array:
    """The principal axes of sparse rows, (D, C), by Lanczos steps that subtract the mean without storing dense rows.

    Raises UserError if there are no more rows than numbers in a code.
    """
    from scipy.sparse.linalg import LinearOperator, svds

    if count == 0:
        return np.empty((x_ND.shape[1], 0))
    if count >= x_ND.shape[0]:
        raise UserError(f"code: {x_ND.shape[0]} rows do not determine {count} numbers; choose a shorter code")
    x_ND, mean_D, root_N = csr_array(x_ND, dtype=np.float64), _mean(x_ND, w_N), np.sqrt(w_N)
    centred = LinearOperator(
        x_ND.shape,
        matvec=lambda v_D: root_N * (x_ND @ v_D.ravel() - mean_D @ v_D.ravel()),
        rmatvec=lambda u_N: x_ND.T @ (root_N * u_N.ravel()) - mean_D * (root_N @ u_N.ravel()),
        dtype=np.float64,
    )
    start = np.random.default_rng(0).normal(size=min(x_ND.shape))
    _, values_C, axes_CD = svds(centred, k=count, v0=start, return_singular_vectors="vh")
    return axes_CD[np.argsort(-values_C)].T


def _parts(x_ND: NDArray[Any], w_N: Array) -> Iterator[tuple[Array, Array]]:
    """Some rows after others, so that no copy of all of them is made."""
    for start in range(0, max(len(x_ND), 1), AT_ONCE):
        yield np.asarray(x_ND[start : start + AT_ONCE], np.float64), w_N[start : start + AT_ONCE]

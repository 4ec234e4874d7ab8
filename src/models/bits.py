"""Shallow codes of bits. Shapes: N rows, D inputs, C bits, P components, S stages, M centres of a stage."""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from src.core.errors import UserError
from src.models.components import Components

Array = NDArray[np.float64]
# Bits of a stage of k-means, and rows that teach a centre at least.
MOST_BITS, ROWS_OF_CENTRE = 8, 4
# Sparse rows are grouped by so many principal components.
MOST_COMPONENTS = 100


class Signs:
    """On which side of the mean a row lies along each principal component, rebuilt as the mean of the rows there.

    `score_samples` gives the mean squared error of each rebuilt row, and its bits: (N, 1 + C). Source: Gong and
    Lazebnik 2011, "Iterative quantization: a procrustean approach to learning binary codes", section 2.1 (PCA sign).
    """

    def __init__(self, bits: int = 1) -> None:
        self.bits = bits

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"bits": self.bits}

    def fit(self, x_ND: Any, y: None = None, sample_weight: Array | None = None) -> Self:
        """Raises UserError if there are fewer inputs than bits."""
        if self.bits >= x_ND.shape[1]:
            raise UserError(f"code: {self.bits} bits need rows of more than {x_ND.shape[1]} inputs; choose fewer bits")
        w_N = np.ones(x_ND.shape[0]) if sample_weight is None else np.asarray(sample_weight, np.float64)
        self.components_ = Components(self.bits).fit(x_ND, sample_weight=w_N)
        place_NC = self.components_.score_samples(x_ND)[:, 1:]
        sides = [np.where(place_NC > 0, w_N[:, None], 0), np.where(place_NC > 0, 0, w_N[:, None])]
        self.places_2C_ = np.stack([(w_NC * place_NC).sum(0) / np.maximum(w_NC.sum(0), 1e-300) for w_NC in sides[::-1]])
        return self

    def rebuilt(self, code_NC: Array) -> Array:
        """The row that each code stands for, (N, D)."""
        return self.components_.rebuilt(self._places(code_NC))

    def score_samples(self, x_ND: Any) -> Array:
        scored_NS = self.components_.score_samples(x_ND)
        bits_NC = (scored_NS[:, 1:] > 0).astype(np.float64)
        # What the components leave over is at right angles to them.
        moved_N = np.square(scored_NS[:, 1:] - self._places(bits_NC)).sum(1) / x_ND.shape[1]
        return np.column_stack([scored_NS[:, 0] + moved_N, bits_NC])

    def _places(self, bits_NC: Array) -> Array:
        return np.where(bits_NC > 0.5, self.places_2C_[1], self.places_2C_[0])


class ResidualKMeans:
    """The nearest of a few hundred centres, then the nearest to what is left over, and so on: 8 bits a time.

    `score_samples` gives the mean squared error of each rebuilt row, and its bits: (N, 1 + C). With few rows a stage
    has fewer bits. Source: Gray 1984, "Vector quantization" (multistage).
    """

    def __init__(self, bits: int = 1, seed: int = 0) -> None:
        self.bits, self.seed = bits, seed

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"bits": self.bits, "seed": self.seed}

    def fit(self, x_ND: Any, y: None = None, sample_weight: Array | None = None) -> Self:
        from sklearn.cluster import MiniBatchKMeans
        from threadpoolctl import threadpool_limits

        self.components_ = None
        if issparse(x_ND):
            count = min(MOST_COMPONENTS, min(x_ND.shape) - 1)
            self.components_ = Components(count).fit(x_ND, sample_weight=sample_weight)
        left_ND = np.asarray(x_ND) if self.components_ is None else self.components_.score_samples(x_ND)[:, 1:]
        of_stage = max(min(MOST_BITS, int(math.log2(max(len(left_ND) / ROWS_OF_CENTRE, 2)))), 1)
        self.stages_ = [min(of_stage, self.bits - start) for start in range(0, self.bits, of_stage)]
        self.centres_ = []
        for number, bits in enumerate(self.stages_):
            distinct = len(np.unique(left_ND, axis=0)) if len(left_ND) < 2 ** (bits + 4) else 2**bits
            model = MiniBatchKMeans(
                min(2**bits, distinct), batch_size=4096, n_init=1, max_iter=30, random_state=self.seed + number
            )
            with threadpool_limits(1):  # the same centres whatever the number of cores
                model.fit(left_ND, sample_weight=sample_weight)
            self.centres_.append(np.asarray(model.cluster_centers_, np.float64))
            left_ND = left_ND - self.centres_[-1][_nearest(left_ND, self.centres_[-1])].astype(left_ND.dtype)
        return self

    def rebuilt(self, code_NC: Array) -> Array:
        """The row that each code stands for, (N, D)."""
        ends = np.cumsum(self.stages_)
        x_ND = sum(
            centres_MD[_whole(code_NC[:, end - bits : end]).clip(max=len(centres_MD) - 1)]
            for centres_MD, bits, end in zip(self.centres_, self.stages_, ends, strict=True)
        )
        return np.asarray(x_ND) if self.components_ is None else self.components_.rebuilt(np.asarray(x_ND))

    def score_samples(self, x_ND: Any) -> Array:
        scored_NS = None if self.components_ is None else self.components_.score_samples(x_ND)
        left_ND = np.array(x_ND, np.float64) if scored_NS is None else scored_NS[:, 1:]
        outside_N = np.zeros(len(left_ND)) if scored_NS is None else scored_NS[:, 0]
        codes = []
        for centres_MD, bits in zip(self.centres_, self.stages_, strict=True):
            nearest_N = _nearest(left_ND, centres_MD)
            left_ND -= centres_MD[nearest_N]
            codes.append((nearest_N[:, None] >> np.arange(bits)[::-1]) & 1)
        error_N = np.square(left_ND).sum(1) / x_ND.shape[1] + outside_N
        return np.column_stack([error_N, *codes])


def _nearest(x_ND: NDArray[Any], centres_MD: Array) -> NDArray[np.intp]:
    """The centre nearest to each row, (N,)."""
    from sklearn.metrics import pairwise_distances_argmin
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        nearest_N: NDArray[np.intp] = pairwise_distances_argmin(x_ND, centres_MD.astype(x_ND.dtype))
    return nearest_N


def _whole(bits_NC: Array) -> NDArray[np.intp]:
    """Bits as whole numbers, the first bit first."""
    whole_N: NDArray[np.intp] = (bits_NC > 0.5).astype(np.intp) @ (1 << np.arange(bits_NC.shape[1])[::-1])
    return whole_N

"""The shallow likelihood of pictures: each pixel given its neighbours to the left, above, and above to the left.

Shapes: N pictures, C channels, H height, W width, Q contexts, L levels.
"""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.models.histograms import LEVELS

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
# How finely the neighbours' levels are told apart, from the coarsest to the finest context.
SHADES = (1, 4, 8, 16)
# How many pixels a coarser context counts for in a finer one. The best is chosen.
STRENGTHS = (2.0, 10.0, 50.0)
# Every so many pictures one is kept apart to choose by.
APART = 5
AT_ONCE = 1024


class NeighbourContexts:
    """The probability of each level of a pixel in the context of three pixels that were read before it.

    A context's counts are smoothed towards those of the coarser context that it lies in (as by a Dirichlet prior), the
    coarsest towards a uniform distribution. Beyond the border pixels are black. Each channel has its own counts.
    `score_samples` gives each picture's bits and its pixels times channels, (N, 2). Source for such contexts: Rissanen
    and Langdon 1981, "Universal modeling and coding".
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, as estimators of scikit-learn give them: none."""
        return {}

    def fit(self, x_NCHW: Bytes, y: None = None, sample_weight: Array | None = None) -> Self:
        w_N = np.ones(len(x_NCHW)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        self.shape_ = [int(size) for size in x_NCHW.shape[1:]]
        apart_N = np.arange(len(x_NCHW)) % APART == APART - 1
        if not apart_N.any():
            self.bits_ = self._smoothed(self._counts(x_NCHW, w_N), STRENGTHS[-1])
            return self
        known, held = self._counts(x_NCHW[~apart_N], w_N[~apart_N]), self._counts(x_NCHW[apart_N], w_N[apart_N])
        values = [float((self._smoothed(known, strength) * held).sum()) for strength in STRENGTHS]
        self.bits_ = self._smoothed(known + held, STRENGTHS[int(np.argmin(values))])
        return self

    def score_samples(self, x_NCHW: Bytes) -> Array:
        bits = [
            self.bits_[np.arange(x_nCHW.shape[1])[:, None, None], contexts(x_nCHW), x_nCHW].sum(axis=(1, 2, 3))
            for x_nCHW in _parts(x_NCHW)
        ]
        return np.column_stack([np.concatenate(bits), np.full(len(x_NCHW), x_NCHW[0].size)])

    def sample(self, count: int, rng: np.random.Generator) -> Bytes:
        """Random pictures (count, C, H, W), pixel by pixel."""
        channels, height, width = self.shape_
        x_NCHW = np.zeros((count, channels, height, width), np.uint8)
        for row in range(height):
            for column in range(width):
                part = x_NCHW[:, :, max(row - 1, 0) : row + 1, max(column - 1, 0) : column + 1]
                context_NC = contexts(part)[:, :, -1, -1]
                p_NCL = np.exp2(-self.bits_[np.arange(channels), context_NC])
                ends_NCL = p_NCL.cumsum(axis=2)
                drawn = rng.random((count, channels, 1)) * ends_NCL[:, :, -1:]
                x_NCHW[:, :, row, column] = (ends_NCL < drawn).sum(axis=2)
        return x_NCHW

    @staticmethod
    def _counts(x_NCHW: Bytes, w_N: Array) -> Array:
        """The weight of each level in each finest context, (C, Q, L)."""
        channels, cells = x_NCHW.shape[1], SHADES[-1] ** 3 * LEVELS
        counts_CQ = np.zeros((channels, cells))
        start = 0
        for x_nCHW in _parts(x_NCHW):
            place_nCHW = contexts(x_nCHW) * LEVELS + x_nCHW
            weight_nHW = np.broadcast_to(w_N[start : start + len(x_nCHW), None, None], place_nCHW[:, 0].shape).ravel()
            for channel in range(channels):
                counts_CQ[channel] += np.bincount(place_nCHW[:, channel].ravel(), weight_nHW, cells)
            start += len(x_nCHW)
        return counts_CQ.reshape(channels, -1, LEVELS)

    @staticmethod
    def _smoothed(counts_CQL: Array, strength: float) -> Array:
        """The bits of each level in each context, (C, Q, L)."""
        channels, finest = len(counts_CQL), SHADES[-1]
        grid = counts_CQL.reshape(channels, finest, finest, finest, LEVELS)
        p = np.full((channels, 1, 1, 1, LEVELS), 1 / LEVELS)
        for shades in SHADES:
            step = finest // shades
            counts = grid.reshape(channels, shades, step, shades, step, shades, step, LEVELS).sum(axis=(2, 4, 6))
            repeats = shades // p.shape[1]
            for axis in (1, 2, 3):
                p = p.repeat(repeats, axis=axis)
            p = (counts + strength * p) / (counts.sum(axis=-1, keepdims=True) + strength)
        bits_CQL: Array = -np.log2(p).reshape(channels, -1, LEVELS)
        return bits_CQL


def contexts(x_NCHW: Bytes) -> NDArray[np.int64]:
    """The finest context of each pixel, a number. Black and white are shades of their own."""
    finest = SHADES[-1]
    levels = np.arange(LEVELS)
    shade_L = np.where(levels == 0, 0, np.where(levels == LEVELS - 1, finest - 1, 1 + levels * (finest - 2) // LEVELS))
    padded = np.pad(shade_L[x_NCHW], ((0, 0), (0, 0), (1, 0), (1, 0)))
    left, above, corner = padded[:, :, 1:, :-1], padded[:, :, :-1, 1:], padded[:, :, :-1, :-1]
    number_NCHW: NDArray[np.int64] = (left * finest + above) * finest + corner
    return number_NCHW


def _parts(x_NCHW: Bytes) -> Iterator[Bytes]:
    for start in range(0, len(x_NCHW), AT_ONCE):
        yield x_NCHW[start : start + AT_ONCE]

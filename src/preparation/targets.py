"""Standardize unbounded targets. Shapes: N rows, T target columns, K outputs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.core.stored import Stored
from src.kinds.tabular.vectorizer import ROUNDING


class TargetScaler(Stored):
    """Mean 0 and variance 1 over the training rows, per column, so that one learning rate suits all targets."""

    mean: list[float]
    scale: list[float]

    @classmethod
    def fit(cls, y_NT: NDArray[np.float64]) -> "TargetScaler":
        mean_T, spread_T = y_NT.mean(axis=0), y_NT.std(axis=0)
        varies_T = spread_T > ROUNDING * np.abs(mean_T)
        return cls(mean=mean_T.tolist(), scale=np.where(varies_T, spread_T, 1.0).tolist())

    def transform(self, y_NT: NDArray[np.float64]) -> NDArray[np.float64]:
        return (y_NT - self.mean) / self.scale

    def restore(self, y_NT: NDArray[np.float64]) -> NDArray[np.float64]:
        return y_NT * self.scale + self.mean


def restored(parts: Sequence[NDArray[np.float64]], scalers: Sequence[TargetScaler | None]) -> NDArray[np.float64]:
    """The predictions for each target in its own unit, side by side, (N, K)."""
    pairs = zip(parts, scalers, strict=True)
    return np.concatenate([p_NK if scaler is None else scaler.restore(p_NK) for p_NK, scaler in pairs], axis=1)

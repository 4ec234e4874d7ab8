"""Read learning curves: their mean over folds, where they turn, and whether the network overfits.

Shapes: J folds, E epochs. Epochs count from 1 in everything that people read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError

Array = NDArray[np.float64]

# Epochs over which a curve is averaged before looking for its best point, since single epochs are noisy.
WINDOW = 5
# The validation loss must rise by this share of its minimum to count as turned.
RISE = 0.02
# By luck, the lowest point of a flat curve lies 2.5 standard errors of its window below the rest, hardly ever 4.
LUCK = 4.0


@dataclass(frozen=True)
class Turn:
    """Where the mean validation loss was lowest, and how far it rose after that, in units of the loss.

    rise_error: the standard error of the rise over the folds. noise: the rise that an equally ragged flat curve might
    show by luck.
    """

    epoch: int
    lowest: float
    rise: float
    rise_error: float
    noise: float
    training_fell: bool

    @property
    def overfits(self) -> bool:
        """Whether the curve turned: it rose by more than 2%, one standard error and the noise, while the training loss
        still fell."""
        return self.rise > max(RISE * self.lowest, self.rise_error, self.noise) and self.training_fell


def smooth(curve_E: Array) -> Array:
    """Centred moving average over `WINDOW` epochs, or as many as there are at the ends."""
    kernel = np.ones(min(WINDOW, len(curve_E)))
    return np.convolve(curve_E, kernel, "same") / np.convolve(np.ones(len(curve_E)), kernel, "same")


def find_turn(training_loss_JE: Sequence[Array], validation_loss_JE: Sequence[Array]) -> Turn:
    """Find the turning point in the loss curves of one network on all folds.

    The rise is the mean of the last tenth of the epochs minus the lowest point, per fold; its standard error is taken
    over the folds (0 with one fold). Raises UserError where the training diverged.
    """
    validation_JE = np.array([smooth(curve_E) for curve_E in validation_loss_JE])
    training_E = smooth(np.mean(training_loss_JE, axis=0))
    mean_E = validation_JE.mean(axis=0)
    if not (np.isfinite(training_E).all() and np.isfinite(mean_E).all()):
        raise UserError("the training diverged: its loss is not finite; choose a lower training.learning_rate")
    lowest = int(mean_E.argmin())
    last = max(len(mean_E) // 10, 1)
    rise_J = validation_JE[:, -last:].mean(axis=1) - validation_JE[:, lowest]
    error = float(rise_J.std(ddof=1) / len(rise_J) ** 0.5) if len(rise_J) > 1 else 0.0
    return Turn(
        epoch=lowest + 1,
        lowest=float(mean_E[lowest]),
        rise=float(rise_J.mean()),
        rise_error=error,
        noise=LUCK * _epoch_noise(np.mean(validation_loss_JE, axis=0)) / WINDOW**0.5,
        training_fell=bool(training_E[-1] < training_E[lowest]),
    )


def _epoch_noise(curve_E: Array) -> float:
    """Standard deviation of single epochs around a smooth curve, from the median step, which a trend hardly moves."""
    steps = np.abs(np.diff(curve_E))
    return float(np.median(steps)) / (0.6745 * 2**0.5) if len(steps) else 0.0


def best_epoch(validation_JE: Sequence[Array], maximize: bool) -> int:
    """The first epoch (1-based) at which the smoothed mean curve of the measure is best; NaN is worst."""
    mean_E = smooth(np.mean(validation_JE, axis=0)) * (1 if maximize else -1)
    return int(np.where(np.isnan(mean_E), -np.inf, mean_E).argmax()) + 1

"""Reading learning curves: their mean over folds, where they turn, and whether the network overfits.

Shapes: J folds, E epochs. Epochs are counted from 1 in everything a person reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Epochs over which a curve is averaged before its best point is sought: single epochs are noise.
WINDOW = 5
# The validation loss must rise by this share of its minimum to count as turned.
RISE = 0.02


@dataclass(frozen=True)
class Turn:
    """Where the mean validation loss was lowest, and how far it rose after that, in units of the loss."""

    epoch: int
    lowest: float
    rise: float
    rise_error: float
    training_fell: bool

    @property
    def overfits(self) -> bool:
        """The curve turned: a rise of over 2% and over one standard error, while the training loss went on falling."""
        return self.rise > max(RISE * self.lowest, self.rise_error) and self.training_fell


def smooth(curve_E: Array) -> Array:
    """Centred moving average over `WINDOW` epochs; at the ends, over the epochs there are."""
    kernel = np.ones(min(WINDOW, len(curve_E)))
    return np.convolve(curve_E, kernel, "same") / np.convolve(np.ones(len(curve_E)), kernel, "same")


def find_turn(training_loss_JE: Sequence[Array], validation_loss_JE: Sequence[Array]) -> Turn:
    """Judge the loss curves of one network's folds.

    The rise is the mean of the last tenth of the epochs minus the lowest point, per fold; its standard error is taken
    over the folds (0 with one fold).
    """
    validation_JE = np.array([smooth(curve_E) for curve_E in validation_loss_JE])
    training_E = smooth(np.mean(training_loss_JE, axis=0))
    mean_E = validation_JE.mean(axis=0)
    lowest = int(mean_E.argmin())
    last = max(len(mean_E) // 10, 1)
    rise_J = validation_JE[:, -last:].mean(axis=1) - validation_JE[:, lowest]
    error = float(rise_J.std(ddof=1) / len(rise_J) ** 0.5) if len(rise_J) > 1 else 0.0
    return Turn(
        epoch=lowest + 1,
        lowest=float(mean_E[lowest]),
        rise=float(rise_J.mean()),
        rise_error=error,
        training_fell=bool(training_E[-1] < training_E[lowest]),
    )


def best_epoch(validation_JE: Sequence[Array], maximize: bool) -> int:
    """The first epoch (1-based) at which the smoothed mean curve of the measure is best."""
    mean_E = smooth(np.mean(validation_JE, axis=0))
    return int(mean_E.argmax() if maximize else mean_E.argmin()) + 1

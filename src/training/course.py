"""The course of one member's training, whatever backend trains it: its curves, and when it ends.

Shapes: V validation rows, E epochs, K outputs.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from src.inputs.sparse import widths
from src.preparation.fold import FoldArrays
from src.training.members import History, Member, Paused, Trained

# Called after every epoch with the number of gradient steps that were made, or became unnecessary, in that epoch.
OnEpoch = Callable[[int], object]

# The most rows, evenly spaced, on which the training curve is measured.
CURVE_ROWS = 2_000
# The most rows whose activations a stack holds at once while it measures them.
EVALUATED_AT_ONCE = 2**10


class Course:
    """One member's training from its first epoch, or from a pause, to its last.

    until: the epoch after which to pause, if that comes before the candidate's last.
    """

    def __init__(self, member: Member, until: int | None = None, resumed: Trained | None = None) -> None:
        self.member = member
        self.last = min(member.candidate.epochs, until or member.candidate.epochs)
        self.curves: dict[str, list[float]] = {name: [] for name in History.__dataclass_fields__}
        self.epoch, self.lowest, self.since = 0, math.inf, 0
        self.diverged: int | None = None
        if resumed is not None:
            assert resumed.paused is not None, "only a paused training can be resumed"
            self.curves = {name: getattr(resumed.history, name).tolist() for name in self.curves}
            self.epoch, self.lowest = resumed.paused.epoch, resumed.paused.lowest
            self.since = resumed.paused.since

    def add(self, rows: str, measure: float, loss: float) -> None:
        """Add the last epoch's measure and loss on the `training` or `validation` rows."""
        self.curves[rows].append(measure)
        self.curves[f"{rows}_loss"].append(loss)

    def end_epoch(self, finite: bool) -> bool:
        """Whether the training ends with this epoch. `finite`: all parameters are still finite."""
        self.epoch += 1
        if not (finite and math.isfinite(self.curves["training_loss"][-1])):
            self.diverged = self.epoch
            return True
        if self.curves["validation_loss"]:
            loss = self.curves["validation_loss"][-1]
            self.since = 0 if loss < self.lowest else self.since + 1
            self.lowest = min(self.lowest, loss)
        return self.epoch >= self.last or self.out_of_patience

    @property
    def rest(self) -> int:
        """The number of epochs left."""
        return self.last - self.epoch

    def steps_done(self, ended: bool) -> int:
        """Gradient steps of the last epoch and, if the training ended with it, those that it does not need."""
        return self.member.steps_of_epoch * (1 + self.rest if ended else 1)

    @property
    def out_of_patience(self) -> bool:
        patience = self.member.candidate.patience
        return patience is not None and self.since >= patience

    @property
    def goes_on(self) -> bool:
        """Whether the training is only paused."""
        return self.diverged is None and self.epoch < self.member.candidate.epochs and not self.out_of_patience

    @property
    def history(self) -> History:
        curves = {name: np.array(values) for name, values in self.curves.items()}
        if self.diverged is not None:
            rest = np.full(self.member.candidate.epochs - self.diverged + 1, np.nan)
            before = self.diverged - 1
            curves = {name: np.append(v[:before], rest) if len(v) else v for name, v in curves.items()}
        return History(**curves)

    def trained(
        self,
        fold: FoldArrays,
        weights: dict[str, NDArray[np.float32]],
        p_VK: NDArray[np.float64],
        paused: Paused | None,
        further_VK: NDArray[np.float64] | None = None,
    ) -> Trained:
        """The result of the training. further_VK: the predictions for further targets, if there are any."""
        further_VK = np.empty((len(p_VK), 0)) if further_VK is None else further_VK
        return Trained(
            member=self.member,
            vectorizer=fold.vectorizer,
            target_scaler=fold.target_scaler,
            weights=weights,
            inputs=widths(fold.x_AD),
            history=self.history,
            predictions=p_VK if self.diverged is None else np.full_like(p_VK, np.nan),
            further_scalers=fold.further_scalers,
            further=further_VK if self.diverged is None else np.full_like(further_VK, np.nan),
            diverged=self.diverged,
            paused=paused,
        )


def evenly_spaced(rows: int, most: int = CURVE_ROWS) -> NDArray[np.intp]:
    """At most so many evenly spaced positions of `rows` rows."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.intp))


def nobody(epochs: int) -> None:
    """Do nothing: for trainings without a progress bar."""

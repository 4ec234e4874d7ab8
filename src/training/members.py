"""What is trained, and the results.

Shapes: N rows, V validation rows, E epochs, K outputs.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.kinds.vectorizers import Vectorizer
from src.models.schedules import Schedule
from src.preparation.targets import TargetScaler
from src.results.networks import Candidate
from src.tables.protocols import Index, Split


@dataclass(frozen=True)
class Member:
    """One training: a candidate on the training rows of one fold of one repeat, with its seed.

    `training` and `validation` are positions in the prepared table; `validation` is empty for the final refit.
    """

    candidate: Candidate
    repeat: int
    fold: int
    seed: int
    training: Index
    validation: Index

    @classmethod
    def of_split(cls, candidate: Candidate, split: Split, seed: int) -> "Member":
        """The member of a candidate on a split. Candidates on one split share their random numbers, which makes their
        comparison more precise (common random numbers)."""
        member_seed = int(np.random.SeedSequence([seed, split.repeat, split.fold]).generate_state(1)[0] >> 1)
        return cls(candidate, split.repeat, split.fold, member_seed, split.training, split.validation)

    @property
    def steps(self) -> int:
        """Gradient steps of the whole training, the measure of its cost."""
        return self.candidate.epochs * self.steps_of_epoch

    @property
    def steps_of_epoch(self) -> int:
        return -(-len(self.training) // self.candidate.batch_size)

    @property
    def schedule(self) -> Schedule:
        """How the learning rate changes; a training of fewer epochs than the schedule has leaves it early."""
        epochs = self.candidate.schedule_epochs or self.candidate.epochs
        return Schedule(self.candidate.schedule, epochs * self.steps_of_epoch)


@dataclass(frozen=True)
class History:
    """Curves over E epochs: the measure and the mean loss, on the fold's training and validation rows.

    The validation curves are empty if the member has no validation rows. A member that ran out of patience has only the
    epochs that it was trained for. One that diverged has all epochs, with NaN from the epoch at which it did.
    """

    training: NDArray[np.float64]
    validation: NDArray[np.float64]
    training_loss: NDArray[np.float64]
    validation_loss: NDArray[np.float64]


@dataclass(frozen=True)
class Paused:
    """What a training needs to continue as if it had never stopped, after `epoch` epochs and `steps` steps.

    The optimizer's `moments` hold one number per parameter, in the network's own order. `shuffle` and `masks` are the
    states of the random streams. `lowest` is the best validation loss so far, `since` the number of epochs since then.
    """

    epoch: int
    steps: int
    moments: list[NDArray[Any]]
    shuffle: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    lowest: float
    since: int


@dataclass(frozen=True)
class Trained:
    """A finished member: its weights by name, everything fitted with it, its curves, its predictions_VK.

    further: its predictions for further targets, side by side.

    diverged: the epoch, from 1, at which its numbers were no longer finite; its predictions are NaN then.
    paused: the state to resume from, if the training paused after the epoch `until`. halves: where rows are dealt out
    into clusters, two networks beside this one, see `src.training.centres`.
    """

    member: Member
    vectorizer: Vectorizer
    target_scaler: TargetScaler | None
    weights: dict[str, NDArray[Any]]
    inputs: int | list[int]
    history: History
    predictions: NDArray[np.float64]
    further_scalers: list[TargetScaler | None]
    further: NDArray[np.float64]
    diverged: int | None = None
    paused: Paused | None = None
    halves: "list[Trained]" = field(default_factory=list)

"""The results of `overfit` and `regularize`."""

import json
from typing import Literal, Self

from pydantic import Field, model_validator

from src.networks import Network
from src.problem.terms import MeasureName
from src.results.baseline import FoldScores
from src.results.result import Result
from src.results.verdicts import Verdict


class Rung(Result):
    """One network on the capacity ladder; its measures are means over the development folds.

    turning_epoch: the epoch, from 1, with the lowest smoothed mean validation loss. best_validation: the measure there.
    overfits: the validation loss rose after the turning epoch while the training loss still fell. beats_baseline:
    `best_validation` is ahead of common sense, surely or not. saturated: more capacity would hardly improve the
    training measure (`src.search.climbing`).
    """

    network: Network
    parameters: int
    turning_epoch: int
    best_validation: float
    final_validation: float
    final_training: float
    overfits: bool
    beats_baseline: bool
    saturated: bool


class Overfit(Result):
    """overfit.json. `chosen`: the position of the largest rung that overfits, or of the best where none does."""

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    rungs: list[Rung] = Field(min_length=1)
    chosen: int = Field(ge=0)
    verdicts: list[Verdict]

    @model_validator(mode="after")
    def chosen_is_a_rung(self) -> Self:
        if self.chosen >= len(self.rungs):
            raise ValueError(f"rung {self.chosen} is chosen of {len(self.rungs)}, counted from 0")
        return self


class Candidate(Result):
    """One configuration of the search: the network's own settings and how it is trained.

    weight_decay: decoupled from the gradient. clip_norm: the longest gradient. patience: training ends after so many
    epochs without a lower validation loss. schedule: how the learning rate changes from step to step, a key of
    `src.models.schedules.SCHEDULES`. schedule_epochs: after so many epochs the schedule ends; None: with the training.
    loss: one of the problem type's `losses`; auto: its own. label_smoothing: the share of a row's certainty that goes
    to all classes alike. pretrained: what the network learnt before from rows without a target, a key of
    `src.models.pretraining.METHODS`.
    Unused settings are not written.
    """

    network: Network
    optimizer: str
    learning_rate: float
    l1: float
    l2: float
    batch_size: int
    epochs: int
    weight_decay: float = Field(0.0, exclude_if=lambda value: value == 0)
    clip_norm: float | None = Field(None, exclude_if=lambda value: value is None)
    patience: int | None = Field(None, exclude_if=lambda value: value is None)
    schedule: str = Field("constant", exclude_if=lambda value: value == "constant")
    schedule_epochs: int | None = Field(None, exclude_if=lambda value: value is None)
    loss: str = Field("auto", exclude_if=lambda value: value == "auto")
    label_smoothing: float = Field(0.0, exclude_if=lambda value: value == 0)
    pretrained: str = Field("none", exclude_if=lambda value: value == "none")

    def stretched(self, epochs: int) -> "Candidate":
        """The same over another number of epochs, the schedule as much longer or shorter as the training."""
        over = self.schedule_epochs and max(round(self.schedule_epochs * epochs / self.epochs), 1)
        return self.model_copy(update={"epochs": epochs, "schedule_epochs": over})

    @property
    def start(self) -> str:
        """A name for its initial weights, the same for all candidates that share them."""
        return f"{self.pretrained}: {json.dumps(self.network.unregularized, sort_keys=True)}"


class Regularize(Result):
    """regularize.json: the outcome of the search on the development folds; `candidates.csv` holds every score.

    finalists: candidates left at the end; halving dropped the others. trainings: candidates times folds. epochs: of all
    trainings. standard_error: of the paired difference between the chosen and the best candidate.
    """

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    candidates: int
    finalists: int
    trainings: int
    epochs: int
    epochs_without_halving: int
    best: Candidate
    best_score: FoldScores
    chosen: Candidate
    chosen_score: FoldScores
    standard_error: float
    verdicts: list[Verdict]

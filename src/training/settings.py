"""Automatic choices of training, by the number of rows and the kind of input."""

import math
from typing import Any

from src.kinds.registry import kind_of
from src.problem.training import Training
from src.tables.table import Table

SMALLEST_BATCH, BATCHES_PER_EPOCH = 32, 64


def batch_size(training: Training, table: Table) -> int:
    """Rows per gradient step. auto: the power of two that gives about 64 steps per epoch, between 32 and 1,024 (at most
    128 for pictures, 512 words for sentences)."""
    if training.batch_size != "auto":
        return training.batch_size
    size, rows = SMALLEST_BATCH, len(table)
    while size < kind_of(table.schema.features).largest_batch and rows / size > BATCHES_PER_EPOCH:
        size *= 2
    return size


def epochs(training: Training, table: Table) -> int:
    """The most epochs of a training.

    auto: those of the kind of input, or fewer if these give its number of gradient steps, but at least 20 (for pictures
    8, for language models 12). If an epoch has many steps, a network overfits within few epochs.
    """
    if training.epochs != "auto":
        return training.epochs
    kind, asked = kind_of(table.schema.features), table.schema.problem_type
    steps = math.ceil(len(table) / batch_size(training, table))
    return min(
        kind.epochs,
        max((asked.gradient_steps or kind.gradient_steps) // steps, asked.fewest_epochs or kind.fewest_epochs),
    )


def schedule(training: Training, epochs: int, falls: bool = False) -> dict[str, Any]:
    """The settings of a candidate that say how its learning rate changes within at most so many epochs.

    The chosen number of epochs leaves the schedule as it was when they were chosen. falls: the network asks for a rate
    that falls to zero within the chosen epochs, unless the problem names another schedule.
    """
    if training.schedule != "constant":
        return {"schedule": training.schedule, "schedule_epochs": epochs}
    return {"schedule": "linear"} if falls else {}

"""Automatic choices of training, by the number of rows and the kind of input."""

import math

from src.kinds.kind import kind_of
from src.problem import Training
from src.tables import Table

SMALLEST_BATCH, LARGEST_BATCH, BATCHES_PER_EPOCH = 32, 1024, 64
ENOUGH_STEPS, FEWEST_EPOCHS = 5_000, 20


def batch_size(training: Training, rows: int) -> int:
    """Rows per gradient step; auto: the power of two that makes about 64 steps an epoch, from 32 to 1,024."""
    if training.batch_size != "auto":
        return training.batch_size
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and rows / size > BATCHES_PER_EPOCH:
        size *= 2
    return size


def epochs(training: Training, table: Table) -> int:
    """The most epochs of a training; auto: those of the kind of input, or as many as make about 5,000 gradient steps,
    though never under 20: where an epoch has many steps, a network overfits within few epochs."""
    if training.epochs != "auto":
        return training.epochs
    steps = math.ceil(len(table) / batch_size(training, len(table)))
    return min(kind_of(table.schema.features).epochs, max(ENOUGH_STEPS // steps, FEWEST_EPOCHS))

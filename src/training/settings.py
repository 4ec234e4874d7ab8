"""Automatic choices of training, by the number of rows and the kind of input."""

from collections.abc import Sequence

from src.kinds.kind import kind_of
from src.problem import Training
from src.tables import Feature

SMALLEST_BATCH, LARGEST_BATCH, BATCHES_PER_EPOCH = 32, 1024, 64


def batch_size(training: Training, rows: int) -> int:
    """Rows per gradient step; auto: the power of two that makes about 64 steps an epoch, from 32 to 1,024."""
    if training.batch_size != "auto":
        return training.batch_size
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and rows / size > BATCHES_PER_EPOCH:
        size *= 2
    return size


def epochs(training: Training, features: Sequence[Feature]) -> int:
    """The most epochs of a training; auto: those of the kind of input."""
    return kind_of(features).epochs if training.epochs == "auto" else training.epochs

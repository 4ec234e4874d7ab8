"""Automatic choices of training that depend on the number of rows."""

from src.problem import Training

SMALLEST_BATCH, LARGEST_BATCH, BATCHES_PER_EPOCH = 32, 1024, 64


def batch_size(training: Training, rows: int) -> int:
    """Rows per gradient step; auto: the power of two that makes about 64 steps an epoch, from 32 to 1,024."""
    if training.batch_size != "auto":
        return training.batch_size
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and rows / size > BATCHES_PER_EPOCH:
        size *= 2
    return size

"""Several models that give rows probabilities, as one. Shapes: N rows, K statistics of a row, M models."""

import numpy as np

from src.models.types.problem_type import Array


def mixture(p_MNK: Array) -> Array:
    """A row's bits when the models' probabilities are averaged; the other statistics are the same for all models.

    The first statistic is the bits: the negative logarithm of the row's probability to base 2.
    """
    bits_MN = p_MNK[..., 0]
    fewest_N = bits_MN.min(axis=0)
    mixed_N = fewest_N - np.log2(np.exp2(fewest_N - bits_MN).mean(axis=0))
    return np.column_stack([mixed_N, p_MNK[0, :, 1:]])

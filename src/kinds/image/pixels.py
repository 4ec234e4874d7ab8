"""Pictures as the few numbers that a shallow model sees. Shapes: N pictures, D pixels."""

import numpy as np
from numpy.typing import NDArray

from src.inputs.pictures import AT_ONCE, Bytes, Pictures, in_memory

# The most pixels of a picture that a shallow model sees: more pixels mostly cost time.
MOST_PIXELS = 32 * 32


def pixels(x: Pictures | NDArray[np.float32], most: float = MOST_PIXELS) -> NDArray[np.float32]:
    """Normalized pixels (N, D). Squares of neighbouring pixels are averaged until there are at most `most`.

    Features of a pretrained network, which come as an array, are returned unchanged.
    """
    if isinstance(x, np.ndarray):
        return x
    _, channels, height, width = x.shape
    side = 1
    while channels * (height // side) * (width // side) > most:
        side += 1
    rows, columns = height // side, width // side
    parts = [np.empty((0, channels * rows * columns), np.float32)]
    for start in range(0, len(x), AT_ONCE):
        part = x[start : start + AT_ONCE]
        cut_BCHW = np.asarray(part).reshape(part.shape)[:, :, : rows * side, : columns * side]
        means = cut_BCHW.reshape(len(part), channels, rows, side, columns, side).mean(axis=(3, 5))
        parts.append(means.reshape(len(part), -1))
    return np.concatenate(parts)


def levels(x: Pictures) -> Bytes:
    """The bytes of all pixels, (N, C, H, W)."""
    return in_memory(x.pixels_NCHW)

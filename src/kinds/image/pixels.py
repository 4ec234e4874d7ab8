"""Pictures as the few numbers that a shallow model sees. Shapes: N pictures, D pixels."""

import numpy as np
from numpy.typing import NDArray

from src.inputs.pictures import Bytes, ClassedPictures, Pictures, averaged, in_memory
from src.inputs.sparse import Joined

# The most pixels of a picture that a shallow model sees: more pixels mostly cost time.
MOST_PIXELS = 32 * 32


def pixels(x: Pictures | NDArray[np.float32], most: float = MOST_PIXELS) -> NDArray[np.float32]:
    """Normalized pixels (N, D). Squares of neighbouring pixels are averaged until there are at most `most`.

    Features of a pretrained network, which come as an array, are returned unchanged.
    """
    return x if isinstance(x, np.ndarray) else averaged(x, most)


def levels(x: Pictures | Joined) -> Bytes | ClassedPictures:
    """The bytes of all pixels, (N, C, H, W), with the class of each picture where it comes with one."""
    if isinstance(x, Pictures):
        return in_memory(x.pixels_NCHW)
    pictures, place_N2 = x.parts
    assert isinstance(pictures, Pictures)
    return ClassedPictures(in_memory(pictures.pixels_NCHW), np.asarray(place_N2)[:, 0].astype(np.int64))

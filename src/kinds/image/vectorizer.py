"""Vectorize pictures: each channel, or feature of a pretrained network, gets mean 0 and standard deviation 1.

Book: "Data preprocessing for neural networks". Shapes: N pictures, C channels, H height, W width, F features.
"""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.stored import Stored
from src.inputs.picture_file import PixelsOnDisk
from src.inputs.pictures import AT_ONCE, Bytes, Pictures, in_memory, lazy_pixels_of
from src.inputs.sparse import Joined
from src.kinds.image.encoding import Encoding
from src.kinds.tabular.vectorizer import CLIP, AnyColumn, Places
from src.networks.imagenet import MEAN, SCALE
from src.tables.columns import label_texts
from src.tables.table import Feature

# Networks that start from the spread of each pixel.
FLOWS = ("nice", "realnvp")


class ImageVectorizer(Stored):
    """A fitted column of pictures; JSON in, JSON out, no pickle.

    mean, scale: of each channel over all pixels of the training rows, or of each feature of a pretrained network;
    scale is 1 for a single value. For fine-tuning, they are those of ImageNet. Pixels from 0 to 1 need none.
    pixels: mean and standard deviation of each pixel's levels, for flows. shares: how often each class occurs, and last
    any other, where pictures come with classes.
    """

    kind: Literal["image"] = "image"
    name: str
    encoding: Encoding
    mean: list[float]
    scale: list[float]
    pixels: tuple[list[float], list[float]] | None = Field(None, exclude_if=lambda pixels: pixels is None)
    shares: list[float] = Field([], exclude_if=lambda shares: not shares)

    @property
    def columns(self) -> list[AnyColumn]:
        """The columns that are not pictures."""
        return []

    @classmethod
    def fit(cls, frame: pd.DataFrame, features: Sequence[Feature]) -> Self:
        """Learn every statistic from the rows of `frame`, and from nothing else."""
        [feature] = features
        encoding = Encoding.model_validate(feature.encoding)
        files = frame[feature.name].tolist()
        if encoding.fine_tune is not None:
            mean, scale = [255 * value for value in MEAN], [255 * value for value in SCALE]
        elif encoding.unit:
            mean, scale = [0.0] * encoding.channels, [255.0] * encoding.channels
        elif not encoding.has_features:
            mean, scale = _statistics(lazy_pixels_of(files, encoding.shape))
        else:
            x_NF = encoding.features_of(files).astype(np.float64)
            mean, scale = x_NF.mean(0).tolist(), _not_zero(x_NF.std(0))
        pixels = _of_pixels(lazy_pixels_of(files, encoding.shape)) if encoding.likelihood in FLOWS else None
        shares: list[float] = []
        if encoding.given is not None:
            place_N = _places(encoding, frame)[:, 0].astype(np.int64)
            shares = (np.bincount(place_N, minlength=len(encoding.classes) + 1) / len(place_N)).tolist()
        return cls(name=feature.name, encoding=encoding, mean=mean, scale=scale, pixels=pixels, shares=shares)

    def transform(self, frame: pd.DataFrame) -> Pictures | Joined | NDArray[np.float32]:
        """The rows of `frame` as N pictures (N, C, H, W), with places of classes beside them, or as (N, F) features."""
        files = frame[self.name].tolist()
        mean, scale = np.array(self.mean, np.float32), np.array(self.scale, np.float32)
        if self.encoding.has_features:
            return np.clip((self.encoding.features_of(files) - mean) / scale, -CLIP, CLIP)
        pictures = Pictures(lazy_pixels_of(files, self.encoding.shape), mean, scale)
        return pictures if self.encoding.given is None else Joined((pictures, _places(self.encoding, frame)))

    def classes(self, class_N: NDArray[np.int64]) -> list[str | None]:
        """The classes that these numbers stand for."""
        values: list[str | None] = _classes(self.encoding).values(class_N, class_N)
        return values


def _classes(encoding: Encoding) -> Places:
    return Places(name=encoding.given or "", categories=list(encoding.classes))


def _places(encoding: Encoding, frame: pd.DataFrame) -> NDArray[np.float32]:
    """The places of the rows' classes, (N, 2), see `src.inputs.places`."""
    return np.column_stack(_classes(encoding).transform(label_texts(frame[encoding.given]))).astype(np.float32)


def _of_pixels(pixels_NCHW: Bytes | PixelsOnDisk) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each pixel; the noise of half a level makes the latter at least that large."""
    sums_D, squares_D = (np.zeros(int(np.prod(pixels_NCHW.shape[1:])), np.int64) for _ in range(2))
    for start in range(0, len(pixels_NCHW), AT_ONCE):
        part_ND = in_memory(pixels_NCHW[start : start + AT_ONCE]).reshape(-1, len(sums_D)).astype(np.int64)
        sums_D += part_ND.sum(axis=0)
        squares_D += (part_ND**2).sum(axis=0)
    mean_D = sums_D / len(pixels_NCHW)
    spread_D = np.sqrt(np.maximum(squares_D / len(pixels_NCHW) - mean_D**2, 0) + 1 / 12)
    return mean_D.tolist(), spread_D.tolist()


def _statistics(pixels_NCHW: Bytes | PixelsOnDisk) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, from sums of whole numbers, which are exact."""
    sums_C, squares_C = (np.zeros(pixels_NCHW.shape[1], dtype=np.int64) for _ in range(2))
    for start in range(0, len(pixels_NCHW), AT_ONCE):
        part_NCHW = in_memory(pixels_NCHW[start : start + AT_ONCE]).astype(np.int32)
        sums_C += part_NCHW.sum(axis=(0, 2, 3), dtype=np.int64)
        squares_C += (part_NCHW**2).sum(axis=(0, 2, 3), dtype=np.int64)
    rows, _, height, width = pixels_NCHW.shape
    count = max(rows * height * width, 1)
    mean_C = sums_C / count
    scale_C = np.sqrt(np.maximum(squares_C / count - mean_C**2, 0))
    return mean_C.tolist(), _not_zero(scale_C)


def _not_zero(scale: NDArray[np.float64]) -> list[float]:
    return np.where(scale > 0, scale, 1.0).tolist()

"""How the report shows a picture."""

from collections.abc import Sequence

import pandas as pd

from src.inputs.pictures import Bytes, picture_uri, pixels_of, png
from src.kinds.image.encoding import Encoding
from src.tables.table import Feature

LARGEST = 64


def shown(frame: pd.DataFrame, features: Sequence[Feature]) -> "pd.Series[str]":
    """Each row's picture as a data URI, no side longer than 64 pixels."""
    [feature] = features
    shape = Encoding.model_validate(feature.encoding).shape
    pixels_NCHW = pixels_of(frame[feature.name].tolist(), shape)
    return pd.Series([data_uri(pixels_CHW) for pixels_CHW in pixels_NCHW], index=frame.index, dtype="str")


def data_uri(pixels_CHW: Bytes, largest: int = LARGEST) -> str:
    """A picture as a page embeds it, no side longer than `largest` pixels."""
    return picture_uri(png(pixels_CHW, largest), "png")

"""How the report shows a picture beside what a model rebuilt of it. Shapes: N pictures, D numbers of a picture."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.pictures import Bytes, in_memory
from src.kinds.image.shown import data_uri
from src.kinds.image.vectorizer import ImageVectorizer


def rebuilt(frame: pd.DataFrame, vectorizer: ImageVectorizer, x_ND: NDArray[np.float64]) -> pd.DataFrame:
    """Both as data URIs; rebuilt pixels are cut off at black and white."""
    pictures = vectorizer.transform(frame)
    pixels_NCHW = in_memory(pictures.pixels_NCHW)  # type: ignore[union-attr]
    return pd.DataFrame({"shown": _shown(pixels_NCHW), "rebuilt": _shown(levels(vectorizer, x_ND))})


def restored(vectorizer: ImageVectorizer, x_ND: NDArray[np.float64]) -> pd.DataFrame:
    """The pictures as data URIs, in their own size."""
    pixels_NCHW = levels(vectorizer, x_ND)
    uris = [data_uri(pixels_CHW, max(pixels_CHW.shape)) for pixels_CHW in pixels_NCHW]
    return pd.DataFrame({vectorizer.name: pd.Series(uris, dtype="str")})


def levels(vectorizer: ImageVectorizer, x_ND: NDArray[np.float64]) -> Bytes:
    """Rebuilt pixels as bytes, (N, C, H, W), cut off at black and white."""
    return (
        (255 * x_ND.clip(0, 1))
        .round()
        .astype(np.uint8)
        .reshape(len(x_ND), vectorizer.encoding.channels, vectorizer.encoding.height, vectorizer.encoding.width)
    )


def _shown(pixels_NCHW: Bytes) -> "pd.Series[str]":
    return pd.Series([data_uri(pixels_CHW) for pixels_CHW in pixels_NCHW], dtype="str")

"""Small pictures of bars that lie or stand."""

import io

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from src.inputs.pictures import packed
from src.kinds.image.encoding import Encoding
from src.tables.table import Feature, Schema, Table, encode_targets

SIZE = 8


def bars(rows: int, seed: int = 0, channels: int = 1) -> tuple[NDArray[np.uint8], list[str]]:
    """Noisy pictures (N, H, W, C) with a bright bar each, and what it does."""
    rng = np.random.default_rng(seed)
    pixels_NHWC = rng.integers(0, 90, (rows, SIZE, SIZE, channels), dtype=np.uint8)
    labels = rng.choice(["lies", "stands"], rows).tolist()
    for pixels_HWC, label in zip(pixels_NHWC, labels, strict=True):
        at = int(rng.integers(1, SIZE - 1))
        if label == "lies":
            pixels_HWC[at] = 255
        else:
            pixels_HWC[:, at] = 255
    return pixels_NHWC, labels


def bars_frame(rows: int, seed: int = 0, channels: int = 1) -> pd.DataFrame:
    pixels_NHWC, labels = bars(rows, seed, channels)
    return pd.DataFrame({"image": pd.Series(list(packed(pixels_NHWC)), dtype=object), "bar": labels})


def table_of(rows: int, seed: int = 0, channels: int = 1) -> Table:
    frame = bars_frame(rows, seed, channels)
    encoding = Encoding(channels=channels, height=SIZE, width=SIZE, rows=rows)
    schema = Schema(
        type="binary",
        features=[Feature(name="image", type="image", encoding=encoding.model_dump())],
        targets=["bar"],
        classes=["lies", "stands"],
        positive="stands",
        groups=None,
        time=None,
        weights=None,
    )
    return Table(schema, frame, encode_targets(frame, schema), np.ones(rows), np.arange(rows))


def file_of(pixels_HWC: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file of some format."""
    stream = io.BytesIO()
    Image.fromarray(pixels_HWC[..., 0] if pixels_HWC.shape[-1] == 1 else pixels_HWC).save(stream, kind, **options)
    return stream.getvalue()

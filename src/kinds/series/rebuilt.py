"""How the report shows a window beside what a model rebuilt of it. Shapes: R rows, L moments, V inputs of a moment.

The picture of a window has a curve for each input, one above the other.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.pictures import picture_uri
from src.kinds.series.vectorizer import SeriesVectorizer
from src.kinds.tabular.rebuilt import values_of
from src.kinds.tabular.vectorizer import Numbers

# Curves in a picture, and its width and the height of a curve in points.
MOST_CURVES, WIDTH, HEIGHT = 4, 160, 36
INK = "#4c72b0"


def rebuilt(rows: pd.DataFrame, vectorizer: SeriesVectorizer, x_RD: NDArray[np.float64]) -> pd.DataFrame:
    """Both as data URIs, with the same ends of the vertical axis."""
    actual_RLV = vectorizer.in_order(vectorizer.transform(rows).astype(np.float64))[:, :, :MOST_CURVES]
    rebuilt_RLV = vectorizer.in_order(x_RD)[:, :, :MOST_CURVES]
    low_RV = np.minimum(actual_RLV, rebuilt_RLV).min(1)
    high_RV = np.maximum(actual_RLV, rebuilt_RLV).max(1)
    pictures = [
        [_picture((x_LV - low_V) / np.where(high_V > low_V, high_V - low_V, 1)) for x_LV, low_V, high_V in each]
        for each in (zip(x_RLV, low_RV, high_RV, strict=True) for x_RLV in (actual_RLV, rebuilt_RLV))
    ]
    return pd.DataFrame(
        {name: pd.Series(of_rows, dtype="str") for name, of_rows in zip(("shown", "rebuilt"), pictures, strict=True)}
    )


def restored(vectorizer: SeriesVectorizer, x_RD: NDArray[np.float64]) -> pd.DataFrame:
    """The columns at the last moment of each window."""
    last_RV = vectorizer.in_order(x_RD)[:, -1]
    columns, start = {}, 0
    for column in vectorizer.moment:
        width = 1 if isinstance(column, Numbers) else column.width
        columns[column.name] = values_of(column, last_RV[:, start : start + width])
        start += width
    return pd.DataFrame(columns)


def _picture(share_LV: NDArray[np.float64]) -> str:
    """Curves of numbers from 0 to 1 as the data URI of an SVG."""
    moments, curves = share_LV.shape
    place_L = np.linspace(1, WIDTH - 1, moments)
    lines = []
    for number, share_L in enumerate(share_LV.T):
        level_L = number * HEIGHT + 2 + (1 - share_L) * (HEIGHT - 4)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(place_L, level_L, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="1.5"/>')
    size = f'width="{WIDTH}" height="{curves * HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(lines)}</svg>'
    return picture_uri(svg.encode(), "svg+xml")

"""What common sense says of a series: as now, and as a season ago.

Source: Hyndman and Athanasopoulos 2021, "Forecasting: Principles and Practice", third edition, section 5.2.
Shapes: N moments, V validation rows, K outputs.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.kinds.series.windows import Window, viewed
from src.protocols import Split
from src.tables import Schema, Table, encode_targets

Predictions = NDArray[np.float64]


def common_sense(schema: Schema) -> dict[str, Callable[[Table, Split, int], Predictions]]:
    """Persistence, and seasonal naive where the season is known and a window reaches back so far."""
    window = schema.window
    assert window is not None
    models: dict[str, Callable[[Table, Split, int], Predictions]] = {"persistence": partial(_as_before, back=0)}
    back = _season_ago(window)
    if back is not None and back < window.lookback:
        models["seasonal_naive"] = partial(_as_before, back=back)
    return models


def _season_ago(window: Window) -> int | None:
    """How many moments before the window's last one the target's moment of the latest whole season ago lies."""
    if window.season is None:
        return None
    return -(-window.delay // window.season) * window.season - window.delay


def _as_before(table: Table, split: Split, seed: int, back: int) -> Predictions:
    """The target as it was `back` moments before the last one of each window, or the last known value before that."""
    moments, last_V = viewed(table.frame.iloc[split.validation])
    y_NT = encode_targets(moments, table.schema)
    if table.schema.classes:
        y_NT = np.where(y_NT < 0, np.nan, y_NT)  # a label that is missing
    known_NT = pd.DataFrame(y_NT).ffill().fillna(float(np.median(table.y_NT[split.training]))).to_numpy()
    y_VT = known_NT[last_V - back]
    return (y_VT == np.arange(table.schema.outputs)).astype(np.float64) if table.schema.type == "multiclass" else y_VT

"""Common sense for a series: as now, and as a season ago.

Source: Hyndman and Athanasopoulos 2021, "Forecasting: Principles and Practice", third edition, section 5.2.
Shapes: N moments, V validation rows, K outputs.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.tables.protocols import Split
from src.tables.table import Schema, Table, encode_targets
from src.tables.windows import viewed

Predictions = NDArray[np.float64]


def common_sense(schema: Schema) -> dict[str, Callable[[Table, Split, int], Predictions]]:
    """Persistence, and seasonal naive if the season is known and a window reaches back far enough; of targets only."""
    window = schema.window
    assert window is not None
    if not window.targets:
        return {}
    models: dict[str, Callable[[Table, Split, int], Predictions]] = {
        "persistence": partial(_as_before, distances=[0] * window.steps)
    }
    if window.season is not None:
        distances = [_seasons_ago(ahead, window.season) for ahead in range(window.delay, window.ahead + 1)]
        if max(distances) < window.lookback:
            models["seasonal_naive"] = partial(_as_before, distances=distances)
    return models


def _seasons_ago(ahead: int, season: int) -> int:
    """The distance from the window's last moment to the latest known moment that is whole seasons before the target."""
    return -(-ahead // season) * season - ahead


def _as_before(table: Table, split: Split, seed: int, distances: Sequence[int]) -> Predictions:
    """For each step the target at its distance before the window's last moment, or the last known value before that."""
    moments, last_V = viewed(table.frame.iloc[split.validation])
    of_a_moment = table.schema.targets[: len(table.schema.targets) // len(distances)]
    y_NT = encode_targets(moments, table.schema.model_copy(update={"targets": of_a_moment}))
    if table.schema.classes:
        y_NT = np.where(y_NT < 0, np.nan, y_NT)  # a label that is missing
    known_NT = pd.DataFrame(y_NT).ffill().fillna(float(np.median(table.y_NT[split.training]))).to_numpy()
    p_VK = np.concatenate([known_NT[last_V - distance] for distance in distances], axis=1)
    return table.schema.problem_type.perfect_predictions(p_VK, table.schema.outputs)

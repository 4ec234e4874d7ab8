"""Small series with what makes them hard: gaps, missing values, a drift, a season."""

from typing import Any

import numpy as np
import pandas as pd

from src.preparation.prepare import Preparation, prepare_table
from src.problem.inputs import Series
from src.problem.sources import SklearnSource
from src.problem.steps import PrepareSettings, SealedSplit
from src.tables.table import Table, encode_targets, rows_of


def waves(moments: int, seed: int = 0, drift: float = 0.0) -> pd.DataFrame:
    """Hourly rows of a level that goes up and down every 6 hours, and of the wind that pushes it three hours later."""
    rng = np.random.default_rng(seed)
    wind_N = rng.normal(size=moments)
    level_N = 3 * np.sin(np.arange(moments) * 2 * np.pi / 6) + drift * np.arange(moments)
    level_N[3:] += 2 * wind_N[:-3]
    hours = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(moments), "h")
    return pd.DataFrame(
        {
            "hour": hours.astype("datetime64[us]"),
            "level": level_N,
            "wind": wind_N,
            "side": pd.Series(np.where(wind_N > 0, "n", "s"), dtype="str"),
        }
    )


def settings(series: dict[str, Any], **changes: Any) -> PrepareSettings:
    own: dict[str, Any] = {
        "data": SklearnSource(source="sklearn", name="iris"),
        "target": "level",
        "type": "regression",
        "time": "hour",
        "series": Series.model_validate(series),
        "test": SealedSplit(share=0.2),
        "protocol": "k_fold",
        "folds": 3,
        "repeats": "auto",
        "seed": 0,
        "measure": "auto",
    }
    return PrepareSettings.model_validate(own | changes)


def prepared(frame: pd.DataFrame, series: dict[str, Any], **changes: Any) -> tuple[Preparation, Table]:
    """What prepare makes of a frame, and its training rows."""
    found = prepare_table(frame, settings(series, **changes))
    rows = rows_of(found.train, found.schema)
    table = Table(
        found.schema, rows, encode_targets(rows, found.schema), np.ones(len(rows)), rows["__row__"].to_numpy(np.int64)
    )
    return found, table

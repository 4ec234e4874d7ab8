"""Windows over a series: what a forecast is made from, and what it is of.

Book: "Deep learning for timeseries". The prepared table holds one row per moment. Windows are made when the table is
read: `lookback` moments in a row, and the target `delay` moments after the last of them. A window and its target lie in
one table without a gap in time, so that none reaches from the training rows into the sealed test set.
Shapes: N moments, R windows, L moments of a window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.stored import Stored
from src.problem.inputs import ReadingOrder
from src.tables.columns import time_numbers

Index = NDArray[np.intp]

# The column of windows in a table of rows to learn from.
COLUMN = "__window__"
# Two moments further apart than so many usual steps have a gap between them; months differ by less.
GAP = 1.5


class Window(Stored):
    """How windows lie on a series.

    delay: to the first moment that is forecast, of `steps` in a row; without targets nothing is. stride: from one
    window to the next. step: the usual distance of two moments, in seconds or in units of a numeric time. season:
    moments after which the series repeats itself, where that is known. time: the column of moments. targets: those of
    the series. relative: what is forecast is the change since a window's last moment. network, options: what the
    capacity ladder is made of. order: in which networks see the moments.
    """

    lookback: int
    delay: int
    steps: int
    stride: int
    step: float
    season: int | None
    time: str
    targets: list[str]
    relative: bool
    network: str
    options: dict[str, Any] = Field({}, exclude_if=lambda options: not options)
    order: ReadingOrder = Field("onward", exclude_if=lambda order: order == "onward")

    @property
    def ahead(self) -> int:
        """Moments from a window's last one to the last that is forecast; without targets none is."""
        return self.delay + self.steps - 1 if self.targets else 0

    @property
    def outputs(self) -> list[str]:
        """What is forecast, step after step: the targets, and further ahead `<target>+1`, `<target>+2`, ..."""
        return [f"{name}+{step}" if step else name for step in range(self.steps) for name in self.targets]

    def stretch(self, rows: int) -> int:
        """How many of so many rows in a row count as one unit, because the errors of neighbours are alike.

        The square root of the rows, but at least as far as a forecast reaches ahead, because so far the errors of the
        best forecasts are dependent. Without targets at least a window, because so far windows share moments. The third
        root is the best rate for short dependence. With it, the standard error of a difference on the air of Beijing
        (development fold) was a fifth smaller than with stretches of a week. For longer stretches it stays the same.

        Sources: Carlstein 1986, "The use of subseries values for estimating the variance of
        a general statistic from a stationary sequence", Annals of Statistics 14; Flegal and Jones 2010, "Batch means
        and spectral variance estimators in Markov chain Monte Carlo", Annals of Statistics 38 (the square root);
        Diebold and Mariano 1995, "Comparing predictive accuracy", Journal of Business and Economic Statistics 13 (how
        far errors are dependent).
        """
        reach = self.ahead if self.targets else self.lookback
        return max(-(-reach // self.stride), math.ceil(rows**0.5))


@dataclass(frozen=True, slots=True)
class View:
    """What one row looks back on: the moments of a series up to position `last`."""

    moments: pd.DataFrame
    last: int


def windows(moments: pd.DataFrame, window: Window, kept: Sequence[str]) -> pd.DataFrame:
    """The rows to learn from, (R): the targets, the columns `kept` at the last moment that is forecast, and the window.

    Without targets `kept` are those at the window's last moment. Left out are windows over a gap in time and those of
    which a target is unknown.
    """
    moments = moments.sort_values(window.time, kind="stable", ignore_index=True)
    last_R = whole(moments[window.time], window, window.ahead)[:: window.stride]
    known_N = moments[window.targets].notna().all(axis=1).to_numpy()
    for step in range(window.steps if window.targets else 0):
        last_R = last_R[known_N[last_R + window.delay + step]]
    rows = moments[list(kept)].iloc[last_R + window.ahead].reset_index(drop=True)
    if not window.targets:
        return rows.assign(**{COLUMN: views(moments, last_R)})
    targets = [moments[window.targets].iloc[last_R + window.delay + step] for step in range(window.steps)]
    asked = pd.concat([part.reset_index(drop=True) for part in targets], axis=1).set_axis(window.outputs, axis=1)
    return pd.concat([rows, asked, views(moments, last_R).rename(COLUMN)], axis=1)


def latest_windows(moments: pd.DataFrame, window: Window) -> tuple[pd.DataFrame, Index]:
    """The windows that end at each moment which has enough of them behind it, and where these stand in `moments`."""
    order_N = np.argsort(time_numbers(moments[window.time]), kind="stable")
    sorted_moments = moments.iloc[order_N].reset_index(drop=True)
    last_R = whole(sorted_moments[window.time], window, 0)
    return pd.DataFrame({COLUMN: views(sorted_moments, last_R)}), order_N[last_R]


def whole(moments_N: pd.Series, window: Window, ahead: int) -> Index:
    """Positions of the last moments of windows that have no gap within themselves and `ahead` moments further."""
    gaps_N = np.append(0, np.diff(time_numbers(moments_N)) > GAP * window.step).cumsum()
    last_R = np.arange(window.lookback - 1, len(gaps_N) - ahead)
    return last_R[gaps_N[last_R - window.lookback + 1] == gaps_N[last_R + ahead]]


def views(moments: pd.DataFrame, last_R: Index) -> pd.Series:
    return pd.Series([View(moments, int(last)) for last in last_R], dtype=object)


def viewed(rows: pd.DataFrame) -> tuple[pd.DataFrame, Index]:
    """The moments that rows (at least one) look back on, and the position of the last one of each row."""
    cells = rows[COLUMN].tolist()
    return cells[0].moments, np.array([cell.last for cell in cells], dtype=np.intp)


def first_moments(rows: pd.DataFrame, window: Window) -> NDArray[np.float64]:
    """When each row's window begins, (R,)."""
    moments, last_R = viewed(rows)
    return time_numbers(moments[window.time])[last_R - window.lookback + 1]

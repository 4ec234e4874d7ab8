"""Vectorize windows: the normalized columns of every moment, moment after moment.

Shapes: N moments, R rows, L moments of a window, V inputs of a moment.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.stored import Stored
from src.kinds.tabular.vectorizer import Categories, Dates, Numbers, as_numbers
from src.problem.inputs import ReadingOrder
from src.tables.table import Feature
from src.tables.windows import viewed

DAY = 86_400.0
# Cycles in seconds. The position in a cycle is an input if a moment lasts less than half of it.
CYCLES = {"year": 365.25 * DAY, "week": 7 * DAY, "day": DAY}


class SeriesVectorizer(Stored):
    """Fitted columns of one moment; JSON in, JSON out, no pickle.

    A gap in a column of numbers is filled with the last value before it, which was known at the time.
    """

    kind: Literal["series"] = "series"
    lookback: int
    order: ReadingOrder = Field("onward", exclude_if=lambda order: order == "onward")
    moment: list[Annotated[Numbers | Categories | Dates, Field(discriminator="type")]]

    @property
    def columns(self) -> list[Numbers | Categories | Dates]:
        return self.moment

    @classmethod
    def fit(cls, rows: pd.DataFrame, features: Sequence[Feature]) -> Self:
        """Learn every statistic from the moments that the windows of `rows` hold, each counted once."""
        window = features[0].window
        assert window is not None
        moments, last_R = viewed(rows)
        seen_N = np.zeros(len(moments), dtype=bool)
        for distance in range(window.lookback):
            seen_N[last_R - distance] = True
        columns: list[Numbers | Categories | Dates] = []
        # When a window was is known of every window, so there is nothing to rebuild.
        inputs = [feature for feature in features if window.targets or feature.name != window.time]
        for feature in inputs:
            values_N = moments[feature.name][seen_N]
            if feature.type == "date":
                dates = Dates.fit(feature.name, values_N)
                kept = [part for part in dates.parts if CYCLES.get(part.name.split("_")[0], 0.0) > 2 * window.step]
                columns += [dates.model_copy(update={"parts": kept})] if kept else []
            elif feature.type == "categorical":
                columns.append(Categories.fit(feature.name, values_N))
            elif feature.name != window.time:
                columns.append(Numbers.fit(feature.name, as_numbers(values_N)))
        return cls(lookback=window.lookback, order=window.order, moment=columns)

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float32]:
        """Inputs (R, L * V): the V of the first moment, then those of the next. Targets come first, gaps last."""
        if not len(rows):
            return np.empty((0, self.lookback * sum(_width(column) for column in self.moment)), dtype=np.float32)
        moments, last_R = viewed(rows)
        inputs: list[NDArray[np.float64]] = []
        gaps: list[NDArray[np.float64]] = []
        for column in self.moment:
            values_N = moments[column.name]
            if isinstance(column, Numbers):
                known_N = as_numbers(values_N)
                numbers = column.transform(as_numbers(pd.Series(known_N).ffill()))
                inputs.append(numbers[0])
                gaps += [np.isnan(known_N).astype(np.float64)] if column.flag else []
            else:
                inputs += column.transform(values_N)
        x_NV = np.column_stack([*inputs, *gaps]).astype(np.float32)
        return x_NV[last_R[:, None] + self._places()].reshape(len(last_R), -1)

    def in_order(self, x_RD: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inputs as moments in the order of time, (R, L, V)."""
        return x_RD.reshape(len(x_RD), self.lookback, -1)[:, np.argsort(self._places())]

    def _places(self) -> NDArray[np.intp]:
        """How far from the window's last moment each place of the inputs is, (L,)."""
        places = np.arange(-self.lookback + 1, 1)
        if self.order == "shuffled":
            return np.random.default_rng(0).permutation(places)
        return places[::-1] if self.order == "reversed" else places


def _width(column: Numbers | Categories | Dates) -> int:
    """The number of inputs that a column gives."""
    if isinstance(column, Numbers):
        return 1 + column.flag
    return len(column.parts) if isinstance(column, Dates) else len(column.categories) + 1

"""Vectorize the columns of a table: one matrix of normalized numbers.

Book: "Data preprocessing for neural networks": vectorization, normalization to mean 0 and standard deviation 1 per
feature, missing values. Shapes: N rows, D inputs.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.stored import Stored
from src.inputs.places import FARTHEST, GAP, NUMBER, side_by_side, split
from src.tables.columns import seconds
from src.tables.table import Feature

# Values more standard deviations out are clipped, so that a single odd row cannot make a network diverge.
CLIP = 6.0
# Larger values count as this one, so that their squares are finite.
LARGEST = 1e150
# Values that vary by less than this share of their mean are one value with rounding errors.
ROUNDING = 1e-12
# A category seen in fewer training rows than this shares one column with the other rare ones.
MIN_COUNT = 3
# The most columns one categorical feature may take; rarer categories share one.
MAX_CATEGORIES = 100
MISSING_CATEGORY = "(missing)"
DAY = 86_400  # seconds
# Bins of a numeric column: the most, the training rows per bin, and the fewest that pay.
MOST_BINS, ROWS_OF_BIN, FEWEST_BINS = 50, 500, 4
# The most inputs from the bins of all columns together, and the most numbers in all rows.
MOST_BIN_INPUTS, MOST_BIN_NUMBERS = 500, 5e7


class Column(Stored):
    """How the values of one column become numbers."""


class Numbers(Column):
    """A numeric or boolean column: the median fills gaps, then it is standardized. `flag`: a 0/1 column marks gaps.

    low, high: the smallest and the largest value of the training rows (None: no row had one).
    A column with a single value has scale 0 and gives zeros, as nothing was learnt about other values. edges: of bins.
    Each bin is another input, which goes from 0 to 1 while the value crosses the bin (piecewise linear encoding). So a
    network can learn steps and is not misled by a long tail. Source: Gorishniy, Rubachev and Babenko 2022, "On
    embeddings for numerical features in tabular deep learning", section 3.2.
    """

    type: Literal["numbers"] = "numbers"
    name: str
    median: float
    mean: float
    scale: float
    flag: bool
    low: float | None = Field(None, exclude_if=lambda low: low is None)
    high: float | None = Field(None, exclude_if=lambda high: high is None)
    edges: list[float] = Field([], exclude_if=lambda edges: not edges)

    @classmethod
    def fit(cls, name: str, values_N: NDArray[np.float64], bins: int = 0) -> "Numbers":
        known = values_N[np.isfinite(values_N)]
        median = float(np.median(known)) if len(known) else 0.0
        filled = np.where(np.isfinite(values_N), values_N, median)
        mean, spread = float(filled.mean()), float(filled.std())
        scale = spread if spread > ROUNDING * abs(mean) else 0.0
        edges = _edges(known, bins) if scale and bins else []
        low, high = (float(known.min()), float(known.max())) if len(known) else (None, None)
        flag = len(known) < len(filled)
        return cls(name=name, median=median, mean=mean, scale=scale, flag=flag, low=low, high=high, edges=edges)

    def transform(self, values_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        known = np.isfinite(values_N)
        filled = np.where(known, values_N, self.median)
        varies = self.scale > 0
        with np.errstate(over="ignore"):  # values far outside the learnt range are clipped
            columns = [np.clip((filled - self.mean) / self.scale, -CLIP, CLIP) if varies else np.zeros(len(filled))]
            columns += [np.clip((filled - low) / (high - low), 0, 1) for low, high in pairwise(self.edges)]
        return [*columns, (~known).astype(np.float64)] if self.flag else columns

    @property
    def width(self) -> int:
        """The number of its inputs."""
        return 1 + max(len(self.edges) - 1, 0) + self.flag

    def restored(self, x_I: NDArray[np.float64]) -> str:
        """The value that its inputs stand for."""
        return f"{x_I[0] * self.scale + self.mean:.4g}"


class Categories(Column):
    """A categorical column, one-hot. The last input is for rare and unseen values, and for gaps if none was learnt."""

    type: Literal["categories"] = "categories"
    name: str
    categories: list[str]

    @classmethod
    def fit(cls, name: str, values_N: "pd.Series[str]") -> "Categories":
        counts = _text(values_N).value_counts()
        frequent = counts[counts >= MIN_COUNT].sort_index().sort_values(ascending=False, kind="stable")
        return cls(name=name, categories=sorted(frequent.index[:MAX_CATEGORIES]))

    def transform(self, values_N: "pd.Series[str]") -> list[NDArray[np.float64]]:
        codes = pd.Index(self.categories, dtype="str").get_indexer(_text(values_N))
        return [(codes == code).astype(np.float64) for code in (*range(len(self.categories)), -1)]

    @property
    def width(self) -> int:
        return len(self.categories) + 1

    def restored(self, x_I: NDArray[np.float64]) -> str:
        return [*self.categories, "(another)"][int(x_I.argmax())]


class Dates(Column):
    """A date column as numbers: the day, and the position in year, week and day as sine and cosine if it varies.

    The range of the training rows is that of the part `days`.
    """

    type: Literal["dates"] = "dates"
    name: str
    parts: list[Numbers]

    @classmethod
    def fit(cls, name: str, values_N: "pd.Series[pd.Timestamp]") -> "Dates":
        days, *cycles = (Numbers.fit(part, part_N) for part, part_N in _date_parts(values_N).items())
        kept = {"flag": False, "low": None, "high": None}
        return cls(name=name, parts=[days, *(c.model_copy(update=kept) for c in cycles if c.scale > 0)])

    def transform(self, values_N: "pd.Series[pd.Timestamp]") -> list[NDArray[np.float64]]:
        of_part = _date_parts(values_N)
        return [column for part in self.parts for column in part.transform(of_part[part.name])]

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)

    def restored(self, x_I: NDArray[np.float64]) -> str:
        days = self.parts[0]
        hours = round(24 * float(x_I[0] * days.scale + days.mean))  # inputs are single precision
        return str(np.datetime64(hours, "h").astype("datetime64[D]"))  # pandas ends in the year 2262


class Cells(Numbers):
    """Numbers or days in cells of width `step` around the values that can be recorded, see `src.inputs.places`."""

    type: Literal["cells"] = "cells"  # type: ignore[assignment]
    step: float

    @classmethod
    def of_step(cls, name: str, values_N: NDArray[np.float64], step: float) -> "Cells":
        return cls(**Numbers.fit(name, values_N).model_dump(exclude={"type", "edges"}), step=step)

    def transform(self, values_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        known_N = np.isfinite(values_N)
        cell_N = np.round(np.where(known_N, values_N, self.median) / self.step) - self.middle
        return side_by_side(cell_N.clip(-FARTHEST, FARTHEST), np.where(known_N, NUMBER, GAP))

    @property
    def middle(self) -> float:
        """The cell that counts as number 0."""
        return float(np.round(self.median / self.step))

    @property
    def width(self) -> int:
        return 2

    @property
    def centre(self) -> float:
        """The mean of the training rows, in cells."""
        return self.mean / self.step - self.middle

    @property
    def spread(self) -> float:
        """Their standard deviation in cells, at least half a cell."""
        return max(self.scale / self.step, 0.5)

    def values(self, place_N: NDArray[np.int64], outcomes_N: NDArray[np.int64]) -> list[Any]:
        """The numbers in the middle of cells, rounded if the step is a power of ten; NaN for a gap."""
        decimals = max(-int(np.floor(np.log10(self.step))), 0)
        numbers_N = np.where(outcomes_N == GAP, np.nan, (place_N + self.middle) * self.step)
        whole_steps = abs(self.step * 10**decimals - 1) < ROUNDING
        values: list[Any] = (numbers_N.round(decimals) if whole_steps else numbers_N).tolist()
        return values


class Places(Categories):
    """Categories by their places, see `src.inputs.places`; the last one is for all others, and for rare gaps."""

    type: Literal["places"] = "places"  # type: ignore[assignment]

    def transform(self, values_N: "pd.Series[str]") -> list[NDArray[np.float64]]:
        codes_N = pd.Index(self.categories, dtype="str").get_indexer(_text(values_N))
        outcomes = len(self.categories) + 1
        return side_by_side(np.where(codes_N < 0, outcomes - 1, codes_N), np.full(len(codes_N), float(outcomes)))

    def values(self, place_N: NDArray[np.int64], outcomes_N: NDArray[np.int64]) -> list[Any]:
        """The categories of places; None for a gap, `(another)` for all that have no place of their own."""
        names = [None if name == MISSING_CATEGORY else name for name in self.categories]
        return [[*names, "(another)"][place] for place in place_N]

    @property
    def width(self) -> int:
        return 2


AnyColumn = Annotated[Numbers | Categories | Dates | Cells | Places, Field(discriminator="type")]


class TabularVectorizer(Stored):
    """Fitted columns of a table; JSON in, JSON out, no pickle."""

    columns: list[AnyColumn]

    @classmethod
    def fit(cls, frame: pd.DataFrame, features: Sequence[Feature]) -> Self:
        """Learn every statistic from the rows of `frame`, and from nothing else."""
        bins = _bins(len(frame), sum(feature.type == "numeric" for feature in features))
        columns: list[AnyColumn] = []
        for feature in features:
            values_N = frame[feature.name]
            if "step" in feature.encoding:
                columns.append(Cells.of_step(feature.name, as_numbers(values_N), feature.encoding["step"]))
                continue
            if "categories" in feature.encoding:
                columns.append(Places(name=feature.name, categories=feature.encoding["categories"]))
                continue
            match feature.type:
                case "categorical":
                    columns.append(Categories.fit(feature.name, values_N))
                case "date":
                    columns.append(Dates.fit(feature.name, values_N))
                case _:
                    columns.append(Numbers.fit(feature.name, as_numbers(values_N), feature.encoding.get("bins", bins)))
        return cls(columns=columns)

    @property
    def widths(self) -> list[int]:
        """The number of inputs of each column."""
        return [column.width for column in self.columns]

    def values(self, x_NI: NDArray[Any]) -> dict[str, list[Any]]:
        """The values of each column that places stand for, see `src.inputs.places`."""
        place_ND, outcomes_ND = split(x_NI)
        pairs = ((d, column) for d, column in enumerate(self.columns) if isinstance(column, Cells | Places))
        return {column.name: column.values(place_ND[:, d], outcomes_ND[:, d]) for d, column in pairs}

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """The rows of `frame` as (N, D) inputs."""
        inputs = []
        for column in self.columns:
            values_N = frame[column.name]
            inputs += column.transform(as_numbers(values_N) if isinstance(column, Numbers) else values_N)
        return np.column_stack(inputs).astype(np.float32)


def _bins(rows: int, columns: int) -> int:
    """The number of bins for each numeric column; 0 if there are too few rows or too many columns."""
    most = (
        MOST_BINS,
        rows // ROWS_OF_BIN,
        MOST_BIN_INPUTS // max(columns, 1),
        MOST_BIN_NUMBERS // max(rows * columns, 1),
    )
    return int(min(most)) if min(most) >= FEWEST_BINS else 0


def _edges(known: NDArray[np.float64], bins: int) -> list[float]:
    """Edges of bins: every value that fills a bin alone, and quantiles of the other values.

    So a column of zeros with a few amounts has its bins where the amounts are. Two different values need no bins.
    """
    values, counts = np.unique(known, return_counts=True)
    frequent: NDArray[np.float64] = values[counts * bins >= len(known)]
    others = known[~np.isin(known, frequent)]
    inner = np.quantile(others, np.linspace(0, 1, bins + 1), method="inverted_cdf") if len(others) else frequent
    edges = np.unique(np.concatenate([frequent, inner, values[[0, -1]]]))
    return edges.tolist() if len(edges) > 2 else []


def as_numbers(values_N: "pd.Series[float] | pd.Series[pd.Timestamp]") -> NDArray[np.float64]:
    """Numbers, or dates as days; NaN for what is missing or infinite."""
    if pd.api.types.is_datetime64_any_dtype(values_N):
        return days(values_N)
    numbers_N = values_N.to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isinf(numbers_N), np.nan, np.clip(numbers_N, -LARGEST, LARGEST))


def _text(values_N: "pd.Series[str]") -> "pd.Series[str]":
    return values_N.astype("str").fillna(MISSING_CATEGORY)


def days(values_N: "pd.Series[pd.Timestamp]") -> NDArray[np.float64]:
    """Dates as days since 1970; NaN for a gap."""
    return seconds(values_N) / DAY


def _date_parts(values_N: "pd.Series[pd.Timestamp]") -> dict[str, NDArray[np.float64]]:
    parts = {"days": days(values_N)}
    cycles = {
        "year": (values_N.dt.day_of_year, 365.25),
        "week": (values_N.dt.day_of_week, 7),
        "day": (values_N.dt.hour + values_N.dt.minute / 60, 24),
    }
    for name, (position_N, length) in cycles.items():
        angle_N = as_numbers(position_N) * (2 * np.pi / length)
        parts |= {f"{name}_sine": np.sin(angle_N).round(12), f"{name}_cosine": np.cos(angle_N).round(12)}
    return parts

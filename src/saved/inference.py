"""Use a finished model, whatever it is made of: raw rows in, named predictions out. Shapes: N rows, K outputs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.stored import Stored
from src.inputs.pictures import ClassedPictures
from src.kinds.registry import kind_of
from src.kinds.vectorizers import Vectorizer
from src.problem.terms import REFERENCE
from src.saved.neighbours import Neighbours
from src.tables.table import Schema
from src.tables.windows import latest_windows

# Statistics that a model holds at most.
MOST = 10_001
# Rows whose inputs are rebuilt at a time, which bounds the memory.
REBUILT_AT_ONCE = 512


class Interval(Stored):
    """The prediction ± the half width of its target contains the actual value with probability `coverage`."""

    coverage: float
    half_widths: list[float]


class Typical(Stored):
    """The first statistics of held-out training rows, sorted: how large they usually are."""

    statistics: list[float]

    @classmethod
    def of(cls, statistics_M: NDArray[np.float64]) -> Self:
        """Of many rows, so many of the sorted statistics, evenly spaced, that p-values are exact to `1 / MOST`."""
        ordered_M = np.sort(statistics_M)
        if len(ordered_M) > MOST:
            ordered_M = np.quantile(ordered_M, np.linspace(0, 1, MOST), method="higher")
        return cls(statistics=ordered_M.tolist())

    def p_values(self, statistic_N: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of rows like the training rows whose statistic is at least as large: small for unlike rows.

        Each new row counts as one more held-out row, so the smallest is 1 / (rows + 1). A row without a statistic has
        none. Source: Vovk, Gammerman and
        Shafer 2005, "Algorithmic learning in a random world" (conformal p-values); with cross-validation in place of
        rows kept apart: Vovk 2015, "Cross-conformal predictors".
        """
        rows = len(self.statistics)
        p_N = (rows - np.searchsorted(self.statistics, statistic_N, side="left") + 1) / (rows + 1)
        return np.where(np.isnan(statistic_N), np.nan, p_N)


class Card(Protocol):
    """What model.json says of any model."""

    @property
    def table(self) -> Schema:
        """The columns that the model reads and the targets that it predicts."""

    @property
    def interval(self) -> Interval | None:
        """The interval around predictions, if the model has one."""

    @property
    def typical(self) -> Typical | None:
        """How large the first statistic of a row usually is, if large ones tell that a row is unlike the others."""


class Model(ABC):
    """Scores raw rows: typed columns in, predictions out.

    neighbours: the training rows, of a model that draws; None for the others, and for those of earlier versions.
    """

    card: Card
    neighbours: Neighbours | None

    @property
    def schema(self) -> Schema:
        return self.card.table

    @property
    @abstractmethod
    def vectorizers(self) -> Sequence[Vectorizer]:
        """What turns rows into inputs; several if parts of the model learnt from different rows."""

    @abstractmethod
    def row_predictions(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit, (N, K), for the rows of a `Table`."""

    @abstractmethod
    def decoded(self, code_NC: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inputs that each code stands for, (N, D); only of a model that has a code."""

    @abstractmethod
    def reading_on(self) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        """A function that takes one more symbol of each text, (B,), and gives the probabilities of the next, (B, V).

        It remembers what it has read; the first symbol of a text is none, 0. Only of a model that reads on.
        """

    @abstractmethod
    def drawn(self, count: int, seed: int, class_: int | None = None) -> NDArray[Any] | ClassedPictures:
        """The inputs of random rows: places (N, 2D), or the bytes of pictures; only of a model that draws.

        class_: of all of them, of a model of pictures that come with a class.
        """

    @property
    def encodes(self) -> bool:
        """Whether rows have codes that stand for rows."""
        return self.schema.problem_type.has_code

    def codes(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """The code of each row, of a random one the mean, (N, C); only of a model that encodes."""
        return self.raw_predictions(rows)[:, 1:]

    def drawn_from(self, code_NC: NDArray[np.float64], seed: int) -> NDArray[Any]:
        """The same as `drawn`, with these codes; only of a model that draws and encodes."""
        raise NotImplementedError

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model to a folder that `load_model` reads, without pickle. The same model gives the same bytes."""

    def raw_predictions(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit, (N, K). Columns of further targets follow the main one's.

        Raises UserError if `frame` lacks a feature column.

        A row of a series is a moment, and its prediction is the forecast made then; NaN if its past is too short.
        """
        if self.schema.problem_type.generates:
            raise UserError(
                f"a model of type {self.schema.type} says nothing about given rows, it draws new ones: use "
                "flows.sample, or POST /sample of the model server"
            )
        missing = [feature.name for feature in self.schema.features if feature.name not in frame.columns]
        if missing:
            raise UserError(f"the rows lack columns that the model learnt from: {missing}")
        if self.schema.window is None:
            return self.row_predictions(frame)
        p_NK = np.full((len(frame), self.schema.all_outputs), np.nan)
        rows, of_frame = latest_windows(frame, self.schema.window)
        if len(rows):
            p_NK[of_frame] = self.row_predictions(rows)
        return p_NK

    def predict(self, frame: pd.DataFrame, intervals: bool = False, reconstruct: bool = False) -> pd.DataFrame:
        """The columns of `prediction_columns` for every row of `frame`, with its index.

        With `intervals`, a model that has an interval adds those of `interval_columns`, and one that knows what is
        typical `p_value`, see `Typical.p_values`. With `reconstruct`, one that has a code adds the columns of the row
        as rebuilt from it, `rebuilt__<column>`. Raises UserError for any other.
        """
        p_NK = self.raw_predictions(frame)
        columns = prediction_columns(p_NK, self.schema)
        if intervals and self.card.interval is not None:
            columns = pd.concat([columns, interval_columns(p_NK, self.card.interval, self.schema)], axis=1)
        if intervals and self.card.typical is not None:
            columns = columns.assign(p_value=self.card.typical.p_values(p_NK[:, 0]))
        if reconstruct:
            columns = pd.concat([columns, self._rebuilt(p_NK)], axis=1)
        return columns.set_index(frame.index)

    def _rebuilt(self, p_NK: NDArray[np.float64]) -> pd.DataFrame:
        """The columns of the rows as rebuilt from their codes; gaps where a row has no code."""
        restored = kind_of(self.schema.features).restored
        if not self.schema.problem_type.has_code or restored is None:
            raise UserError("reconstruct: this model has no code to rebuild rows from; leave the option out")
        code_NC, known_N = p_NK[:, 1:], np.flatnonzero(~np.isnan(p_NK[:, 0]))
        starts = range(0, max(len(known_N), 1), REBUILT_AT_ONCE)
        places = [known_N[start : start + REBUILT_AT_ONCE] for start in starts]
        parts = [restored(self.vectorizers[0], self.decoded(code_NC[rows])).set_index(rows) for rows in places]
        return pd.concat(parts).reindex(range(len(p_NK))).add_prefix("rebuilt__")


def prediction_columns(p_NK: NDArray[np.float64], schema: Schema) -> pd.DataFrame:
    """Predictions as named columns, as `ProblemType.columns` names them.

    Further targets have `predicted__<target>` and, for classes, `probability__<target>__<class>`. A row of `p_NK` that
    is NaN has no prediction.
    """
    first, *others = schema.split(p_NK)
    tables = [_main_columns(first, schema)]
    for p_NH, asked in zip(others, schema.questions[1:], strict=True):
        name = asked.targets[0]
        of_class = {f"probability__{c}": f"probability__{name}__{c}" for c in asked.classes}
        tables.append(_main_columns(p_NH, asked).rename(columns={"predicted": f"predicted__{name}"} | of_class))
    return pd.concat(tables, axis=1)


def _main_columns(p_NK: NDArray[np.float64], schema: Schema) -> pd.DataFrame:
    columns = schema.problem_type.columns(p_NK, schema.classes, schema.targets)
    return pd.DataFrame({name: _as_pandas(values_N) for name, values_N in columns.items()})


def _as_pandas(values_N: NDArray[Any]) -> Any:
    """Strings as pandas strings, and masked integers as a nullable column."""
    if isinstance(values_N, np.ma.MaskedArray):
        unknown_N = np.ma.getmaskarray(values_N)
        return pd.arrays.IntegerArray(values_N.data, unknown_N) if unknown_N.any() else values_N.data
    return pd.array(values_N, dtype="str") if values_N.dtype == object else values_N


def interval_columns(p_NK: NDArray[np.float64], interval: Interval, schema: Schema) -> pd.DataFrame:
    """`low_95__<target>` and `high_95__<target>` (for a coverage of 0.95), clipped to the target's range."""
    percent = f"{100 * interval.coverage:g}"
    problem_type, columns = schema.problem_type, {}
    for i, (target, half) in enumerate(zip(schema.targets, interval.half_widths, strict=True)):
        columns[f"low_{percent}__{target}"] = np.maximum(p_NK[:, i] - half, problem_type.lowest)
        columns[f"high_{percent}__{target}"] = np.minimum(p_NK[:, i] + half, problem_type.highest)
    return pd.DataFrame(columns)


def actual_columns(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The targets and reference columns of prepared rows, with names that go with `prediction_columns`."""
    names = {"actual": schema.targets[0]} if schema.classes else {f"actual__{t}": t for t in schema.targets}
    names |= {f"actual__{head.name}": head.name for head in schema.heads}
    names |= {f"{REFERENCE}{name}": name for name in schema.references}
    return pd.DataFrame({column: frame[name].array for column, name in names.items()})

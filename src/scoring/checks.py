"""Check rows before they are scored, as the training rows were checked, as far as that is possible without a target.

A row is refused if a value does not have its column's type, is infinite, or breaks a promise of the user's own suite.
A row with a value of which the model learnt nothing is scored and counted as doubtful; `strict` refuses it, too. Such
a value is a gap where there was none (it counts as the median), an unknown category (as a rare one), or a number or
date outside the range of the training rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from src.datasets.columns import NotOfType, arrow_column_type, is_text
from src.datasets.dates import iso_spelling
from src.datasets.reading import EXPECTED, typed_column
from src.inputs.pictures import decodes
from src.inputs.sentences import torn
from src.kinds.tabular.vectorizer import DAY, MIN_COUNT, MISSING_CATEGORY, Categories, Dates, Numbers, days
from src.kinds.vectorizers import Vectorizer
from src.problem.sources import Reading
from src.saved.inference import Model
from src.tables.columns import FeatureType
from src.tables.facts import show
from src.validation.rows import RowSuite
from src.validation.suite import BEYOND, LARGEST

_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Fault:
    """What is wrong with the rows at the positions `rows` in one column (None: in several).

    `values`: the values of these rows in the column; empty if all are missing.
    """

    column: str | None
    check: str
    rows: NDArray[np.intp]
    values: Sequence[Any]

    def reason(self, place: int) -> str:
        """What is wrong with the row at `rows[place]`."""
        return f"{_shown(self.values[place])} {self.check}" if len(self.values) else self.check


@dataclass(frozen=True)
class Checked:
    """Typed rows, the faults of the refused ones, and the doubts about the accepted ones."""

    frame: pd.DataFrame
    accepted_N: NDArray[np.bool_]
    faults: list[Fault]
    doubts: list[Fault]


class RowChecks:
    """The checks on the rows that `model` scores. `left_out`: the user's promises that do not apply to them."""

    def __init__(self, model: Model, reading: Reading, expectations: Path, strict: bool) -> None:
        self.model = model
        self.reading = reading
        self.strict = strict
        self.types: dict[str, FeatureType] = {feature.name: feature.type for feature in model.schema.features}
        self.ranges = dict(learnt_ranges(model))
        self.suite = RowSuite(expectations, list(self.types))

    @property
    def left_out(self) -> list[str]:
        return self.suite.left_out

    def check(self, table: pa.Table) -> Checked:
        """Type and check the rows of `table`, which has every column that the model learnt from."""
        typed: dict[str, pa.ChunkedArray] = {}
        faults: list[Fault] = []
        for name, type_ in self.types.items():
            typed[name], wrong = self._typed(table.column(name), name, type_)
            faults += wrong
        frame = pa.table(typed).to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get, use_threads=False)
        sentence = self.model.schema.sentence
        outside = {name: rows_N for name, rows_N in self._outside(frame) if rows_N.any()}
        for name, type_ in self.types.items():
            if type_ == "numeric" and (name in outside or name not in self.ranges):
                faults += _faults(frame[name], np.abs(frame[name].to_numpy()) > LARGEST, f"is {BEYOND}")
            if type_ == "image":
                wrong_N = np.array([not decodes(file) for file in frame[name]], dtype=bool)
                faults += _faults(frame[name], wrong_N, UNDECODABLE)
            if sentence is not None:
                faults += _faults(frame[name], frame[name].isna().to_numpy(), NO_WORD)
        if sentence is not None:
            faults += _faults(frame[sentence], torn(frame[sentence]), TORN)
        accepted_N = np.ones(len(frame), dtype=bool)

        def refuse(more: list[Fault]) -> None:
            for fault in more:
                accepted_N[fault.rows] = False

        refuse(faults)
        promises = list(self._promises(frame[accepted_N]))
        broken = [fault for fault, is_error in promises if is_error]
        refuse(broken)
        unlearnt = list(self._unlearnt(frame, accepted_N))
        for name, rows_N in outside.items():
            unlearnt += _faults(frame[name], rows_N & accepted_N, self.ranges[name].told)
        doubts = [fault for fault, is_error in promises if not is_error]
        if self.strict:
            refuse(unlearnt)
        else:
            doubts += unlearnt
        return Checked(frame, accepted_N, [*faults, *broken, *(unlearnt if self.strict else [])], doubts)

    def _typed(self, values: pa.ChunkedArray, name: str, type_: FeatureType) -> tuple[pa.ChunkedArray, list[Fault]]:
        """The values with the column type `type_`, null where they do not have it, and the faults."""
        stored_type = None if is_text(values.type) else arrow_column_type(values.type)
        if name in self.reading.dates and type_ == "date" and stored_type != "date":
            values, stored_type = iso_spelling(values.cast(pa.string()), self.reading.dates[name]), None
        try:
            return typed_column(name, values, stored_type, type_, (), self.reading), []
        except NotOfType as error:
            text = values.cast(pa.string())
            wrong_N = np.zeros(len(text), dtype=bool)
            wrong_N[error.positions] = True
            fault = Fault(name, f"is not {EXPECTED[type_]}", error.positions, text.take(error.positions).to_pylist())
            right = pc.if_else(pa.chunked_array([wrong_N]), pa.scalar(None, pa.string()), text)
            return typed_column(name, right, None, type_, (), self.reading), [fault]

    def _promises(self, frame: pd.DataFrame) -> Iterator[tuple[Fault, bool]]:
        """The broken promises of the user's suite, and whether they refuse the rows."""
        for broken in self.suite.broken(frame):
            check = f"breaks a promise of {broken.rule.check}"
            column = broken.rule.kwargs.get("column")
            yield Fault(column, check, np.array(broken.rows, dtype=np.intp), broken.values), broken.is_error

    def _outside(self, frame: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """By column, the rows with a value outside the range of the training rows; gaps are inside."""
        for name, learnt in self.ranges.items():
            values_N = _ORDERED[self.types[name]](frame[name])
            yield name, (values_N < learnt.low) | (values_N > learnt.high)

    def _unlearnt(self, frame: pd.DataFrame, among_N: NDArray[np.bool_]) -> Iterator[Fault]:
        """Values that no training row had, or too few to learn from: in none of the folds of an ensemble."""
        by_fold = [dict(_unlearnt_by(vectorizer, frame)) for vectorizer in self.model.vectorizers]
        for name, reason in by_fold[0]:
            wrong_N = np.logical_and.reduce([rows_N.get((name, reason), np.zeros_like(among_N)) for rows_N in by_fold])
            yield from _faults(frame[name], wrong_N & among_N, reason)


_ORDERED: dict[FeatureType, Callable[[pd.Series], NDArray[np.float64]]] = {
    "numeric": lambda values_N: values_N.to_numpy(np.float64),
    "boolean": lambda values_N: values_N.to_numpy(np.float64, na_value=np.nan),
    "date": days,
}
_SHOWN_AS: dict[FeatureType, Callable[[float], object]] = {
    "numeric": float,
    "boolean": bool,
    "date": lambda day: pd.Timestamp(round(day * DAY), unit="s"),
}


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value of the training rows in one column, as numbers (dates: days since 1970)."""

    low: float
    high: float
    type: FeatureType

    @property
    def told(self) -> str:
        """What is wrong with a value outside."""
        low, high = (show(_SHOWN_AS[self.type](end)) for end in (self.low, self.high))
        return f"differs from {low}, {ONLY_VALUE}" if low == high else f"is outside {low} to {high}, {RANGE}"


def learnt_ranges(model: Model) -> Iterator[tuple[str, Range]]:
    """The range of the training rows by column, over all folds of an ensemble.

    There is none where no training row had a value, nor in a model that a version without ranges saved.
    """
    types = {feature.name: feature.type for feature in model.schema.features}
    ends: dict[str, list[tuple[float, float]]] = {}
    for vectorizer in model.vectorizers:
        for column in vectorizer.columns:
            match column:
                case Numbers(low=float(low), high=float(high)):
                    ends.setdefault(column.name, []).append((low, high))
                case Dates(parts=[Numbers(name="days", low=float(low), high=float(high)), *_]):
                    ends.setdefault(column.name, []).append((low, high))
    for name, known in ends.items():
        lows, highs = zip(*known, strict=True)
        yield name, Range(min(lows), max(highs), types[name])


def _unlearnt_by(vectorizer: Vectorizer, frame: pd.DataFrame) -> Iterator[tuple[tuple[str, str], NDArray[np.bool_]]]:
    """By column and reason, the rows with values that a vectorizer did not learn."""
    for column in vectorizer.columns:
        values = frame[column.name]
        missing_N = values.isna().to_numpy()
        match column:
            case Numbers(flag=False) | Dates(parts=[Numbers(flag=False), *_]):
                yield (column.name, MISSING), missing_N
            case Categories(categories=known):
                if MISSING_CATEGORY not in known:
                    yield (column.name, RARELY_MISSING), missing_N
                yield (column.name, RARE), ~missing_N & ~values.isin(known).to_numpy()


TORN = "belongs to a sentence that ended further up; the rows of a sentence have to be consecutive"
NO_WORD = "is missing: a row is a word of a sentence"
UNDECODABLE = "is missing, or not a readable picture"
MISSING = "is missing, as it was in no training row"
RARELY_MISSING = f"is missing, as it was in fewer than {MIN_COUNT} training rows"
RANGE, ONLY_VALUE = "the range of the training rows", "the only value of the training rows"
RARE = f"is a category that fewer than {MIN_COUNT} training rows had, or one of too many"


def _faults(values_N: pd.Series, wrong_N: NDArray[np.bool_], check: str) -> Iterator[Fault]:
    """One fault, or none if no row is wrong."""
    rows = np.flatnonzero(wrong_N)
    if len(rows):
        values = values_N.iloc[rows]
        yield Fault(str(values_N.name), check, rows, [] if values.isna().all() else values.tolist())


def _shown(value: Any) -> str:
    text = (
        repr(value)
        if isinstance(value, str)
        else str(value)
        if np.ndim(value) or isinstance(value, dict)
        else show(value)
    )
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"

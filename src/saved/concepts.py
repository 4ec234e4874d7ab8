"""Concepts: what sets the mean code of rows with a value of a reference column apart from that of the others.

A concept is added to the codes of sealed rows, and the report shows what these then stand for. It is learnt from the
training rows; the model itself has never seen the column. Source: White 2016, "Sampling generative networks".
Shapes: N training rows, T sealed rows, C numbers of a code, P codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.pictures import picture_uri, side_by_side
from src.judging.areas import Area
from src.results.evaluate import Concept, Concepts, Turned
from src.results.verdicts import Estimate
from src.saved.cells import cells_of
from src.saved.codes import rows_of_codes
from src.saved.inference import Model
from src.tables.table import Table

Array = NDArray[np.float64]

# The most training rows whose codes are averaged, evenly spaced.
MOST_CODES = 20_000
# Values of a reference column that become concepts, of pictures and of rows in cells, and the fewest rows of one.
MOST_PICTURED, MOST_IN_CELLS, FEWEST = 10, 4, 5
# How far a concept is followed; columns in cells, those that it changes most, and the digits of their numbers.
STRENGTHS, MOST_COLUMNS, DIGITS = (-2.0, -1.0, 0.0, 1.0, 2.0), 8, 4


@dataclass(frozen=True)
class _Coded:
    """Rows with their codes and the values of a reference column."""

    code_NC: Array
    value_N: NDArray[np.object_]

    def mean(self, chosen_N: NDArray[np.bool_]) -> Array:
        mean_C: Array = self.code_NC[chosen_N].mean(axis=0)
        return mean_C


def concepts(model: Model, train: Table, test: Table, seed: int) -> list[Concepts]:
    """Those of each reference column; none of a model without codes of numbers that may be anything.

    seed: of what a model draws from codes.
    """
    schema = train.schema
    if not model.encodes or schema.bits or schema.active or not schema.references or not len(test):
        return []
    few = train.frame.iloc[:: -(-len(train) // MOST_CODES)]
    code_NC, code_TC = (_codes(model, rows) for rows in (few, test.frame))
    of_columns = []
    for name in schema.references:
        learnt, sealed = (
            _Coded(codes, rows[name].astype("str").to_numpy(object))
            for codes, rows in ((code_NC, few), (code_TC, test.frame))
        )
        counts = few[name].dropna().astype("str").value_counts()
        values = sorted(counts.index[counts >= FEWEST])
        if len(values) > 1:
            of_columns.append(_of_column(name, values, learnt, sealed, _Shown(model, few, seed), test.rows_N))
    return of_columns


def _codes(model: Model, rows: pd.DataFrame) -> Array:
    """Of rows of a `Table`, which may be windows over a series."""
    return model.row_predictions(rows)[:, 1:] if model.schema.problem_type.has_code else model.codes(rows)


@dataclass(frozen=True)
class _Shown:
    """How rows of codes are shown: as pictures side by side, or as cells of the columns that change most."""

    model: Model
    learnt: pd.DataFrame
    seed: int

    def rows(self, code_PC: Array) -> pd.DataFrame:
        return rows_of_codes(self.model, code_PC, self.seed)

    def most_changed(self, pairs: Sequence[pd.DataFrame]) -> list[str]:
        """The columns in which the first row of each pair differs most from its last, in their own order."""
        names = [str(name) for name in pairs[0]]
        change = {name: max(self._change(name, rows[name]) for rows in pairs) for name in names}
        chosen = sorted(names, key=lambda name: -change[name])[:MOST_COLUMNS]
        return [name for name in names if name in chosen]

    def _change(self, name: str, values: pd.Series) -> float:
        """In standard deviations of the training rows; of what is no number 1 where it changes."""
        first, last = values.iloc[0], values.iloc[-1]
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            return float(str(first) != str(last))
        spread = float(self.learnt[name].std()) if name in self.learnt else 1.0
        away = abs(float(last) - float(first)) / (spread or 1.0)
        return away if np.isfinite(away) else 0.0


def _of_column(
    name: str, values: Sequence[str], learnt: _Coded, sealed: _Coded, shown: _Shown, rows_T: NDArray[np.int64]
) -> Concepts:
    pictured = _is_pictured(shown.rows(sealed.code_NC[:1]))
    values = values[: MOST_PICTURED if pictured else MOST_IN_CELLS]
    mean = {value: learnt.mean(learnt.value_N == value) for value in values}
    made: dict[str, pd.DataFrame] = {}
    followed: list[Concept] = []
    for value in values:
        concept_C = mean[value] - learnt.mean(learnt.value_N != value)
        without_T = np.flatnonzero(sealed.value_N != value)
        if not len(without_T):
            continue
        made[value] = shown.rows(sealed.code_NC[without_T[0]] + np.outer(STRENGTHS, concept_C))
        followed.append(
            Concept(
                value=value,
                rows=int((learnt.value_N == value).sum()),
                area=_area(sealed.code_NC @ concept_C, sealed.value_N == value),
                row=int(rows_T[without_T[0]]),
            )
        )
    columns = [] if pictured or not made else shown.most_changed(list(made.values()))
    followed = [
        concept.model_copy(
            update={"picture": _strip(made[concept.value])}
            if pictured
            else {"cells": cells_of(made[concept.value][columns], DIGITS)}
        )
        for concept in followed
    ]
    turned = _turned(values, mean, sealed, shown, columns, rows_T)
    return Concepts(name=name, strengths=list(STRENGTHS), header=columns, concepts=followed, turned=turned)


def _turned(
    values: Sequence[str],
    mean: dict[str, Array],
    sealed: _Coded,
    shown: _Shown,
    columns: list[str],
    rows_T: NDArray[np.int64],
) -> list[Turned]:
    """The first sealed row of each value, its code less the mean code of that value plus the mean code of each."""
    turned = []
    for value in values:
        of_value_T = np.flatnonzero(sealed.value_N == value)
        if not len(of_value_T):
            continue
        place = of_value_T[0]
        rows = shown.rows(np.array([sealed.code_NC[place] - mean[value] + mean[other] for other in values]))
        made = {"cells": cells_of(rows[columns], DIGITS)} if columns else {"picture": _strip(rows)}
        turned.append(
            Turned.model_validate({"value": value, "row": int(rows_T[place]), "others": list(values), **made})
        )
    return turned


def _area(score_T: Array, is_one_T: NDArray[np.bool_]) -> Estimate | None:
    """How well the place along the concept tells the sealed rows with the value; None where too few have it or not."""
    known_T = np.isfinite(score_T)
    ones, others = int((is_one_T & known_T).sum()), int((~is_one_T & known_T).sum())
    if min(ones, others) < FEWEST:
        return None
    area = Area.of(np.zeros(int(known_T.sum()), np.int64), score_T[known_T], is_one_T[known_T])
    return Estimate(value=area.value, low=area.low, high=area.high)


def _is_pictured(rows: pd.DataFrame) -> bool:
    return isinstance(rows.iloc[0, 0], bytes)


def _strip(rows: pd.DataFrame) -> str:
    return picture_uri(side_by_side(cast("list[bytes]", rows.iloc[:, 0].tolist())), "png")

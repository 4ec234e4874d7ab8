"""Go from one row of a file to another by the codes of a model. Shapes: N rows, C numbers of a code."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.files import Layout
from src.problem.load import load_problem
from src.saved.codes import Interpolation, check_between, interpolate
from src.scoring.checks import RowChecks
from src.scoring.registered import CHAMPION, Registered, find_model
from src.scoring.rows import Wanted, read_rows, together
from src.scoring.table import reading_of, refusals_of


@dataclass(frozen=True)
class TwoRows:
    """Two rows of a table by their numbers, from 0, and the model whose codes lie between them."""

    problem: str
    table: Path
    first: int
    second: int
    model: str = CHAMPION


def between(order: TwoRows, asked: Interpolation, home: Path) -> tuple[Registered, pd.DataFrame]:
    """The version used, and the rows from the first to the second. home: the repository with the problem.

    Raises UserError for a model without such codes, a row that is not there, and one that fails the checks.
    """
    layout = Layout(order.problem, home)
    problem, registered = load_problem(layout), find_model(order.problem, order.model, home)
    model = registered.load()
    check_between(model)
    features = [feature.name for feature in model.schema.features]
    rows = read_rows(order.table, reading_of(problem), Wanted(features, (), problem.unasked))
    if model.schema.reads_several_rows:
        rows = together(rows)
    checks = RowChecks(model, reading_of(problem), layout.expectations, strict=False)
    code_by_row: dict[int, NDArray[np.float64]] = {}
    count = 0
    for chunk in rows.chunks:
        count += len(chunk)
        checked = checks.check(chunk.table.select(features))
        for refusal in refusals_of(chunk, checked):
            if refusal.row in (order.first, order.second):
                column = f"{refusal.column!r}: " if refusal.column else ""
                raise UserError(f"{order.table}: {refusal.where}: {column}{refusal.reason}")
        asked_N = np.isin(chunk.numbers, (order.first, order.second))
        if asked_N.any():
            read_N = checked.accepted_N & (asked_N | model.schema.reads_several_rows)
            code_by_row |= dict(zip(chunk.numbers[read_N].tolist(), model.codes(checked.frame[read_N]), strict=True))
    for row in (order.first, order.second):
        if row not in code_by_row:
            raise UserError(f"{order.table} has no row {row}: it has {count:,}, numbered from 0")
    return registered, interpolate(model, np.stack([code_by_row[order.first], code_by_row[order.second]]), asked)

"""Describe rows by the codes of a finished model, give back the rows that codes stand for, and go from row to row.

Shapes: N rows, C numbers of a code.
"""

from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.errors import UserError
from src.kinds.image.rebuilt import levels
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.registry import kind_of
from src.models.types.registry import TYPES
from src.saved.asked import Asked
from src.saved.generator import as_rows, plain
from src.saved.inference import REBUILT_AT_ONCE, Model, prediction_columns

MOST_STEPS = 100


class Interpolation(Asked):
    """steps: rows from one to another, both ends included. seed: of what is drawn; the same gives the same rows."""

    steps: Annotated[int, Field(ge=2, le=MOST_STEPS)] = 8
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


def encode(model: Model, frame: pd.DataFrame, reconstruct: bool = False) -> pd.DataFrame:
    """The code of each row, `code__<n>` from 1 (of bits `bit__<n>`), with the index of `frame`.

    Of a random code it is the mean. reconstruct: also the row that the code stands for, `rebuilt__<column>`; a model
    with a random decoder draws it by a fixed seed. A moment of a series with too short a past has gaps. Raises
    UserError if the model has no codes.
    """
    check_encodes(model)
    code_NC = model.codes(frame)
    columns = _named(model, code_NC)
    if reconstruct:
        known_N = np.flatnonzero(~np.isnan(code_NC).any(axis=1))
        starts = range(0, max(len(known_N), 1), REBUILT_AT_ONCE)
        places = [known_N[start : start + REBUILT_AT_ONCE] for start in starts]
        parts = [_texts(rows_of_codes(model, code_NC[rows], 0)).set_index(rows) for rows in places]
        columns = columns.join(pd.concat(parts).reindex(range(len(frame))).add_prefix("rebuilt__"))
    return columns.set_index(frame.index)


def interpolate(model: Model, code_2C: NDArray[np.float64], asked: Interpolation) -> pd.DataFrame:
    """The rows of codes in equal steps from one code to another.

    They have the columns of a table; pictures are PNG files, texts their heaviest words, and of a window the last
    moment. Raises UserError if one is NaN, as that of a moment with too short a past.
    """
    if np.isnan(code_2C).any():
        raise UserError("one of the two rows has no code: its past is too short; give moments with a longer past")
    first_C, last_C = code_2C
    return rows_of_codes(model, in_steps(first_C, last_C, asked.steps), asked.seed)


def check_between(model: Model) -> None:
    """Raise UserError unless codes of the model have something in between."""
    check_encodes(model)
    if model.schema.bits:
        raise UserError("this model has a code of bits: nothing lies between 0 and 1, so nothing between two rows")


def in_steps(first_C: NDArray[np.float64], last_C: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Codes on the straight line from one to another, both ends included, (steps, C)."""
    share_N1 = np.linspace(0, 1, steps)[:, None]
    return (1 - share_N1) * first_C + share_N1 * last_C


def rows_of_codes(model: Model, code_NC: NDArray[np.float64], seed: int) -> pd.DataFrame:
    """The rows that codes stand for: rebuilt, or drawn by `seed` where a model gives rows a probability."""
    if not model.schema.problem_type.has_code:
        return as_rows(model, model.drawn_from(code_NC, seed))
    vectorizer, x_ND = model.vectorizers[0], model.decoded(code_NC)
    if isinstance(vectorizer, ImageVectorizer):
        return as_rows(model, levels(vectorizer, x_ND))
    restored = kind_of(model.schema.features).restored
    assert restored is not None
    return restored(vectorizer, x_ND)


def check_encodes(model: Model) -> None:
    """Raise UserError unless rows have codes."""
    if not model.encodes:
        coded = ", ".join(name for name, problem_type in TYPES.items() if problem_type.has_code)
        drawing = ", ".join(name for name, problem_type in TYPES.items() if problem_type.draws)
        raise UserError(
            f"this model has no code: models of type {coded} have one, and of type {drawing} those with "
            "likelihood: vae, nice or realnvp"
        )


def _named(model: Model, code_NC: NDArray[np.float64]) -> pd.DataFrame:
    if model.schema.problem_type.has_code:
        columns = prediction_columns(np.pad(code_NC, ((0, 0), (1, 0))), model.schema)
        return columns.drop(columns=model.schema.problem_type.measured_columns([], []))
    return pd.DataFrame(code_NC, columns=[f"code__{number}" for number in range(1, code_NC.shape[1] + 1)])


def _texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose pictures are data URIs, as files of tables hold them."""
    pictured = [name for name in rows if rows[name].dtype == object]
    return rows.assign(**{name: pd.array(rows[name].map(plain), dtype="str") for name in pictured})

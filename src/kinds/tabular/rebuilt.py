"""How the report shows what a model rebuilt of a table's row. Shapes: N rows, D inputs."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.kinds.tabular.vectorizer import AnyColumn, Numbers, TabularVectorizer

# Columns of a row that are shown.
MOST_COLUMNS = 3


def rebuilt(frame: pd.DataFrame, vectorizer: TabularVectorizer, x_ND: NDArray[np.float64]) -> pd.DataFrame:
    """The columns that are rebuilt worst: `area 2501 as 1903`."""
    actual_ND = vectorizer.transform(frame)
    widths = vectorizer.widths
    ends = np.cumsum(widths)
    slices = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
    errors_NC = np.column_stack([np.square(actual_ND[:, part] - x_ND[:, part]).sum(1) for part in slices])
    texts = []
    for row, errors_C in enumerate(errors_NC):
        worst = np.argsort(-errors_C, kind="stable")[:MOST_COLUMNS]
        columns = [(vectorizer.columns[place], x_ND[row, slices[place]]) for place in worst]
        values = [_text(frame[column.name].iloc[row]) for column, _ in columns]
        pairs = zip(columns, values, strict=True)
        texts.append(", ".join(f"{column.name} {value} as {column.restored(x_I)}" for (column, x_I), value in pairs))
    return pd.DataFrame({"shown": pd.Series([""] * len(frame), dtype="str"), "rebuilt": pd.Series(texts, dtype="str")})


def restored(vectorizer: TabularVectorizer, x_ND: NDArray[np.float64]) -> pd.DataFrame:
    """Numbers (of yes or no between 0 and 1), and texts for categories and dates."""
    ends = np.cumsum(vectorizer.widths)
    columns = {}
    for column, end in zip(vectorizer.columns, ends, strict=True):
        x_NI = x_ND[:, end - column.width : end]
        columns[column.name] = values_of(column, x_NI)
    return pd.DataFrame(columns)


def values_of(column: AnyColumn, x_NI: NDArray[np.float64]) -> Any:
    """The values of a column that its inputs stand for, (N,)."""
    if isinstance(column, Numbers):
        return x_NI[:, 0] * column.scale + column.mean
    return pd.array([column.restored(x_I) for x_I in x_NI], dtype="str")


def _text(value: Any) -> str:
    if pd.isna(value):
        return "(missing)"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""Which rows form the sealed test set: known as soon as a table is read, before its values decide anything.

The rule depends on how the problem names the test set (`test`, `time`, or a file's `role`):

- rows with a given value in a column, or the rows of a file: nothing else matters;
- the last share in time: only the time column matters;
- a random share: groups (or equal rows) stay together, and every class gives the same share of its rows.

No other value of a row matters. Shapes: N rows.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from src.datasets.columns import spelling
from src.problem.steps import PrepareSettings, TableSettings, ValidateSettings
from src.tables.columns import column_type, label_texts, time_numbers
from src.tables.protocols import seal

Index = NDArray[np.intp]

# Far from the seeds of the folds, so that no two draws are the same.
TEST_SEED = 30_000


def never_learnt(settings: TableSettings) -> set[str]:
    """The columns that nothing is learnt from."""
    names = (settings.groups, settings.test.column, *settings.drop, *settings.references)
    return {name for name in names if name is not None}


def units(frame: pd.DataFrame, settings: TableSettings) -> Index:
    """The unit of each row, which no split divides: the user's groups, or rows equal in features and targets.

    Texts that are the same number, truth value or date count as equal, because the types of columns are not known yet.
    """
    if settings.groups is not None:
        return pd.factorize(_spelling(frame[settings.groups]))[0].astype(np.intp)
    return _equal_rows(frame, settings)


def equal_inputs(frame: pd.DataFrame, settings: TableSettings) -> Index:
    """A number for each row, the same for rows equal in features."""
    return _equal_rows(frame.drop(columns=[*settings.targets, *settings.heads]), settings)


def _equal_rows(frame: pd.DataFrame, settings: TableSettings) -> Index:
    roles = {settings.time, settings.weights, settings.test.column, "__role__", *settings.drop, *settings.references}
    compared = {name: _spelling(frame[name]) for name in frame.columns if name not in roles}
    return pd.factorize(pd.util.hash_pandas_object(pd.DataFrame(compared), index=False))[0].astype(np.intp)


def sealed_rows(frame: pd.DataFrame, settings: ValidateSettings | PrepareSettings) -> Index:
    """Sorted positions of the sealed rows in a table as it was read.

    Raises UserError if the time column holds text.
    """
    if settings.test.column is not None:
        return np.flatnonzero((label_texts(frame[settings.test.column]) == str(settings.test.value)).to_numpy())
    if "__role__" in frame.columns:
        return np.flatnonzero((frame["__role__"] == "test").to_numpy())
    strata_N = None
    if settings.problem_type.single_label:
        strata_N = pd.factorize(label_texts(frame[settings.targets[0]]), sort=True)[0].astype(np.intp)
    time_N = None if settings.time is None else time_numbers(frame[settings.time])
    return seal(units(frame, settings), strata_N, time_N, settings.test.share, settings.seed + TEST_SEED)


def sealed_if_known(frame: pd.DataFrame, settings: ValidateSettings) -> Index:
    """The sealed rows as far as they are known before the data checks; none if a column that decides is unusable."""
    needed = {*settings.targets, settings.groups, settings.time, settings.test.column} - {None}
    has_order = settings.time not in frame or column_type(frame[settings.time]) in ("numeric", "date")
    return sealed_rows(frame, settings) if needed <= {*frame.columns} and has_order else np.array([], dtype=np.intp)


def _spelling(values_N: pd.Series) -> pd.Series:
    if not isinstance(values_N.dtype, pd.StringDtype):
        return values_N
    text = spelling(pa.chunked_array([pa.Array.from_pandas(values_N, type=pa.string())]))
    return pd.Series(text.to_pandas(), index=values_N.index, dtype="str")

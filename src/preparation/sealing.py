"""Which rows are the sealed test set: known as soon as a table is read, before anything is decided from its values.

The rule, by the way in which a problem names it (`test`, `time`, or a file's `role`):

- rows where a column has a value, or the rows of a file: what the others hold changes nothing;
- the last share in time: the time column decides alone;
- a share dealt out: the groups decide, or which rows are equal, and the classes, which each part gets its share of.

No other value of a row has a part in it. Shapes: N rows.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from src.datasets.columns import spelling
from src.problem.steps import PrepareSettings, TableSettings, ValidateSettings
from src.tables.columns import column_kind, label_texts, time_numbers
from src.tables.protocols import seal

Index = NDArray[np.intp]

# Far enough from the seeds of the folds that no draw meets another.
TEST_SEED = 30_000


def never_learnt(settings: TableSettings) -> set[str]:
    """The columns whose values decide splits only, or nothing."""
    apart = (settings.groups, settings.test.column, *settings.drop, *settings.references)
    return {name for name in apart if name is not None}


def units(frame: pd.DataFrame, settings: TableSettings) -> Index:
    """Numbers of the units that never straddle a split: the user's groups, or rows equal in features and targets.

    Values of text that are numbers, truth values or dates are equal however they are spelled, so that the kind of a
    column, which is not known yet, does not matter.
    """
    if settings.groups is not None:
        return pd.factorize(_spelling(frame[settings.groups]))[0].astype(np.intp)
    roles = {settings.time, settings.weights, settings.test.column, "__role__", *settings.drop, *settings.references}
    learnt = {name: _spelling(frame[name]) for name in frame.columns if name not in roles}
    return pd.factorize(pd.util.hash_pandas_object(pd.DataFrame(learnt), index=False))[0].astype(np.intp)


def sealed_rows(frame: pd.DataFrame, settings: ValidateSettings | PrepareSettings) -> Index:
    """Positions of the sealed rows in a table as it was read, sorted.

    Raises UserError where the time column holds text.
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


def sealed_if_told(frame: pd.DataFrame, settings: ValidateSettings) -> Index:
    """The same before the data checks, which tell what is wrong: none where a column that decides is not as it must
    be."""
    deciding = {*settings.targets, settings.groups, settings.time, settings.test.column} - {None}
    in_order = settings.time not in frame or column_kind(frame[settings.time]) in ("numeric", "date")
    return sealed_rows(frame, settings) if deciding <= {*frame.columns} and in_order else np.array([], dtype=np.intp)


def _spelling(values_N: pd.Series) -> pd.Series:
    if not isinstance(values_N.dtype, pd.StringDtype):
        return values_N
    text = spelling(pa.chunked_array([pa.Array.from_pandas(values_N, type=pa.string())]))
    return pd.Series(text.to_pandas(), index=values_N.index, dtype="str")

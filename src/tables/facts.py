"""The raw table as the checks see it: which column plays which role, and the facts that several checks share.

A column that the settings name but the table lacks has no role here. The suite reports it, and all other checks go on
with the existing columns, so that the user gets all findings at once. Shapes: N rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from src.datasets import numeric_looking
from src.datasets.notation import recognized
from src.problem.sources import Notation, Reading
from src.problem.steps import ValidateSettings
from src.tables.columns import column_type, feature_type, label_texts
from src.tables.protocols import Order, choose_protocol

SHOWN_ROWS = 5
SAMPLE_ROWS, FEW_NUMBERS = 2000, 0.25
ROLE_COLUMN = "__role__"


@dataclass(frozen=True)
class Issue:
    """What a check found: `count` offending values, rows or columns, and the first offending rows (from 0)."""

    severity: Literal["error", "warning"]
    column: str | None
    count: int
    rows: list[int]
    message: str


@dataclass(frozen=True, eq=False)
class TableFacts:
    """`frame` is the canonical typed table of `src.datasets.read_table`, `settings` say what its columns are for.

    A table equals only itself, so that checks can keep what they compute from it.
    """

    frame: pd.DataFrame
    settings: ValidateSettings

    def __len__(self) -> int:
        return len(self.frame)

    def __getitem__(self, column: str) -> pd.Series:
        return self.frame[column]

    @property
    def named(self) -> Iterator[tuple[str, str]]:
        """Every (settings key, column) that the settings name, whether the table has the column or not."""
        settings = self.settings
        yield from (("target", name) for name in settings.targets)
        yield from (("heads", name) for name in settings.heads)
        single = {"groups": settings.groups, "time": settings.time, "weights": settings.weights}
        yield from ((key, name) for key, name in (single | {"test.column": settings.test.column}).items() if name)
        yield from (("drop", name) for name in settings.drop)
        yield from (("reference", name) for name in settings.references)
        yield from (("columns", name) for name in settings.columns)

    @cached_property
    def columns(self) -> list[str]:
        return [name for name in self.frame.columns if name != ROLE_COLUMN]

    @cached_property
    def roles(self) -> dict[str, str]:
        """Each column's role: the settings key that names it, or `feature`."""
        keys = {name: key for key, name in reversed(list(self.named)) if key != "columns"}
        return {name: keys.get(name, "feature") for name in self.columns}

    def of_role(self, role: str) -> list[str]:
        return [name for name, column_role in self.roles.items() if column_role == role]

    @property
    def features(self) -> list[str]:
        return self.of_role("feature")

    @property
    def targets(self) -> list[str]:
        return self.of_role("target")

    @cached_property
    def types(self) -> dict[str, str]:
        declared = self.settings.columns
        return {
            name: feature_type(self[name], declared.get(name)) if role == "feature" else column_type(self[name])
            for name, role in self.roles.items()
        }

    @cached_property
    def missing(self) -> dict[str, int]:
        return {name: int(self[name].isna().sum()) for name in self.columns}

    @cached_property
    def distinct(self) -> dict[str, int]:
        """Number of different values of each column, gaps not counted."""
        return {name: int(self[name].nunique()) for name in self.columns}

    @property
    def is_single_label(self) -> bool:
        return self.settings.problem_type.single_label

    @cached_property
    def labels(self) -> pd.Series:
        """The class of each row that has one, as text; single-label problems only."""
        return label_texts(self[self.targets[0]].dropna())

    @cached_property
    def test_N(self) -> NDArray[np.bool_] | None:
        """Which rows the source or the settings put in the sealed test set; None where a share is drawn."""
        test = self.settings.test
        if test.column in self.columns:
            present = self[test.column].dropna()
            return (label_texts(present) == str(test.value)).reindex(self.frame.index, fill_value=False).to_numpy(bool)
        if ROLE_COLUMN in self.frame:
            return (self.frame[ROLE_COLUMN] == "test").to_numpy(bool)
        return None

    @property
    def training_rows(self) -> int:
        """How many rows are left to learn from once the test set is sealed."""
        if self.test_N is not None:
            return int((~self.test_N).sum())
        return len(self) - round(len(self) * self.settings.test.share)

    @cached_property
    def order(self) -> Order:
        if self.settings.time is not None:
            return "temporal"
        if self.settings.groups is not None:
            return "grouped"
        return "stratified" if self.is_single_label else "shuffled"

    @cached_property
    def parts(self) -> int:
        """Into how many parts the training rows will be dealt: K of K-fold; 2 for hold-out."""
        return max(choose_protocol(self.settings, self.training_rows, self.order)[0].folds, 2)

    @cached_property
    def slips(self) -> dict[str, tuple[float, NDArray[np.intp]]]:
        """For each text feature, of guessed type, with many numbers: their exact share, and where the others are.

        Columns with few numbers in evenly spaced rows are passed over: a pattern on every row costs seconds.
        """
        guessed = [n for n in self.features if self.types[n] == "categorical" and n not in self.settings.columns]
        every = max(len(self) // SAMPLE_ROWS, 1)
        written = {name: self.notation(name) for name in guessed}
        hopeful = [n for n in guessed if numeric_looking(self[n].iloc[::every], written[n])[0] > FEW_NUMBERS]
        return {name: numeric_looking(self[name], written[name]) for name in hopeful}

    def notation(self, name: str) -> Notation:
        """How the problem file says that the numbers of a column are written."""
        data = self.settings.data
        return data.notation(name) if isinstance(data, Reading) else Notation()

    def other_notation(self, name: str) -> Notation | None:
        """The notation of a column of texts that are numbers, if only it were read so."""
        if self.types[name] != "categorical" or name in self.settings.columns:
            return None
        every = max(len(self) // SAMPLE_ROWS, 1)
        text = pa.chunked_array([pa.Array.from_pandas(self[name].iloc[::every], type=pa.string())])
        notation = recognized(text)
        return None if notation in (Notation(), self.notation(name)) else notation


def first_rows(offends_N: "NDArray[np.bool_] | pd.Series") -> list[int]:
    """The first offending positions, at most `SHOWN_ROWS` of them."""
    return [int(row) for row in np.flatnonzero(np.asarray(offends_N, dtype=bool))[:SHOWN_ROWS]]


def where(rows: list[int], count: int) -> str:
    """`row 4`, `rows 4, 9` or `rows 4, 9, 12, 13, 20 and 7 more`."""
    more = f" and {count - len(rows):,} more" if count > len(rows) else ""
    return f"row{'s' if count > 1 else ''} {', '.join(map(str, rows))}{more}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: list[str], limit: int = SHOWN_ROWS) -> str:
    """The names, quoted; past `limit` only how many more there are."""
    return _first([repr(name) for name in names], limit)


def listed_counts(counts: Mapping[str, int]) -> str:
    """Names with how often each is there: `'a' (20), 'b' (3)`."""
    return _first([f"{name!r} ({count:,})" for name, count in counts.items()], SHOWN_ROWS)


def _first(texts: list[str], limit: int) -> str:
    more = f" and {len(texts) - limit:,} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def show(value: object) -> str:
    """A cell as a person writes it: whole numbers without a point, dates without an empty time of day."""
    if pd.isna(value):
        return "missing"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return str(value).removesuffix(" 00:00:00")[:80]

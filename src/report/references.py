"""The results by a reference column: what the measure is among the rows of each of its values."""

import numpy as np
import pandas as pd

from src.core.text import count
from src.judging.printer import printer_of
from src.models.measures import TABLE
from src.problem.terms import REFERENCE
from src.report.blocks import Table, Text
from src.report.evidence import Evidence
from src.results.wording import MODELS

# Of a column with more values than this, numbers are cut into quarters, and of others the commonest are shown.
MOST_VALUES = 10
MISSING = "missing"


def by_reference(evidence: Evidence) -> list[Text | Table]:
    """A table for each reference column; nothing where the problem has none, or where rows have no answers."""
    rows = evidence.out_of_fold
    if TABLE[evidence.prepared.measure].reads_reference:
        return []
    names = [name for name in rows if str(name).startswith(REFERENCE)]
    if not names or evidence.prepared.problem_type.generates:
        return []
    intro = Text(
        "Nothing was learnt from the reference columns. Here the rows are told apart by them, without weights. These "
        "values have no intervals: where a line has few rows, a difference may be luck."
    )
    return [intro, *(_table(evidence, rows, str(name)) for name in names)]


def _table(evidence: Evidence, rows: pd.DataFrame, column: str) -> Table:
    printer = printer_of(evidence.evaluate, evidence.settings.unit)
    values = _values(rows[column])
    cells = [
        [str(value), count(int((values == value).sum())), printer.bare(_measured(evidence, rows[values == value]))]
        for value in values.value_counts(sort=False).index
    ]
    name = column.removeprefix(REFERENCE)
    return Table(
        f"The {MODELS[evidence.evaluate.saved]} out of fold, by {name}",
        [name, "Rows", printer.heading],
        cells,
        frozenset({1, 2}),
    )


def _values(column: pd.Series) -> pd.Series:
    """The values of the rows as texts, in the order in which they are shown."""
    present = column.dropna()
    if present.nunique() > MOST_VALUES and pd.api.types.is_numeric_dtype(present):
        parts = pd.qcut(present.astype(float), 4, duplicates="drop", precision=3)
        shown = [f"{part.left:g} to {part.right:g}" for part in parts.cat.categories]
        parts = parts.cat.rename_categories(shown)
    else:
        texts = present.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value)).astype(object)
        kept = list(texts.value_counts().index[:MOST_VALUES])
        others = texts.nunique() - len(kept)
        if others:
            texts = texts.where(texts.isin(kept), f"{count(others)} other values")
            kept.append(f"{count(others)} other values")
        parts = texts.astype(pd.CategoricalDtype(kept))
    if len(present) < len(column):
        parts = parts.cat.add_categories([MISSING])
    return parts.reindex(column.index).fillna(MISSING) if len(present) < len(column) else parts


def _measured(evidence: Evidence, rows: pd.DataFrame) -> float:
    """The measure on these rows of predictions; of measures that are taken in each fold the mean."""
    if TABLE[evidence.prepared.measure].by_fold and rows["fold"].nunique() > 1:
        return float(np.mean([_measured(evidence, of_fold) for _, of_fold in rows.groupby("fold")]))
    prepared = evidence.prepared
    asked, classes = prepared.problem_type, list(prepared.classes)
    if asked.single_label:
        y_NT = pd.Index(classes).get_indexer(rows["actual"]).astype(np.float64)[:, None]
    else:
        y_NT = rows[[f"actual__{name}" for name in prepared.targets]].to_numpy(np.float64)
    p_NK = rows[asked.measured_columns(classes, prepared.targets)].to_numpy(np.float64)
    return TABLE[prepared.measure].value(y_NT, p_NK, np.ones(len(rows)))

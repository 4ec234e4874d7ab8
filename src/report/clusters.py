"""The clusters that the saved model deals the rows of the sealed test out into."""

import pandas as pd

from src.core.text import count
from src.inputs.pictures import PICTURE
from src.problem.terms import REFERENCE
from src.report.blocks import Pictures, Table, Text
from src.report.evidence import Evidence
from src.report.words import share
from src.results.wording import MODELS

Block = Text | Pictures | Table
# Values of a reference that have a column of their own, and rows of a cluster that are shown.
MOST_VALUES, MOST_SHOWN = 10, 5


def clusters(evidence: Evidence) -> list[Block]:
    rows = evidence.sealed_test
    probabilities = rows[[name for name in rows if str(name).startswith("probability__")]]
    rows = rows.assign(certainty=probabilities.max(axis=1))
    called = f"the {MODELS[evidence.evaluate.saved]}, fitted to all training rows"
    sizes = [
        [f"{number}", count(len(members)), share(len(members) / max(len(rows), 1)), share(members["certainty"].mean())]
        for number, members in _by_cluster(rows, len(probabilities.columns))
    ]
    intro = Text(
        f"The clusters of the sealed rows, by {called}. Cluster 1 is the largest among the training rows. The numbers "
        "say nothing else, and those of other models have nothing to do with them."
    )
    table = Table("The clusters", ["Cluster", "Rows", "Share", "Mean probability"], sizes, frozenset({1, 2, 3}))
    references = [str(name) for name in rows if str(name).startswith(REFERENCE)]
    return [intro, table, *(_by_reference(rows, name, len(sizes)) for name in references), *_shown(rows, len(sizes))]


def _by_cluster(rows: pd.DataFrame, clusters: int) -> list[tuple[int, pd.DataFrame]]:
    return [(number, rows[rows["cluster"] == number]) for number in range(1, clusters + 1)]


def _by_reference(rows: pd.DataFrame, column: str, clusters: int) -> Table:
    """How many rows of each cluster have each of the commonest values."""
    texts = rows[column].astype("str").fillna("missing")
    values = list(texts.value_counts().index[:MOST_VALUES])
    others = len(texts.unique()) > len(values)
    cells = []
    for number, members in _by_cluster(rows.assign(**{column: texts}), clusters):
        counts = [int((members[column] == value).sum()) for value in values]
        cells.append([f"{number}", *map(count, counts), *([count(len(members) - sum(counts))] if others else [])])
    name = column.removeprefix(REFERENCE)
    header = ["Cluster", *values, *(["others"] if others else [])]
    return Table(
        f"The rows of each cluster by {name}, which no model learnt from",
        header,
        cells,
        frozenset(range(1, len(header))),
    )


def _shown(rows: pd.DataFrame, clusters: int) -> list[Block]:
    """The surest rows of each cluster, where the kind of input can be shown."""
    if "shown" not in rows:
        return []
    cells = []
    for number, members in _by_cluster(rows, clusters):
        surest = members.sort_values("certainty", ascending=False, kind="stable")["shown"].head(MOST_SHOWN)
        if len(surest) == MOST_SHOWN:
            cells.append([f"{number}", *map(str, surest)])
    if not cells:
        return []
    columns = frozenset(range(1, MOST_SHOWN + 1))
    pictured = columns if all(cell.startswith(PICTURE) for row in cells for cell in row[1:]) else frozenset()
    header = ["Cluster", *(f"{place}" for place in sorted(columns))]
    return [Table("The rows that are surest of each cluster", header, cells, prose=not pictured, pictured=pictured)]

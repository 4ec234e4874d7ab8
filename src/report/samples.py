"""Rows that models draw: how near they are to held-out ones, and what they look like."""

from src.report.blocks import Pictures, Table, Text
from src.report.evidence import Evidence
from src.report.likelihoods import drawn
from src.report.words import share
from src.results.wording import MODELS

Block = Text | Pictures | Table
# What is counted, the column of predictions.parquet, and what is said of it.
_COUNTED = {
    "Held-out rows with a sample among their neighbours": "covered",
    "The same with as many real rows": "covered_by_real",
}


def samples(evidence: Evidence) -> list[Block]:
    meaning = Text(
        "A judge that has learnt nothing but where the numbers of its training rows lie looks at drawn rows and at as "
        "many held-out ones. The measure is the distance between the two, as a multiple of the floor: the same "
        "distance between two sets of real rows. So 1 is as near as real rows are. The more rows are compared, the "
        "lower the floor, so values of different numbers of rows are not comparable."
    )
    where = {"out of fold": evidence.out_of_fold, "sealed test": evidence.sealed_test}
    judged = {name: rows[rows["judged"] > 0] for name, rows in where.items()}
    lines = [[line, *(share(rows[column].mean()) for rows in judged.values())] for line, column in _COUNTED.items()]
    table = Table(
        f"What the rows of the {MODELS[evidence.evaluate.saved]} cover",
        ["", *(f"{name}, {len(rows):,} rows" for name, rows in judged.items())],
        lines,
        frozenset({1, 2}),
    )
    return [meaning, table, *drawn(evidence)]

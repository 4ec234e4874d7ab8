"""The report shows the results by each value of a reference column."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.models.measures import TABLE
from src.report.blocks import Table
from src.report.evidence import Evidence, read_evidence
from src.report.references import by_reference
from tests.report.examples import TYPES, example
from tests.report.written_results import write_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    found: dict[str, Evidence] = {}

    def evidence(kind: str) -> Evidence:
        if kind not in found:
            found[kind] = read_evidence(write_results(Path(tmp_path_factory.mktemp(kind)), example(kind)))
        return found[kind]

    return evidence


def shown(evidence: Evidence, **columns: object) -> list[Table]:
    named = {f"reference__{name}": values for name, values in columns.items()}
    evidence = replace(evidence, predictions=evidence.predictions.assign(**named))
    return [block for block in by_reference(evidence) if isinstance(block, Table)]


@pytest.mark.parametrize("kind", TYPES)
def test_rows_are_counted_and_measured_by_value(results, kind):
    evidence = results(kind)
    where = np.where(evidence.predictions["row"] % 3 == 0, "here", "there")
    if evidence.prepared.problem_type.generates:
        assert not shown(evidence, ward=where)
        return
    [table] = shown(evidence, ward=where)
    rows = len(evidence.out_of_fold)
    here = int((evidence.out_of_fold["row"] % 3 == 0).sum())
    assert [row[:2] for row in table.rows] == [["there", f"{rows - here}"], ["here", f"{here}"]]
    [whole] = shown(evidence, ward="everywhere")
    first = evidence.fold_scores[evidence.fold_scores["repeat"] == 0][evidence.evaluate.saved].astype(float)
    measure = TABLE[evidence.prepared.measure]
    if not measure.ranks_rows:
        value = float(whole.rows[0][2].rstrip("%")) / (100 if measure.form == "share" else 1)
        assert value == pytest.approx(first.mean(), rel=0.02)


def test_numbers_are_cut_into_quarters_and_rare_texts_are_put_together(results):
    evidence = results("regression")
    row = evidence.predictions["row"]
    [ages] = shown(evidence, age=row.where(row % 5 > 0).astype(float))
    assert [name for name, *_ in ages.rows][-1] == "missing"
    assert len(ages.rows) == 5
    [wards] = shown(evidence, ward=pd.array("ward " + (row % 14).astype(str), dtype="str"))
    assert len(wards.rows) == 11
    assert wards.rows[-1][0] == "4 other values"
    assert sum(int(rows) for _, rows, _ in wards.rows) == len(evidence.out_of_fold)


def test_a_problem_without_reference_columns_has_no_such_table(results):
    assert by_reference(results("binary")) == []

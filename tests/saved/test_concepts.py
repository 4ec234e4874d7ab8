"""Concepts of codes: means of training rows, followed from sealed ones."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from src.saved import concepts as module
from src.saved.concepts import STRENGTHS, concepts
from src.tables.table import Feature, Schema, Table

SCHEMA = Schema(
    type="autoencode",
    features=[Feature(name=name, type="numeric") for name in "ab"],
    targets=[],
    classes=[],
    positive=None,
    groups=None,
    time=None,
    weights=None,
    references=["side"],
    code=2,
)
# A model whose code is the row itself, after a statistic.
MODEL: Any = SimpleNamespace(
    encodes=True, schema=SCHEMA, row_predictions=lambda rows: np.column_stack([np.zeros(len(rows)), rows[["a", "b"]]])
)


@pytest.fixture(autouse=True)
def codes_are_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "rows_of_codes", lambda model, code_PC, seed: pd.DataFrame(code_PC, columns=["a", "b"]))


def table(count: int, seed: int, first_row: int = 0) -> Table:
    """Rows on the left, and rows on the right whose `a` is 3 larger."""
    rng = np.random.default_rng(seed)
    right_N = np.arange(count) % 2 == 1
    a_N = rng.normal(size=count) + 3 * right_N
    frame = pd.DataFrame({"a": a_N, "b": rng.normal(size=count), "side": np.where(right_N, "right", "left")})
    return Table(SCHEMA, frame, np.empty((count, 0)), np.ones(count), np.arange(first_row, first_row + count))


def test_a_concept_is_the_difference_of_mean_codes_of_training_rows_followed_from_a_sealed_one():
    train, test = table(100, 0), table(40, 1, 100)
    [found] = concepts(MODEL, train, test, 0)
    assert (found.name, found.header) == ("side", ["a", "b"])
    left, right = found.concepts
    assert (left.value, left.rows, left.row, right.value, right.row) == ("left", 50, 101, "right", 100)
    mean = train.frame.groupby("side")[["a", "b"]].mean()
    for cells, strength in zip(right.cells, STRENGTHS, strict=True):
        wanted = test.frame.loc[0, ["a", "b"]] + strength * (mean.loc["right"] - mean.loc["left"])
        np.testing.assert_allclose([float(cell) for cell in cells], wanted.to_numpy(float), rtol=1e-3)
    assert right.area.value > 0.95
    assert right.area.low < right.area.value < right.area.high
    assert left.area.value == pytest.approx(right.area.value)


def test_a_row_is_turned_into_each_value_by_the_means_of_training_rows():
    train, test = table(100, 0), table(40, 1, 100)
    [found] = concepts(MODEL, train, test, 0)
    left, right = found.turned
    assert (left.value, left.row, left.others, right.row) == ("left", 100, ["left", "right"], 101)
    mean = train.frame.groupby("side")[["a", "b"]].mean()
    kept, turned = (np.array(cells, float) for cells in left.cells)
    np.testing.assert_allclose(kept, test.frame.loc[0, ["a", "b"]].to_numpy(float), rtol=1e-3)
    np.testing.assert_allclose(turned - kept, mean.loc["right"] - mean.loc["left"], atol=1e-2)


def test_a_sealed_row_changes_no_concept():
    train, test = table(100, 0), table(40, 1, 100)
    frame = test.frame.copy()
    frame.loc[5:, ["a", "b"]] = 1e4
    [one], [other] = (concepts(MODEL, train, rows, 0) for rows in (test, replace(test, frame=frame)))
    assert [each.cells for each in one.concepts] == [each.cells for each in other.concepts]
    assert one.turned == other.turned


def test_few_rows_of_a_value_give_no_concept_and_few_sealed_ones_no_area():
    train, test = table(100, 0), table(4, 1, 100)
    [found] = concepts(MODEL, train, test, 0)
    assert [each.area for each in found.concepts] == [None, None]
    train.frame["side"] = ["left"] * 97 + ["right"] * 3
    assert concepts(MODEL, train, test, 0) == []


def test_a_code_of_bits_has_no_concepts():
    train, test = table(100, 0), table(40, 1, 100)
    bits = SCHEMA.model_copy(update={"bits": True})
    assert concepts(MODEL, replace(train, schema=bits), test, 0) == []

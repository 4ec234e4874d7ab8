"""Nested cross-validation: the search sees nothing of the rows that score it."""

from dataclasses import replace

import numpy as np
import pytest

from src.judging.held_out import HeldOut
from src.models.measures import TABLE
from src.problem.training import Engine
from src.search.nested import search_in_folds
from src.tables.protocols import Split
from src.tables.table import encode_targets
from tests.training.examples import candidate, folds_of, table_of

ROWS = 60
ACCURACY = TABLE["accuracy"]
CANDIDATES = [candidate(units=[4], epochs=3), candidate(units=[4], epochs=3, learning_rate=0.1)]


def search(table, outer, development, candidates=CANDIDATES):
    return search_in_folds(candidates, outer, development, table, ACCURACY, Engine(workers=1), 0, starts=[1, 2])


@pytest.fixture
def table():
    return table_of("binary", ROWS)


def test_every_outer_fold_has_a_choice_of_its_own_and_predictions_for_its_rows(table):
    outer = list(folds_of(ROWS, parts=3))
    found = search(table, outer, folds_of(ROWS, parts=4, seed=1))
    assert len(found.chosen) == 3
    assert {of.learning_rate for of in found.chosen} <= {of.learning_rate for of in CANDIDATES}
    assert isinstance(found.held_out, HeldOut)
    assert [len(p) for p in found.held_out.predictions] == [len(split.validation) for split in outer]


def test_nothing_of_the_held_out_rows_reaches_the_choice_or_the_predictions(table):
    """Change every target that is held out: neither choice nor predictions move by one bit."""
    outer = [next(iter(folds_of(ROWS, parts=3)))]
    development = folds_of(ROWS, parts=4, seed=1)
    frame = table.frame.copy()
    rows = outer[0].validation
    frame.loc[rows, "t"] = np.where(frame.loc[rows, "t"] == "yes", "no", "yes")
    changed = replace(table, frame=frame, y_NT=encode_targets(frame, table.schema))
    one, other = search(table, outer, development), search(changed, outer, development)
    assert one.chosen == other.chosen
    assert (one.held_out.predictions[0] == other.held_out.predictions[0]).all()


def test_a_candidate_that_learns_is_preferred_to_one_that_cannot():
    stuck, able = candidate(units=[4], epochs=1, learning_rate=1e-9), candidate(units=[4], epochs=40, learning_rate=0.1)
    table = table_of("binary", 200)
    found = search(table, list(folds_of(200, parts=3)), folds_of(200, parts=3, seed=1), [stuck, able])
    assert [of.learning_rate for of in found.chosen] == [0.1] * 3


def test_a_development_fold_that_is_held_out_altogether_scores_nothing_inside(table):
    development = folds_of(ROWS, parts=3, seed=1)
    outer = [Split(0, 0, *(np.flatnonzero((development.fold_RN[0] == 0) == out) for out in (False, True)))]
    assert len(search(table, outer, development).chosen) == 1

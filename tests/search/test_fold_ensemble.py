"""The fold ensemble is scored on rows that no network of it has seen."""

from dataclasses import replace

import numpy as np

from src.models.measures import TABLE
from src.problem.training import Engine
from src.search.fold_ensemble import score_fold_ensemble
from src.tables.table import Table
from src.training.fit import fit
from src.training.members import Member
from tests.training.examples import candidate, folds_of, table_of

ROWS = 60
ACCURACY, ENGINE = TABLE["accuracy"], Engine(workers=1)


def ensembles(table: Table, outer, development):
    return score_fold_ensemble([candidate()] * len(outer), outer, development, table, ACCURACY, ENGINE, [1, 2])


def test_it_is_the_mean_of_the_networks_of_the_inner_folds():
    table, outer, development = table_of("binary", ROWS), list(folds_of(ROWS)), folds_of(ROWS, parts=4, seed=1)
    found = ensembles(table, outer, development)
    split = outer[1]
    p_VK = []
    for inner in development:
        rows = np.intersect1d(inner.training, split.training)
        number = 1 + split.fold
        of = replace(split, repeat=number, fold=inner.fold, training=rows)
        p_VK += [
            t.predictions
            for t in fit([Member.of_split(candidate(), of, s) for s in (1, 2)], table, ACCURACY, ENGINE, "")
        ]
    assert len(p_VK) == 8
    np.testing.assert_allclose(found.predictions[1], np.mean(p_VK, axis=0), rtol=1e-5)


def test_nothing_of_the_held_out_rows_reaches_its_predictions_of_other_rows():
    table, outer, development = table_of("binary", ROWS), list(folds_of(ROWS))[:1], folds_of(ROWS, parts=4, seed=1)
    victim = outer[0].validation[0]
    frame, y_NT = table.frame.copy(), table.y_NT.copy()
    frame.loc[victim, ["x", "z", "colour"]] = [1e5, np.nan, "violet"]
    y_NT[victim] = 1 - y_NT[victim]
    changed = replace(table, frame=frame, y_NT=y_NT)
    one, other = (ensembles(of, outer, development).predictions[0] for of in (table, changed))
    assert (one[0] != other[0]).any()
    assert one[1:].tobytes() == other[1:].tobytes()

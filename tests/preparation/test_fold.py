"""A fold as numbers: fitted on its training rows, applied to both."""

import numpy as np
import pytest

from src.preparation.fold import fit_fold
from tests.training.examples import table_of

KINDS = ["binary", "multiclass", "multilabel", "regression", "unit_interval_regression"]
TRAINING, VALIDATION = np.arange(0, 30), np.arange(30, 47)


@pytest.mark.parametrize("kind", KINDS)
def test_validation_rows_change_nothing_that_is_fitted(kind):
    table = table_of(kind)
    one, other = fit_fold(table, TRAINING, VALIDATION), fit_fold(table, TRAINING, VALIDATION[:3])
    assert one.vectorizer == other.vectorizer
    assert one.target_scaler == other.target_scaler
    assert one.x_AD.tobytes() == other.x_AD.tobytes()
    assert one.x_VD[:3].tobytes() == other.x_VD.tobytes()


def test_validation_rows_change_no_bin():
    table = table_of("binary", 2_600)
    one = fit_fold(table, np.arange(2_500), np.arange(2_500, 2_600))
    table.frame.loc[2_500:, ["x", "z"]] = 1e6
    other = fit_fold(table, np.arange(2_500), np.arange(2_500, 2_600))
    assert one.x_AD.shape[1] > 10
    assert one.vectorizer == other.vectorizer
    assert one.x_AD.tobytes() == other.x_AD.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_targets_and_weights_of_a_fold_are_of_its_rows_in_their_order(kind):
    table = table_of(kind, weights=True)
    fold = fit_fold(table, TRAINING, VALIDATION)
    assert fold.x_AD.shape == (30, fold.x_VD.shape[1])
    np.testing.assert_array_equal(fold.w_A, table.w_N[TRAINING].astype(np.float32))
    np.testing.assert_array_equal(fold.w_V, table.w_N[VALIDATION].astype(np.float32))
    np.testing.assert_allclose(fold.restore(fold.y_AT.astype(np.float64)), table.y_NT[TRAINING], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fold.restore(fold.y_VT.astype(np.float64)), table.y_NT[VALIDATION], rtol=1e-5, atol=1e-5)


def test_only_plain_regression_standardizes_its_targets():
    scaled = {kind for kind in KINDS if fit_fold(table_of(kind), TRAINING, VALIDATION).target_scaler is not None}
    assert scaled == {"regression"}
    fold = fit_fold(table_of("regression"), TRAINING, VALIDATION)
    np.testing.assert_allclose(fold.y_AT.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(fold.y_AT.std(axis=0), 1, rtol=1e-5)


def test_folds_may_have_different_numbers_of_inputs():
    table = table_of("binary")
    table.frame.loc[:10, "x"] = None
    whole = fit_fold(table, np.arange(47), VALIDATION)
    table.frame["x"] = table.frame["x"].fillna(0.0)
    table.frame.loc[45, "x"] = None
    without_the_gap = fit_fold(table, TRAINING, VALIDATION)
    assert whole.x_AD.shape[1] == without_the_gap.x_AD.shape[1] + 1
    assert without_the_gap.x_VD.shape[1] == without_the_gap.x_AD.shape[1]


def test_a_fold_without_validation_rows_has_inputs_of_the_same_width():
    fold = fit_fold(table_of("regression"), TRAINING, TRAINING[:0])
    assert fold.x_VD.shape == (0, fold.x_AD.shape[1])
    assert fold.y_VT.shape == (0, 2)

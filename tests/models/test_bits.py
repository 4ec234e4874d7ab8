"""Shallow codes of bits: rebuilt as they say, better with more bits, and the same on sparse and dense rows."""

import numpy as np
import pytest
from scipy.sparse import random_array

from src.core.errors import UserError
from src.inputs.sparse import SparseRows
from src.models.bits import ResidualKMeans, Signs
from src.models.components import Components

RNG = np.random.default_rng(0)
X_ND = RNG.normal(size=(400, 6)) @ RNG.normal(size=(6, 6)) + 2


@pytest.mark.parametrize("make", [Signs, ResidualKMeans])
@pytest.mark.parametrize("bits", [1, 5])
def test_the_error_is_that_of_the_row_that_the_bits_stand_for(make, bits):
    model = make(bits).fit(X_ND)
    scored_NS = model.score_samples(X_ND)
    assert scored_NS.shape == (400, 1 + bits)
    assert set(np.unique(scored_NS[:, 1:])) == {0, 1}
    rebuilt_ND = model.rebuilt(scored_NS[:, 1:])
    np.testing.assert_allclose(scored_NS[:, 0], np.square(X_ND - rebuilt_ND).mean(1))
    assert scored_NS[:, 0].mean() < X_ND.var(0).mean()


def test_each_side_of_an_axis_is_rebuilt_as_the_weighted_mean_of_its_rows():
    w_N = RNG.integers(1, 4, 400)
    model = Signs(2).fit(X_ND, sample_weight=w_N)
    place_N = (X_ND - model.components_.mean_) @ model.components_.axes_[:, 0]
    means = [np.average(place_N[side], weights=w_N[side]) for side in (place_N <= 0, place_N > 0)]
    np.testing.assert_allclose(model.places_2C_[:, 0], means)


def test_more_stages_rebuild_better_and_few_rows_have_smaller_ones():
    errors = [ResidualKMeans(bits).fit(X_ND).score_samples(X_ND)[:, 0].mean() for bits in (2, 6, 12)]
    assert errors[0] > errors[1] > errors[2]
    assert ResidualKMeans(12).fit(X_ND).stages_ == [6, 6]
    assert ResidualKMeans(3).fit(X_ND[:9]).stages_ == [1, 1, 1]
    same = ResidualKMeans(3).fit(np.repeat(X_ND[:3], 20, axis=0))
    np.testing.assert_allclose(same.score_samples(X_ND[:3])[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize("make", [Signs, ResidualKMeans])
def test_sparse_rows_are_rebuilt_like_dense_ones(make):
    sparse = SparseRows(random_array((60, 20), density=0.2, rng=np.random.default_rng(0)).tocsr())
    model = make(4).fit(sparse)
    scored_NS = model.score_samples(sparse)
    rebuilt_ND = model.rebuilt(scored_NS[:, 1:])
    np.testing.assert_allclose(scored_NS[:, 0], np.square(sparse.toarray() - rebuilt_ND).mean(1), atol=1e-9)


def test_sparse_rows_are_projected_once(monkeypatch: pytest.MonkeyPatch):
    sparse = SparseRows(random_array((60, 20), density=0.2, rng=np.random.default_rng(0)).tocsr())
    model, calls, project = ResidualKMeans(4).fit(sparse), [], Components.score_samples
    monkeypatch.setattr(Components, "score_samples", lambda self, x_ND: calls.append(1) or project(self, x_ND))
    model.score_samples(sparse)
    assert len(calls) == 1


def test_more_signs_than_inputs_are_refused():
    with pytest.raises(UserError, match="code: 6 bits need rows of more than 6 inputs"):
        Signs(6).fit(X_ND)

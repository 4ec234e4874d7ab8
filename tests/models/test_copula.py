"""The Gaussian copula, against scipy and a population whose dependence is known."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from src.models.copula import GaussianCopula, Margin


def table(columns: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.column_stack([part for column in columns for part in column]).astype(np.float64)


def number(values: np.ndarray, missing: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    missing = np.zeros(len(values), bool) if missing is None else missing
    return np.where(missing, 0, values.round()), missing.astype(float)


def test_scores_are_the_means_of_normal_numbers_between_their_quantiles():
    x_N = np.repeat([-3, 5, 9, 40], [10, 5, 60, 25])
    margin = Margin.fit(x_N, np.ones(100))
    edges = stats.norm.ppf([0, 0.1, 0.15, 0.75, 1])
    theirs = [stats.truncnorm(low, high).mean() for low, high in pairwise(edges)]
    np.testing.assert_allclose(margin.scores(np.array([-3, 5, 9, 40])), theirs, rtol=1e-9)


def test_columns_keep_their_distributions_and_hang_together_as_the_copula_says():
    rng = np.random.default_rng(0)
    r = np.array([[1, 0.7, -0.5], [0.7, 1, 0], [-0.5, 0, 1]])
    z_NL = stats.multivariate_normal(np.zeros(3), r).rvs(4_000, random_state=rng)
    skewed, heavy = np.exp(z_NL[:, 0]) * 1_000, stats.t(3).ppf(stats.norm.cdf(z_NL[:, 1])) * 1_000
    model = GaussianCopula().fit(table([number(skewed), number(heavy), number(z_NL[:, 2] * 1_000)]))
    correlation = model.lower_ @ model.lower_.T
    np.testing.assert_allclose(correlation, r, atol=0.04)
    drawn = model.sample(4_000, np.random.default_rng(1))
    assert stats.ks_2samp(drawn[:, 0], skewed).pvalue > 1e-3
    assert stats.ks_2samp(drawn[:, 2], heavy).pvalue > 1e-3
    rank = stats.spearmanr(drawn[:, [0, 2, 4]]).statistic
    np.testing.assert_allclose(rank, 6 / np.pi * np.arcsin(r / 2), atol=0.06)  # Kruskal 1958
    assert len(np.setdiff1d(drawn[:, 0], skewed.round())) > 100  # numbers between those that were learnt


def test_categories_and_gaps_hang_together_with_numbers():
    rng = np.random.default_rng(0)
    z_NL = stats.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]]).rvs(6_000, random_state=rng)
    place = np.array([2, 0, 1])[np.digitize(z_NL[:, 1], [-0.5, 1])]  # places in no order of their numbers
    missing = z_NL[:, 1] > 1.2
    learnt = table([number(z_NL[:, 0] * 1_000), number(rng.normal(size=6_000) * 100, missing), (place, place * 0 + 3)])
    model = GaussianCopula().fit(learnt)
    drawn = model.sample(6_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(drawn[:, 4].astype(int)) / 6_000, np.bincount(place) / 6_000, atol=0.02)
    for one in range(3):
        of_learnt, of_drawn = (x[x[:, 4] == one, 0].mean() for x in (learnt, drawn))
        assert of_drawn == pytest.approx(of_learnt, abs=90)
    assert drawn[:, 3].mean() == pytest.approx(missing.mean(), abs=0.02)
    assert drawn[drawn[:, 3] == 1, 0].mean() == pytest.approx(learnt[learnt[:, 3] == 1, 0].mean(), abs=120)
    assert (drawn[drawn[:, 3] == 1, 2] == 0).all()
    assert (drawn[:, 5] == 3).all()


def test_weights_count_like_copies_and_odd_columns_are_drawn():
    rng = np.random.default_rng(0)
    rows = table([number(rng.normal(size=30) * 9), number(np.zeros(30), np.ones(30, bool)), number(np.full(30, 4.0))])
    weights = rng.integers(1, 4, 30)
    one = GaussianCopula().fit(rows, None, weights.astype(float))
    other = GaussianCopula().fit(np.repeat(rows, weights, axis=0))
    np.testing.assert_allclose(one.lower_, other.lower_, atol=1e-9)
    drawn = one.sample(50, np.random.default_rng(0))
    assert (drawn[:, 3] == 1).all()
    assert (drawn[:, 4] == 4).all()

"""The distances of drawn rows, by other computations, and what rows of known origin get."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm
from torch import from_numpy
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from src.models.histograms import IndependentColumns
from src.models.measures import TABLE
from src.models.samples import (
    FEATURES,
    FRECHET_FLOOR,
    JUDGED,
    KERNEL_FLOOR,
    SIDES,
    STATISTICS,
    chance,
    covered,
    discrepancy,
    floors,
    frechet,
    nearest,
)


def two_sets(rows: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(FEATURES, FEATURES))
    return rng.normal(size=(rows, FEATURES)), rng.normal(size=(rows, FEATURES)) @ mix, *rng.uniform(0.5, 2, (2, rows))


def test_the_frechet_distance_is_that_of_scipy_s_matrix_root():
    a, b, w, v = two_sets()
    a_FF, b_FF = np.cov(a.T, bias=True, aweights=w), np.cov(b.T, bias=True, aweights=v)
    means = np.average(a, axis=0, weights=w) - np.average(b, axis=0, weights=v)
    theirs = (means**2).sum() + np.trace(a_FF + b_FF - 2 * sqrtm(a_FF @ b_FF).real)
    assert frechet(a, b, w, v) == pytest.approx(theirs, rel=1e-6)
    assert frechet(a, a, w, w) == pytest.approx(0, abs=1e-6)


def test_the_kernel_distance_is_that_of_torchmetrics_with_the_pairs_of_equal_rows():
    a, b, *_ = two_sets(20)
    ones = np.ones(20)
    kernels = [poly_kernel(*(from_numpy(part) for part in pair)) for pair in ((a, a), (a, b), (b, b))]
    unbiased = float(maximum_mean_discrepancy(*kernels))
    equal = sum(float(k.diagonal().mean() - (k.sum() - k.diagonal().sum()) / 380) / 20 for k in kernels[::2])
    assert discrepancy(a, b, ones, ones) == pytest.approx(unbiased + equal, rel=1e-6)
    weights = np.repeat([2.0, 1.0], 10)
    twice = np.concatenate([a[:10], a])
    assert discrepancy(a, b, weights, ones) == pytest.approx(discrepancy(twice, b, np.ones(30), ones))


@pytest.mark.parametrize(("name", "floor"), [("frechet_distance", FRECHET_FLOOR), ("kernel_distance", KERNEL_FLOOR)])
def test_a_measure_reads_the_judged_rows_alone_and_is_a_multiple_of_the_floor(name: str, floor: int):
    a, b, w, _ = two_sets()
    s_NS = np.hstack([np.zeros((60, SIDES)), a, b])
    s_NS[:, [JUDGED, floor]] = 1, 4
    value = TABLE[name].value_of(s_NS, w)
    more = np.vstack([s_NS, np.zeros((5, STATISTICS))])
    assert TABLE[name].value_of(more, np.append(w, np.ones(5))) == pytest.approx(value)
    s_NS[:, floor] = 2
    assert TABLE[name].value_of(s_NS, w) == pytest.approx(2 * value)
    s_NS[0, -1] = np.nan
    assert np.isnan(TABLE[name].value_of(s_NS, w))


def test_rows_from_the_same_source_have_about_the_floor():
    rng = np.random.default_rng(1)

    def draw() -> np.ndarray:
        return rng.normal(size=(200, FEATURES))

    ones = np.ones(200)
    floor, of_kernel = floors(np.vstack([draw(), draw()]), 200, 20, 0)
    assert np.mean([frechet(draw(), draw(), ones, ones) for _ in range(20)]) == pytest.approx(floor, rel=0.1)
    assert np.mean([discrepancy(draw(), draw(), ones, ones) for _ in range(20)]) == pytest.approx(of_kernel, rel=0.1)


def test_the_nearest_row_is_found_and_equally_near_ones_share():
    rng = np.random.default_rng(2)
    x, pool = rng.normal(size=(700, 3)), rng.normal(size=(50, 3))
    theirs = np.bincount(((x[:, None] - pool) ** 2).sum(2).argmin(1), minlength=50)
    np.testing.assert_array_equal(nearest(x, pool), theirs)
    np.testing.assert_allclose(nearest(x, np.vstack([pool, pool])), np.tile(theirs / 2, 2))


def test_chance_is_what_random_rows_of_the_pool_have():
    count_P = np.random.default_rng(3).poisson(0.7, 90).astype(float)
    rng = np.random.default_rng(4)
    means = [rng.permutation(count_P)[:30].mean() for _ in range(20_000)]
    mean, variance = chance(count_P, 30)
    assert np.mean(means) == pytest.approx(mean, rel=0.01)
    assert np.var(means) == pytest.approx(variance, rel=0.03)


def test_a_row_is_covered_if_a_sample_is_nearer_than_its_fifth_neighbour():
    rng = np.random.default_rng(5)
    real, drawn = rng.normal(size=(40, 2)), rng.normal(size=(30, 2)) + 1
    among = np.sort(((real[:, None] - real) ** 2).sum(2), axis=1)[:, 5]
    theirs = (((real[:, None] - drawn) ** 2).sum(2) <= among[:, None]).any(1)
    np.testing.assert_array_equal(covered(real, drawn), theirs)
    assert 0 < theirs.mean() < 1


def test_independent_columns_draw_rows_as_often_as_they_say():
    rng = np.random.default_rng(6)
    x_NI = np.zeros((500, 4))
    x_NI[:, 0] = np.where(rng.random(500) < 0.3, 5, rng.normal(0, 20, 500).round())
    x_NI[::10, :2] = 0, 1
    x_NI[:, 2:] = np.column_stack([rng.integers(0, 3, 500), np.full(500, 3)])
    fitted = IndependentColumns().fit(x_NI)
    drawn = fitted.sample(4_000, np.random.default_rng(7))
    assert fitted.score_samples(drawn)[:, 0].mean() == pytest.approx(fitted.score_samples(x_NI)[:, 0].mean(), rel=0.05)
    assert (drawn[:, 1] == 1).mean() == pytest.approx(0.1, abs=0.02)
    assert stats.ks_2samp(drawn[drawn[:, 1] == 0, 0], x_NI[x_NI[:, 1] == 0, 0]).pvalue > 0.001
    bytes_NCHW = rng.integers(0, 2, (300, 1, 3, 4), dtype=np.uint8) * 255
    pictures = IndependentColumns().fit(bytes_NCHW).sample(50, rng)
    assert (pictures.shape, pictures.dtype) == ((50, 1, 3, 4), np.uint8)
    assert np.isin(pictures, (0, 255)).mean() > 0.9

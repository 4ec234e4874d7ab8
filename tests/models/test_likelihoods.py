"""Likelihoods of discrete values: they sum to one, and equal those of other libraries where these know them."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp

from src.inputs.places import split
from src.kinds.tabular.encoding import FINEST, step_of
from src.models.contexts import SHADES, NeighbourContexts, contexts
from src.models.histograms import IndependentColumns, Interpolated
from src.models.likelihood import RowLikelihood
from src.models.measures import TABLE
from src.models.mixtures import CellMixture, _log_cell
from src.models.types.density import DENSITY

RNG = np.random.default_rng(0)


def rows(*columns: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.column_stack([part for column in columns for part in column]).astype(np.float32)


def mixed(count: int) -> np.ndarray:
    """Two numbers that depend on each other, one of them with gaps, and three categories."""
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=count)
    first = (6 * hidden + rng.normal(size=count)).round()
    gap = rng.random(count) < 0.2
    second = np.where(gap, 0, (-3 * hidden + rng.normal(size=count)).round())
    third = (hidden > 0).astype(float) + (hidden > 1)
    return rows((first, np.zeros(count)), (second, gap), (third, np.full(count, 3)))


def every_outcome(reach: int) -> np.ndarray:
    """All rows that `mixed` may have, with numbers up to `reach`."""
    cells = np.arange(-reach, reach + 1)
    numbers = [(cell, 0) for cell in cells] + [(0, 1)]
    grid = [(*first, *second, c, 3) for first in numbers for second in numbers for c in range(3)]
    return np.array(grid, dtype=np.float32)


@pytest.mark.parametrize("model", [IndependentColumns(), CellMixture(0)], ids=["histograms", "mixture"])
def test_the_probabilities_of_all_rows_sum_to_one(model):
    fitted = model.fit(mixed(150))
    bits_N, dimensions_N = fitted.score_samples(every_outcome(60)).T
    assert np.exp2(-bits_N).sum() == pytest.approx(1, abs=0.02 if isinstance(model, IndependentColumns) else 1e-6)
    assert set(dimensions_N) == {3}


def test_the_tail_of_a_histogram_is_what_is_left_to_one():
    made = Interpolated.fit(RNG.poisson(3, 100), np.ones(100))
    near, far = (made.probabilities(np.arange(-reach, reach + 1)).sum() for reach in (100, 10_000))
    assert near < far < 1
    assert far == pytest.approx(1, abs=1e-4)
    assert (made.probabilities(np.array([-(2**23), 2**23])) > 0).all()


def test_a_histogram_finds_single_values_and_smooth_ranges():
    """Half of the values are zero, the others spread over 10,000 cells: 1 + log2(10,000) / 2 bits are the least."""
    values = np.where(RNG.random(4000) < 0.5, 0, RNG.integers(-5000, 5000, 4000))
    made = Interpolated.fit(values[:2000], np.ones(2000))
    bits = -np.log2(made.probabilities(values[2000:])).mean()
    assert bits == pytest.approx(1 + np.log2(10_000) / 2, abs=0.25)


def test_rows_without_weight_count_as_if_they_were_not_there():
    x, w = mixed(60), np.where(np.arange(60) % 3 == 0, 0.0, 1.0)
    weighted = IndependentColumns().fit(x, sample_weight=w).score_samples(x)
    np.testing.assert_allclose(weighted, IndependentColumns().fit(x[w > 0]).score_samples(x))


def test_bytes_have_probabilities_that_sum_to_one_for_each_pixel():
    pixels = RNG.integers(0, 256, (50, 1, 2, 3)).astype(np.uint8)
    pixels[:, 0, 0, 0] = 0
    model = IndependentColumns().fit(pixels)
    one = np.repeat(pixels[:1], 256, axis=0)
    for place in np.ndindex(1, 2, 3):
        every = one.copy()
        every[(slice(None), *place)] = np.arange(256)
        log2_N = -model.score_samples(every)[:, 0]
        rest = -model.score_samples(one[:1])[0, 0] - log2_N[one[(0, *place)]]
        assert np.exp2(log2_N - logsumexp(log2_N * np.log(2)) / np.log(2)).sum() == pytest.approx(1)
        assert rest == pytest.approx(0)
    always = model.columns_[0]["bits"][0]
    assert always[0] < 0.1


def test_the_mixture_s_bits_are_near_the_density_of_scipy_where_cells_are_small():
    rng = np.random.default_rng(2)
    z = rng.multivariate_normal([0, 0], [[4e6, 3e6], [3e6, 5e6]], 2000).round()
    x = rows((z[:, 0], np.zeros(2000)), (z[:, 1], np.zeros(2000)))
    bits = CellMixture(0).fit(x).score_samples(x)[:, 0].mean()
    density = stats.multivariate_normal(z.mean(axis=0), np.cov(z.T)).logpdf(z).mean() / -np.log(2)
    # Two gaps might have come, though none did, and covariances are drawn together.
    assert bits == pytest.approx(density, abs=0.01)


def test_the_mixture_finds_two_groups():
    rng = np.random.default_rng(3)
    z = np.where(rng.random(600) < 0.5, 1000, -1000) + rng.normal(size=600) * 20
    model = CellMixture(0).fit(rows((z.round(), np.zeros(600))))
    assert model.count_ == 2


def test_a_cell_of_the_normal_distribution_is_exact_far_out():
    away = np.array([-30.0, -5, 0, 5, 30])
    expected = stats.norm.logsf(np.abs(away) - 0.25) + np.log1p(
        -np.exp(stats.norm.logsf(np.abs(away) + 0.25) - stats.norm.logsf(np.abs(away) - 0.25))
    )
    np.testing.assert_allclose(_log_cell(away, 0.5), expected, rtol=1e-9)
    np.testing.assert_allclose(_log_cell(away, 9e-4), stats.norm.logpdf(away) + np.log(9e-4), rtol=1e-6)


def test_bits_per_dimension_is_a_ratio_of_sums():
    s_NS, w_N = np.array([[8.0, 2], [3, 1]]), np.array([1.0, 3.0])
    assert TABLE["bits_per_dimension"].value_of(s_NS, w_N) == pytest.approx((8 + 9) / (2 + 3))


def test_several_models_are_a_mixture():
    p_MN = RNG.random((3, 5)) * 1e-3
    said_MNK = np.stack([-np.log2(p_MN), np.full((3, 5), 7.0)], axis=2)
    bits_N, dimensions_N = DENSITY.combined(said_MNK).T
    np.testing.assert_allclose(np.exp2(-bits_N), p_MN.mean(axis=0))
    assert set(dimensions_N) == {7}
    far = np.array([[[5000.0, 7]], [[6000.0, 7]]])
    assert DENSITY.combined(far)[0, 0] == pytest.approx(5001)


def test_the_head_s_gradient_is_that_of_bits_per_dimension():
    said_BK = torch.tensor([[8.0, 2], [3, 4]], requires_grad=True)
    head = RowLikelihood(torch.nn.Identity())
    losses_B = head.row_losses(said_BK, torch.empty(2, 0))
    assert losses_B.tolist() == [4, 0.75]
    [expected_BK] = torch.autograd.grad(losses_B.sum(), said_BK)
    torch.testing.assert_close(head.errors(said_BK, torch.empty(2, 0)) * head.slope(2), expected_BK)


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([1, 2, 5], 1),
        ([1.5, 2], 0.1),
        ([100, 2500, np.nan], 100),
        ([0.1 + 0.2, 1], 1e-5),
        ([17.99, 20.57, 1001], 0.01),
        ([1 / 3, 2 / 3, 1_000_000], 10),
        ([5.0], 1),
        ([np.nan], 1),
        ([0.0, 0.0], 1),
    ],
)
def test_the_resolution_is_the_step_of_the_values_or_five_digits_of_their_range(values, step):
    assert step_of(np.array(values, dtype=float)) == pytest.approx(step)
    assert FINEST == 1e-5


def test_places_are_split_into_values_and_numbers_of_outcomes():
    place_ND, outcomes_ND = split(mixed(4))
    assert place_ND.shape == outcomes_ND.shape == (4, 3)
    assert set(outcomes_ND[:, 2]) == {3}


def test_the_context_model_finds_what_neighbours_say_and_its_levels_sum_to_one():
    """Pictures of stripes: a pixel is black after a white one, and white after a black one."""
    rng = np.random.default_rng(0)
    stripes = np.where((np.arange(8) + rng.integers(0, 2, (100, 1))) % 2, 255, 0).astype(np.uint8)
    x_NCHW = np.repeat(stripes[:, None, None], 6, axis=2)
    model = NeighbourContexts().fit(x_NCHW[:80])
    bits, dimensions = model.score_samples(x_NCHW[80:]).T
    assert set(dimensions) == {48}
    assert bits.mean() < 10
    assert IndependentColumns().fit(x_NCHW[:80]).score_samples(x_NCHW[80:])[:, 0].mean() > 48
    np.testing.assert_allclose(np.exp2(-model.bits_).sum(axis=2), 1)


def test_contexts_are_the_shades_of_three_neighbours_and_black_and_white_have_their_own():
    x = np.array([[[[0, 255], [1, 254]]]], dtype=np.uint8)
    last = SHADES[-1] - 1
    left, above, corner = 1, last, 0
    assert contexts(x)[0, 0, 1, 1] == (left * SHADES[-1] + above) * SHADES[-1] + corner
    assert contexts(x)[0, 0, 0, 0] == 0


def test_rows_without_weight_count_nothing_in_contexts():
    x = RNG.integers(0, 256, (40, 1, 4, 4)).astype(np.uint8)
    w = np.where(np.arange(40) < 20, 1.0, 0.0)
    model, other = NeighbourContexts().fit(x, sample_weight=w), x.copy()
    other[20:] = 255 - other[20:]
    np.testing.assert_array_equal(model.bits_, NeighbourContexts().fit(other, sample_weight=w).bits_)


def test_pictures_drawn_from_contexts_are_as_likely_as_those_they_were_learnt_from():
    rng = np.random.default_rng(0)
    stripes = np.where((np.arange(8) + rng.integers(0, 2, (100, 1))) % 2, 255, 0).astype(np.uint8)
    model = NeighbourContexts().fit(np.repeat(stripes[:, None, None], 6, axis=2))
    drawn = model.sample(20, np.random.default_rng(1))
    assert drawn.shape == (20, 1, 6, 8)
    assert model.score_samples(drawn)[:, 0].mean() < 20
    assert np.array_equal(drawn, model.sample(20, np.random.default_rng(1)))


def test_rows_drawn_from_a_mixture_are_as_likely_as_those_it_was_learnt_from():
    x = mixed(500)
    model = CellMixture(0).fit(x)
    drawn = model.sample(2000, np.random.default_rng(0))
    assert model.score_samples(drawn)[:, 0].mean() == pytest.approx(model.score_samples(x)[:, 0].mean(), abs=0.3)
    assert drawn[:, 3].mean() == pytest.approx(0.2, abs=0.05)

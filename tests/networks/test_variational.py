"""Variational autoencoders: their probabilities, their bounds, and their random numbers."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from src.networks.noise import DRAWS, Draws, key_of
from src.networks.outcomes import OF_A_NUMBER, Outcomes, drawn_logistic, log_cells
from src.networks.variational import TabularVariational

PLACES = [0, 3, 0]


def rows_of(count: int) -> torch.Tensor:
    torch.manual_seed(1)
    x = torch.zeros(count, 6)
    x[:, 0] = (5 * torch.randn(count)).round()
    x[:, 2], x[:, 3] = torch.randint(3, (count,)), 3
    x[:, 5] = (torch.rand(count) < 0.3).float()
    x[:, 4] = (3 * torch.randn(count)).round() * (1 - x[:, 5])
    return x


def network(code: int = 2) -> TabularVariational:
    torch.manual_seed(0)
    made = TabularVariational(6, 2, [8], PLACES, code, activation="tanh").double()
    made.outcomes.spread.fill_(4.0)
    return made


def test_the_probabilities_of_all_rows_given_a_code_sum_to_one():
    outcomes = Outcomes(PLACES).double()
    outcomes.spread.fill_(4.0)
    torch.manual_seed(0)
    cells = range(-150, 151)
    other = [(cell, 0) for cell in cells] + [(0, 1)]
    logits = torch.randn(1, outcomes.outputs, dtype=torch.float64)
    assert outcomes.outputs == 2 * OF_A_NUMBER + 3
    every = torch.tensor([(a, gap, c, 3, 0, 1) for a, gap in other for c in range(3)], dtype=torch.float64)
    missing = torch.nn.functional.logsigmoid(logits[0, 2 * OF_A_NUMBER - 1])
    log_B = outcomes.log_probability(logits.expand(len(every), -1), every) - missing
    assert float(log_B.exp().sum()) == pytest.approx(1, abs=1e-6)


def test_a_cell_of_a_logistic_distribution_is_the_difference_of_two_values_of_its_curve():
    z = torch.linspace(-4, 4, 9, dtype=torch.float64)
    outputs = torch.tensor([0.3, -0.2, 0.5, 1.0, -1.0, 0.2], dtype=torch.float64).expand(9, 6)
    half = torch.tensor(0.25, dtype=torch.float64)
    share = torch.tensor([0.3, -0.2], dtype=torch.float64).softmax(0)
    expected = sum(
        share[r] * (torch.sigmoid((z + half - m) / s) - torch.sigmoid((z - half - m) / s))
        for r, (m, s) in enumerate([(0.5, math.exp(-1.0)), (1.0, math.exp(0.2))])
    )
    torch.testing.assert_close(log_cells(outputs, z, half).exp(), expected)


def test_random_numbers_of_a_logistic_mixture_have_its_mean_and_spread():
    outputs = torch.tensor([20.0, 0.0, 1.5, 0.0, math.log(0.5), 0.0]).expand(20_000, 6)
    drawn = drawn_logistic(outputs, torch.Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(1.5, abs=0.03)
    assert float(drawn.std()) == pytest.approx(0.5 * math.pi / 3**0.5, rel=0.03)


def test_the_bound_is_the_reconstruction_less_the_divergence_of_torch_s_distributions():
    made, x = network().eval(), rows_of(20).double()
    mean, log_variance = made.encoded(x).chunk(2, 1)
    posterior = Normal(mean, (log_variance / 2).exp())
    divergence = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1)
    code = mean + (log_variance / 2).exp() * made.noise.points[key_of(x).long() % DRAWS]
    expected = (divergence - made.log_probability(code, x)) / math.log(2)
    torch.testing.assert_close(made(x)[:, 0], expected)
    torch.testing.assert_close(made.divergences(x).sum(1), divergence)


def test_many_draws_are_near_the_integral_over_the_code_and_never_far_above_one_draw():
    made, x = network(code=1).eval(), rows_of(12).double()
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)[:, None]
    exact = []
    for row in x:
        log = made.log_probability(grid, row.expand(len(grid), -1)) + Normal(0.0, 1.0).log_prob(grid[:, 0])
        exact.append(torch.logsumexp(log, 0) + math.log(16 / 4000))
    exact_bits = torch.stack(exact) / -math.log(2)
    many, one = made.final(x)[:, 0], made(x)[:, 0]
    torch.testing.assert_close(many, exact_bits, rtol=0, atol=0.6)
    assert float(many.detach().mean()) < float(one.detach().mean())


def test_outside_of_training_an_answer_depends_on_the_row_alone():
    made, x = network().eval(), rows_of(30).double()
    torch.testing.assert_close(made(x)[7:8], made(x[7:8]))
    assert made(x).equal(made(x))
    assert not made.train()(x).equal(made(x))


def test_draws_of_a_stream_are_the_same_whatever_follows_in_the_minibatch():
    noise = Draws(3).train()
    noise.rows = 8
    drawn = []
    for rows in (8, 5):
        noise.generator = torch.Generator().manual_seed(4)
        drawn.append(noise(torch.zeros(rows, 3)))
    assert drawn[0][:5].equal(drawn[1])
    assert abs(float(Draws(3).points.mean())) < 0.05
    assert float(Draws(3).points.std()) == pytest.approx(1, abs=0.1)
    uniform = Draws(2, uniform=True).points
    assert 0 < float(uniform.min()) < 0.1 < 0.9 < float(uniform.max()) < 1


def test_samples_have_the_form_of_rows():
    made = network()
    x = made.sample(torch.zeros(50, 2, dtype=torch.float64), torch.Generator().manual_seed(0))
    assert x.shape == (50, 6)
    assert set(x[:, 3].tolist()) == {3.0}
    assert set(x[:, 5].tolist()) <= {0.0, 1.0}
    assert (x == x.round()).all()
    assert made.eval()(x).isfinite().all()

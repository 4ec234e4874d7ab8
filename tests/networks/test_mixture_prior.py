"""Codes that come from a mixture: densities, the bound against exact probabilities, and what settles the mixture."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from sklearn.mixture import GaussianMixture

from src.inputs.clusters import BEFORE, CLUSTER, PROBABILITIES
from src.models.clusters import Parts, _joint_of, settled
from src.networks.autoencoder import Autoencoder
from src.networks.mixture_prior import MixturePrior

GROUPS, NUMBERS = 2, 5


def prior(groups: int = GROUPS, numbers: int = NUMBERS) -> MixturePrior:
    torch.manual_seed(0)
    made = MixturePrior(groups, numbers).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


def test_the_density_of_a_code_is_that_of_scipy_and_the_divergence_that_of_brute_force():
    made = prior(3, 1)
    share_G, variance_G = made.share.softmax(0).detach().numpy(), made.log_variance.exp().detach().numpy()[:, 0]
    grid_N = np.linspace(-12, 12, 20_001)
    centre_G = made.centre[:, 0].detach().numpy()
    parts = share_G * norm.pdf(grid_N[:, None], centre_G, variance_G**0.5)
    with torch.no_grad():
        joint_NG = made.joint(torch.tensor(grid_N)[:, None]).exp().numpy()
    np.testing.assert_allclose(joint_NG, parts, rtol=1e-9, atol=1e-300)
    spread = float(made.log_spread.detach().exp())
    q_N, p_N = norm.pdf(grid_N, 0.7, spread), parts.sum(1)
    inside = q_N > 1e-300
    exact = np.trapezoid(np.where(inside, q_N * np.log(np.where(inside, q_N, 1) / p_N), 0), grid_N)
    made.train()
    with torch.no_grad():
        drawn_B1 = made.drawn(torch.full((100_000, 1), 0.7, dtype=torch.float64))
        told_B = made.divergences(drawn_B1)
    assert float(told_B.mean()) == pytest.approx(exact, abs=4 * float(told_B.std()) / 100_000**0.5)


def linear(rows: int) -> tuple[Autoencoder, torch.Tensor]:
    """An untrained linear network under a mixture, and rows."""
    torch.manual_seed(1)
    network = Autoencoder(7, 1 + NUMBERS, [], clusters=GROUPS, mixture=True).double()
    network.code.prior = prior()
    return network.train(), torch.randn(rows, 7, dtype=torch.float64)


def evidence(network: Autoencoder, x_BD: torch.Tensor, variance: float) -> np.ndarray:
    """The exact logarithm of each row's probability: a linear decoder makes of a mixture a mixture."""
    made, layer = network.code.prior, network.decoder.layers[-1]
    weight_DC, bias_D = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    parts = []
    for share, centre_C, log_C in zip(made.share.softmax(0), made.centre, made.log_variance, strict=True):
        covariance_DD = weight_DC @ np.diag(log_C.exp().detach().numpy()) @ weight_DC.T + variance * np.eye(7)
        mean_D = weight_DC @ centre_C.detach().numpy() + bias_D
        parts.append(math.log(float(share)) + multivariate_normal.logpdf(x_BD.numpy(), mean_D, covariance_DD))
    return np.logaddexp(*parts)


def test_the_loss_is_a_bound_of_the_exact_probability_in_the_unit_of_the_errors():
    network, x_BD = linear(3)
    many_BD = x_BD.repeat(20_000, 1)
    with torch.no_grad():
        code_BC = network.encode(many_BD)
        error_B = (network.decode(code_BC) - many_BD).square().mean(1)
        variance = float(error_B.mean())
        nats_B = network.code.prior.divergences(code_BC)
        bound_B = -3.5 * (error_B / variance + math.log(2 * math.pi * variance)) - nats_B
        answers_BK = torch.cat([error_B[:, None], code_BC], 1)
        loss_B = network.code.charged(answers_BK, 7)[:, 0]
    torch.testing.assert_close(-7 / (2 * variance) * loss_B - 3.5 * math.log(2 * math.pi * variance), bound_B)
    mean_3, error_3 = bound_B.view(-1, 3).mean(0).numpy(), bound_B.view(-1, 3).std(0).numpy() / 20_000**0.5
    assert (mean_3 < evidence(network, x_BD, variance) + 4 * error_3).all()


def test_where_codes_are_spread_as_they_should_be_the_bound_is_exact():
    """One group, a decoder of orthogonal columns, and the exact encoder: the spread is the same for all rows."""
    torch.manual_seed(2)
    network = Autoencoder(7, 1 + NUMBERS, [], clusters=GROUPS, mixture=True).double().train()
    made, encoder, decoder = network.code.prior, network.encoder.layers[-1], network.decoder.layers[-1]
    weight_DC = torch.linalg.qr(torch.randn(7, NUMBERS, dtype=torch.float64))[0] * torch.arange(1.0, 6.0)
    variance = 0.4
    with torch.no_grad():
        made.centre.zero_()
        posterior_C = 1 / (weight_DC.square().sum(0) / variance + 1)
        made.log_spread.copy_(posterior_C.log() / 2)
        decoder.weight.copy_(weight_DC)
        encoder.weight.copy_((weight_DC * posterior_C / variance).T)
        encoder.bias.copy_(-encoder.weight @ decoder.bias)
        x_BD = torch.randn(2, 7, dtype=torch.float64)
        code_BC = network.encode(x_BD.repeat(50_000, 1))
        error_B = (network.decode(code_BC) - x_BD.repeat(50_000, 1)).square().mean(1)
        bound_B = -3.5 * (error_B / variance + math.log(2 * math.pi * variance)) - made.divergences(code_BC)
    covariance_DD = (weight_DC @ weight_DC.T).numpy() + variance * np.eye(7)
    exact = multivariate_normal.logpdf(x_BD.numpy(), decoder.bias.detach().numpy(), covariance_DD)
    np.testing.assert_allclose(bound_B.view(-1, 2).mean(0), exact, atol=0.05)


def test_answers_are_the_clusters_of_the_mean_code():
    network, x_BD = linear(6)
    network.eval()
    with torch.no_grad():
        told_BK = network(x_BD).numpy()
        mean_BC, made = network.encode(x_BD), network.code.prior
        drawn = mean_BC + made.log_spread.exp() * torch.randn(50_000, *mean_BC.shape, dtype=torch.float64)
        expected_BG = torch.stack([made.joint(each) for each in drawn[:5_000]]).mean(0).softmax(1)
    assert told_BK.shape == (6, BEFORE + GROUPS)
    np.testing.assert_allclose(told_BK[:, PROBABILITIES], expected_BG, atol=0.05)
    assert (told_BK[:, CLUSTER] == told_BK[:, PROBABILITIES].argmax(1) + 1).all()


def test_a_mixture_settles_as_that_of_scikit_learn_where_codes_are_not_spread():
    rng = np.random.default_rng(0)
    mean_NP = np.concatenate([rng.normal(-2, 0.5, (60, 2)), rng.normal(2, 1, (90, 2))])
    start = Parts(np.full(2, 0.5), np.array([[-1.0, -1], [1, 1]]), np.ones((2, 2)))
    parts = settled(mean_NP, np.ones(150), np.zeros(2), [start])
    begin = {"weights_init": start.share_C, "means_init": start.centre_CP, "precisions_init": start.variance_CP}
    model = GaussianMixture(2, covariance_type="diag", **begin).fit(mean_NP)
    order = np.argsort(-model.weights_)
    np.testing.assert_allclose(parts.share_C, model.weights_[order], atol=2e-3)
    np.testing.assert_allclose(parts.centre_CP, model.means_[order], atol=1e-2)
    np.testing.assert_allclose(parts.variance_CP, model.covariances_[order], atol=2e-2)


def test_of_two_starts_the_better_one_counts_so_a_collapsed_mixture_is_mended():
    rng = np.random.default_rng(0)
    mean_NP = np.concatenate([rng.normal(-3, 0.5, (50, 2)), rng.normal(3, 0.5, (50, 2))])
    collapsed = Parts(np.full(2, 0.5), np.zeros((2, 2)), np.full((2, 2), 9.0))
    apart = Parts(np.full(2, 0.5), np.array([[-2.0, -2], [2, 2]]), np.ones((2, 2)))
    spread_P, w_N = np.full(2, 0.1), np.ones(100)
    parts = settled(mean_NP, w_N, spread_P, [collapsed, apart])
    assert sorted(parts.centre_CP[:, 0].round()) == [-3, 3]
    bounds = [np.logaddexp(*_joint_of(mean_NP, spread_P, each).T).mean() for each in (collapsed, apart, parts)]
    assert max(bounds[:2]) < bounds[2]

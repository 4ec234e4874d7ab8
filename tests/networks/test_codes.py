"""Codes of bits, sparse codes, tied weights and noise: what they are by their formulas, alone and in a stack."""

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence

from src.networks.autoencoder import Autoencoder
from src.networks.codes import WEIGHT, Code, _relative_sum
from src.networks.dropout import Noise, normal


def test_bits_are_rounded_and_learn_by_the_gradient_of_the_sigmoid():
    z_BC = torch.tensor([[-2.0, 0.5], [0.0, 3.0]], requires_grad=True)
    code_BC = Code(bits=True)(z_BC)
    assert code_BC.tolist() == [[0, 1], [0, 1]]
    [gradient_BC] = torch.autograd.grad(code_BC.sum(), z_BC)
    [expected_BC] = torch.autograd.grad(torch.sigmoid(z_BC).sum(), z_BC)
    torch.testing.assert_close(gradient_BC, expected_BC)


@pytest.mark.parametrize("sparsity", ["largest", "kl", "l1"])
def test_only_the_largest_numbers_of_a_sparse_code_are_not_0_outside_of_training(sparsity):
    torch.manual_seed(0)
    code, z_BC = Code(active=2, sparsity=sparsity), torch.randn(50, 6)
    kept_BC = code.eval()(z_BC)
    assert ((kept_BC != 0).sum(1) <= 2).all()
    strongest_B = z_BC.argmax(1)
    assert (kept_BC.argmax(1) == strongest_B)[kept_BC.amax(1) > 0].all()
    assert ((code.train()(z_BC) != 0).sum(1) > 2).any() == (sparsity != "largest")


def test_the_penalties_of_sparse_codes_are_those_of_their_formulas_and_none_outside_of_training():
    torch.manual_seed(0)
    answers_BK = torch.cat([torch.rand(30, 1), torch.rand(30, 5) * 0.8 + 0.1], 1)
    error = answers_BK[:, 0].mean()
    for sparsity, penalty in {
        "largest": torch.tensor(0.0),
        "kl": kl_divergence(Bernoulli(torch.tensor(0.4)), Bernoulli(answers_BK[:, 1:].mean(0))).mean(),
        "l1": answers_BK[:, 1:].mean() / answers_BK[:, 1:].square().mean().sqrt(),
    }.items():
        code = Code(active=2, sparsity=sparsity)
        charged_BK = code.train().charged(answers_BK, numbers=4)
        torch.testing.assert_close(charged_BK[:, 0], answers_BK[:, 0] + WEIGHT * error * penalty)
        assert torch.equal(charged_BK[:, 1:], answers_BK[:, 1:])
        assert torch.equal(code.eval().charged(answers_BK, numbers=4), answers_BK)


def test_smaller_numbers_all_over_do_not_lower_the_l1_penalty():
    code_BC = torch.rand(30, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    [gradient_BC] = torch.autograd.grad(_relative_sum(code_BC), code_BC)
    assert (gradient_BC * code_BC).sum().abs() < 1e-6
    zero_BC = torch.zeros(30, 5, requires_grad=True)
    assert torch.isfinite(torch.autograd.grad(_relative_sum(zero_BC), zero_BC)[0]).all()


@pytest.mark.parametrize("units", [[], [7], [7, 5]], ids=str)
def test_tied_weights_are_the_encoder_s_transposed_at_half_the_parameters(units):
    torch.manual_seed(0)
    network, x_BD = Autoencoder(6, 4, units, tied=True, activation="tanh"), torch.randn(5, 6)
    weights = [layer.weight for layer in network.encoder.layers if isinstance(layer, torch.nn.Linear)]
    biases = list(network.decoder.biases)
    hidden = code_BC = network.encode(x_BD)
    for number, (weight, bias) in enumerate(zip(weights[::-1], biases, strict=True)):
        hidden = (torch.tanh(hidden) if number else hidden) @ weight + bias
    torch.testing.assert_close(network.decode(code_BC), hidden)
    counts = [
        sum(p.numel() for name, p in Autoencoder(6, 4, units, tied=tied).named_parameters() if "weight" in name)
        for tied in (True, False)
    ]
    assert 2 * counts[0] == counts[1]


def test_noise_has_its_standard_deviation_in_training_only_and_its_own_stream():
    noise, x_BD = Noise(0.3), torch.zeros(4000, 5)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    noise.generator, noise.rows = torch.Generator().manual_seed(0), 4000
    drawn_BD = noise.train()(x_BD)
    assert drawn_BD.std().item() == pytest.approx(0.3, rel=0.03)
    assert drawn_BD.mean().item() == pytest.approx(0, abs=0.01)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(noise.eval()(x_BD), x_BD)
    assert torch.isfinite(normal(torch.tensor([0.0, 1.0]))).all()
    assert normal(torch.tensor([0.975])).item() == pytest.approx(1.96, abs=1e-3)
    assert np.isfinite(drawn_BD.numpy()).all()

"""Autoencoders: shapes, what a linear one finds, and what they are trained to rebuild."""

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from torch import nn

from src.models.components import AT_ONCE, Components
from src.networks.autoencoder import Autoencoder
from src.networks.picture_autoencoders import ConvolutionalAutoencoder, DensePictureAutoencoder


@pytest.mark.parametrize("size", [(8, 8), (5, 9), (28, 28), (1, 3)])
@pytest.mark.parametrize(
    "make",
    [
        lambda size: DensePictureAutoencoder(3, 3, size, units=[7]),
        lambda size: ConvolutionalAutoencoder(3, 3, size, [4, 6], activation="tanh"),
    ],
    ids=["dense", "convolutional"],
)
def test_pictures_of_any_size_are_rebuilt_in_their_shape_and_the_error_is_that_of_the_pixels(make, size):
    torch.manual_seed(0)
    network: nn.Module = make(size).eval()
    x_BCHW = torch.rand(4, 3, *size)
    told_BK = network(x_BCHW)
    assert told_BK.shape == (4, 3)
    code_BK = network.encode(x_BCHW)
    torch.testing.assert_close(told_BK[:, 1:], code_BK)
    rebuilt = network.decode(code_BK).reshape(x_BCHW.shape)
    torch.testing.assert_close(told_BK[:, 0], (rebuilt - x_BCHW).square().mean((1, 2, 3)))


def test_what_is_blanked_out_has_to_be_rebuilt_and_only_in_training():
    torch.manual_seed(0)
    network, x_BD = Autoencoder(6, 3, [], dropout=0.5), torch.randn(500, 6)
    whole = network.eval()(x_BD)[:, 0]
    assert (network.train()(x_BD)[:, 0] != whole).any()
    torch.testing.assert_close(whole, (network.decode(network.encode(x_BD)) - x_BD).square().mean(1))


def test_a_linear_autoencoder_spans_the_subspace_of_the_principal_components():
    """Source: Baldi and Hornik 1989, "Neural networks and principal component analysis"."""
    rng = np.random.default_rng(0)
    x_ND = (rng.normal(size=(300, 3)) * [3, 2, 1.5]) @ rng.normal(size=(3, 8)) + 0.1 * rng.normal(size=(300, 8)) + 5
    torch.manual_seed(0)
    network, x = Autoencoder(8, 4, []).double(), torch.tensor(x_ND)
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=2000, tolerance_change=1e-14, tolerance_grad=1e-12)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = network(x)[:, 0].mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    components = Components(3).fit(x_ND)
    [decoder] = [p.detach().numpy() for p in network.decoder.parameters() if p.ndim == 2]
    assert subspace_angles(decoder, components.axes_).max() < 1e-3
    assert closure().item() == pytest.approx(components.score_samples(x_ND)[:, 0].mean(), rel=0.01)


def test_components_are_those_of_scikit_learn_whatever_the_parts_they_are_summed_in(monkeypatch):
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(0)
    x_ND = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    theirs = PCA(2, svd_solver="full").fit(x_ND)
    errors_N = np.square(x_ND - theirs.inverse_transform(theirs.transform(x_ND))).mean(1)
    assert len(x_ND) < AT_ONCE
    for at_once in (AT_ONCE, 64):
        monkeypatch.setattr("src.models.components.AT_ONCE", at_once)
        told_NS = Components(2).fit(x_ND).score_samples(x_ND)
        np.testing.assert_allclose(told_NS[:, 0], errors_N)
        np.testing.assert_allclose(np.abs(told_NS[:, 1:]), np.abs(theirs.transform(x_ND)))


def test_a_row_of_weight_two_counts_as_two_rows():
    x_ND = np.random.default_rng(0).normal(size=(30, 4))
    w_N = np.arange(30) % 2 + 1
    once, twice = Components(2).fit(x_ND, sample_weight=w_N), Components(2).fit(x_ND.repeat(w_N, axis=0))
    np.testing.assert_allclose(once.mean_, twice.mean_)
    np.testing.assert_allclose(once.axes_, twice.axes_, atol=1e-12)

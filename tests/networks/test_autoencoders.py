"""Autoencoders: shapes, what a linear one finds, and what they are trained to rebuild."""

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from scipy.sparse import random_array
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from src.core.errors import UserError
from src.inputs.sparse import SparseRows
from src.kinds.image.autoencoders import _operations, autoencoders
from src.kinds.image.encoding import Encoding
from src.models.components import AT_ONCE, Components
from src.networks.autoencoder import Autoencoder
from src.networks.bag_autoencoder import BagAutoencoder, Blanks
from src.networks.picture_autoencoders import ConvolutionalAutoencoder, DensePictureAutoencoder
from src.networks.recurrent_autoencoder import RecurrentAutoencoder
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature
from src.training.inputs import rows_of


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


@pytest.mark.parametrize(("size", "channels"), [((28, 28), 1), ((9, 5), 3)])
def test_the_operations_of_convolutions_are_those_that_torch_counts(size: tuple[int, int], channels: int):
    """Torch counts a multiplication and an addition as two."""
    network = ConvolutionalAutoencoder(channels, 3, size, [4, 6])
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, channels, *size))
    counted = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    assert counted == 2 * _operations([4, 6], Encoding(channels=channels, height=size[0], width=size[1], rows=1))


def test_the_ladder_of_fashion_mnist_ends_where_an_epoch_would_exceed_the_budget():
    encoding = Encoding(channels=1, height=28, width=28, rows=55_000)
    feature = Feature(name="picture", type="image", encoding=encoding.model_dump())
    training, settings = Training(activation="relu"), OverfitLadder(first_units=4, max_rungs=8)
    rungs = [rung.units for rung in autoencoders([feature], settings, training)]
    assert rungs == [[], [128], [8, 16], [16, 32], [32, 64]]
    epochs = [_operations(units, encoding) * encoding.rows for units in ([32, 64], [64, 128])]
    assert epochs[0] < encoding.operations < epochs[1]


@pytest.mark.parametrize("units", [[], [7], [7, 5]], ids=str)
def test_the_error_of_a_bag_is_that_of_its_dense_row_and_so_is_the_gradient(units):
    torch.manual_seed(0)
    rows = SparseRows(random_array((6, 11), density=0.3, rng=np.random.default_rng(0)).tocsr().astype(np.float32))
    rows.data[:3] *= -1
    x_BD, dense_BD = rows_of(rows, torch.float32).to(torch.device("cpu")), torch.tensor(rows.toarray())
    network = BagAutoencoder(11, 4, units)
    torch.nn.init.normal_(network.decoding_D)
    told_BK = network(x_BD)
    errors_B = (network.decode(told_BK[:, 1:]) - dense_BD).square().mean(1)
    torch.testing.assert_close(told_BK[:, 0], errors_B)
    gradients = [
        torch.autograd.grad(each.mean(), list(network.parameters()), retain_graph=True)
        for each in (told_BK[:, 0], errors_B)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_words_are_blanked_out_in_training_only_and_the_others_count_more():
    rows = SparseRows(np.ones((40, 50), np.float32))
    x_BD, blanks = rows_of(rows, torch.float32).to(torch.device("cpu")), Blanks(0.5)
    blanks.generator = torch.Generator().manual_seed(0)
    values = blanks.train()(x_BD).values()
    assert set(values.tolist()) == {0.0, 2.0}
    assert values.mean().item() == pytest.approx(1, abs=0.1)
    assert blanks.eval()(x_BD) is x_BD


@pytest.mark.parametrize("reader", ["gru", "lstm", "convolution"])
def test_a_window_is_written_from_its_code_with_the_last_moment_first(reader):
    torch.manual_seed(0)
    network, x_BD = RecurrentAutoencoder(12, 3, 4, [6], reader).eval(), torch.randn(5, 12)
    told_BK = network(x_BD)
    rebuilt_BD = network.decode(network.encode(x_BD))
    torch.testing.assert_close(told_BK[:, 0], (rebuilt_BD - x_BD).square().mean(1))
    code_BH = network.decoder(told_BK[:, 1:])
    h_1BH = None
    for moment in reversed(range(4)):
        step_B1H, h_1BH = network.writer.onward[0](code_BH[:, None], h_1BH)
        torch.testing.assert_close(rebuilt_BD[:, 3 * moment : 3 * moment + 3], network.moment(step_B1H[:, 0]))


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


@pytest.mark.parametrize("count", [0, 3])
def test_components_of_sparse_rows_are_those_of_the_same_dense_ones(count):
    rng = np.random.default_rng(0)
    x_ND, w_N = random_array((60, 20), density=0.2, rng=rng), rng.integers(1, 4, 60)
    sparse = SparseRows(x_ND.tocsr().astype(np.float32))
    one, other = (Components(count).fit(x, sample_weight=w_N) for x in (sparse, sparse.toarray()))
    np.testing.assert_allclose(one.mean_, other.mean_)
    np.testing.assert_allclose(one.axes_, other.axes_, atol=1e-8)
    np.testing.assert_allclose(one.score_samples(sparse), other.score_samples(sparse.toarray()), atol=1e-8)


def test_sparse_rows_that_do_not_determine_a_code_are_refused():
    with pytest.raises(UserError, match="code: 4 rows do not determine 5 numbers"):
        Components(5).fit(SparseRows(np.eye(4, 20)))


def test_a_row_of_weight_two_counts_as_two_rows():
    x_ND = np.random.default_rng(0).normal(size=(30, 4))
    w_N = np.arange(30) % 2 + 1
    once, twice = Components(2).fit(x_ND, sample_weight=w_N), Components(2).fit(x_ND.repeat(w_N, axis=0))
    np.testing.assert_allclose(once.mean_, twice.mean_)
    np.testing.assert_allclose(once.axes_, twice.axes_, atol=1e-12)

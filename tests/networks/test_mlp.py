"""Densely connected networks, alone and stacked, and the stream their dropout masks come from."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from src.networks import build_network
from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS, MLP
from src.training.stacked_mlp import StackedMLP

UNITS = st.lists(st.integers(1, 40), min_size=1, max_size=3)


def networks_of(members: int, units: list[int], activation: str = "relu") -> list[MLP]:
    torch.manual_seed(0)
    return [MLP(inputs=6, outputs=3, units=units, activation=activation).double() for _ in range(members)]


def stack(networks: list[MLP]) -> StackedMLP:
    return StackedMLP(networks, torch.device("cpu"))


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_a_network_is_its_layers_one_after_another(activation):
    network = build_network(
        {"architecture": "mlp", "units": [5, 4], "activation": activation, "dropout": 0.3}, 6, 2
    ).eval()
    x_BD = torch.randn(7, 6)
    h = x_BD
    linear = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    for layer in linear[:-1]:
        h = getattr(functional, activation)(functional.linear(h, layer.weight, layer.bias))
    torch.testing.assert_close(network(x_BD), functional.linear(h, linear[-1].weight, linear[-1].bias))
    assert [layer.out_features for layer in linear] == [5, 4, 2]


def test_weights_start_with_the_variance_of_he_and_biases_at_zero():
    torch.manual_seed(0)
    layer = MLP(inputs=300, outputs=1, units=[200]).layers[0]
    assert layer.weight.var().item() == pytest.approx(2 / 300, rel=0.05)
    assert layer.weight.abs().max() <= (6 / 300) ** 0.5
    assert not layer.bias.any()


@given(units=UNITS, members=st.integers(1, 4), activation=st.sampled_from(list(ACTIVATIONS)))
@settings(max_examples=40, deadline=None)
def test_a_stack_answers_and_learns_as_its_members_do_alone(units, members, activation):
    networks = networks_of(members, units, activation)
    stacked = stack(networks)
    x_MBD = torch.randn(members, 5, 6, dtype=torch.float64)
    logits_MBK = stacked.forward(x_MBD, [None] * len(units))
    stacked.backward(2 * logits_MBK)
    for m, network in enumerate(networks):
        alone_BK = network(x_MBD[m])
        torch.testing.assert_close(logits_MBK[m], alone_BK)
        alone_BK.square().sum().backward()
        for own, p in zip(stacked.read(stacked.gradients_MP, m), network.parameters(), strict=True):
            torch.testing.assert_close(own, p.grad)
        assert not stacked.gradients_MP[m, sum(p.numel() for p in network.parameters()) :].any()


@given(units=UNITS, first=st.integers(0, 3), count=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_some_members_of_a_stack_can_be_asked_about_the_same_rows(units, first, count):
    networks = networks_of(4, units)
    x_ND = torch.randn(9, 6, dtype=torch.float64)
    logits_MNK = stack(networks).evaluate(x_ND[None], slice(first, first + count))
    assert len(logits_MNK) == len(networks[first : first + count])
    for logits_NK, network in zip(logits_MNK, networks[first:], strict=False):
        torch.testing.assert_close(logits_NK, network(x_ND))


def test_a_member_leaves_the_stack_as_it_entered():
    networks = networks_of(3, [5, 4])
    stacked = stack(networks)
    for m, network in enumerate(networks):
        state, own = stacked.state(m), network.state_dict()
        assert list(state) == list(own)
        assert all(torch.equal(state[name], own[name]) for name in own)
    state["layers.0.weight"].zero_()
    assert stacked.state(2)["layers.0.weight"].any()


def test_masks_switch_units_of_single_members_off():
    networks = networks_of(2, [4])
    x_MBD = torch.randn(2, 3, 6, dtype=torch.float64)
    mask_MBH = torch.ones(2, 3, 4, dtype=torch.float64)
    mask_MBH[1] = 0.0
    logits_MBK = stack(networks).forward(x_MBD, [mask_MBH])
    torch.testing.assert_close(logits_MBK[0], networks[0](x_MBD[0]))
    torch.testing.assert_close(logits_MBK[1], networks[1].layers[-1].bias.expand(3, 3))


def test_a_step_on_the_buffer_is_a_step_of_every_layer():
    stacked = stack(networks_of(2, [4]))
    before = stacked.state(0)
    stacked.backward(2 * stacked.forward(torch.randn(2, 5, 6, dtype=torch.float64), [None]))
    stacked.values_MP.sub_(0.1 * stacked.gradients_MP)
    assert all((stacked.state(0)[name] != before[name]).any() for name in before)


@given(narrow=UNITS, more=st.lists(st.integers(0, 20), min_size=3, max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_narrower_network_filled_up_with_zeros_answers_and_learns_as_alone_whatever_the_activation(narrow, more):
    for activation in ACTIVATIONS:
        wide = [n + m for n, m in zip(narrow, more, strict=False)]
        [network] = networks_of(1, narrow, activation)
        stacked = StackedMLP([network, *networks_of(1, wide, activation)], torch.device("cpu"))
        x_MBD = torch.randn(2, 5, 6, dtype=torch.float64)
        logits_MBK = stacked.forward(x_MBD, [None] * len(narrow))
        stacked.backward(2 * logits_MBK)
        alone_BK = network(x_MBD[0])
        torch.testing.assert_close(logits_MBK[0], alone_BK)
        torch.testing.assert_close(stacked.evaluate(x_MBD[:1], slice(0, 1))[0], alone_BK)
        alone_BK.square().sum().backward()
        for own, p in zip(stacked.read(stacked.gradients_MP, 0), network.parameters(), strict=True):
            torch.testing.assert_close(own, p.grad)
        inside = sum(int(own.count_nonzero()) for own in stacked.read(stacked.gradients_MP, 0))
        assert int(stacked.gradients_MP[0].count_nonzero()) == inside, "what was filled up learns nothing"


@given(kept=st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True))
@settings(max_examples=20, deadline=None)
def test_members_that_stay_are_as_they_were(kept):
    networks = networks_of(4, [5, 4])
    stacked = stack(networks)
    stacked.keep(torch.tensor(kept))
    for place, m in enumerate(kept):
        assert all(torch.equal(stacked.state(place)[name], value) for name, value in networks[m].state_dict().items())


def test_only_weights_are_marked_as_penalized():
    network = networks_of(1, [5])[0]
    marked = stack([network]).penalized_P
    expected = torch.cat(
        [torch.full((p.numel(),), float(name.endswith("weight"))) for name, p in network.named_parameters()]
    )
    assert torch.equal(marked[: len(expected)], expected.double())
    assert not marked[len(expected) :].any()


def dropout(seed: int | None, rows: int = 8, p: float = 0.4) -> Dropout:
    layer = Dropout(p)
    if seed is not None:
        layer.generator, layer.rows = torch.Generator().manual_seed(seed), rows
    return layer


def test_masks_come_from_the_layers_own_stream_whatever_else_is_drawn():
    x_BD = torch.ones(8, 5)
    one, other = dropout(3), dropout(3)
    torch.manual_seed(0)
    first = one(x_BD)
    torch.manual_seed(1)
    torch.rand(100)
    assert torch.equal(first, other(x_BD))
    assert not torch.equal(first, one(x_BD))
    assert not torch.equal(first, dropout(4)(x_BD))


def test_layers_that_share_a_stream_take_their_masks_in_turn():
    shared = torch.Generator().manual_seed(3)
    layers = [Dropout(0.4), Dropout(0.4)]
    for layer in layers:
        layer.generator, layer.rows = shared, 8
    in_turn = [layer(torch.ones(8, 5)) for layer in layers]
    alone = dropout(3)
    assert torch.equal(in_turn[0], alone(torch.ones(8, 5)))
    assert torch.equal(in_turn[1], alone(torch.ones(8, 5)))


def test_a_short_minibatch_uses_the_first_rows_of_a_whole_mask_and_keeps_the_stream_in_step():
    whole, short = dropout(3), dropout(3)
    x_BD = torch.ones(8, 5)
    assert torch.equal(whole(x_BD)[:3], short(x_BD[:3]))
    assert torch.equal(whole(x_BD), short(x_BD))


def test_dropout_keeps_the_expected_value_and_is_off_in_evaluation():
    layer = dropout(0, rows=4000)
    x_BD = torch.ones(4000, 10)
    y_BD = layer(x_BD)
    assert set(np.unique(y_BD)) == {0.0, np.float32(1 / 0.6)}
    assert y_BD.mean().item() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(layer.eval()(x_BD), x_BD)
    assert torch.equal(dropout(0, p=0.0)(x_BD[:8]), x_BD[:8])


def test_without_a_stream_it_is_torchs_dropout():
    x_BD = torch.ones(8, 5)
    torch.manual_seed(0)
    ours = dropout(None)(x_BD)
    torch.manual_seed(0)
    assert torch.equal(ours, nn.Dropout(0.4)(x_BD))

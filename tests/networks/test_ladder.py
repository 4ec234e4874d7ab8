"""The capacity ladder climbs."""

from src.networks import build_network
from src.networks.ladder import mlp_ladder, network_text


def test_the_ladder_starts_with_one_layer_then_two_and_doubles_from_rung_to_rung():
    assert [network_text(network) for network in mlp_ladder(4, 5, "relu")] == ["4", "8", "16-16", "32-32", "64-64"]


def test_every_rung_has_more_parameters_than_the_one_before_and_no_regularization():
    ladder = mlp_ladder(1, 8, "tanh")
    counts = [sum(p.numel() for p in build_network(network, 10, 3).parameters()) for network in ladder]
    assert counts == sorted(set(counts))
    assert all(network["dropout"] == 0.0 and network["activation"] == "tanh" for network in ladder)

"""The capacity ladder climbs."""

from src.kinds.tabular.ladder import ladder
from src.networks import build_network
from src.networks.configurations.mlp import MLPConfiguration
from src.problem.training import OverfitLadder, Training


def rungs(first_units: int, count: int, activation: str) -> list[MLPConfiguration]:
    settings = {"first_units": first_units, "max_rungs": count}
    return ladder([], OverfitLadder.model_validate(settings), Training.model_validate({"activation": activation}))


def test_the_ladder_starts_with_one_layer_then_two_then_three_and_doubles_from_rung_to_rung():
    small = ["4", "8", "16-16", "32-32", "64-64", "128-128"]
    assert [network.text for network in rungs(4, 8, "relu")] == [*small, "256-256-256", "512-512-512"]


def test_every_rung_has_more_parameters_than_the_one_before_and_no_regularization():
    found = rungs(1, 8, "tanh")
    counts = [sum(p.numel() for p in build_network(network, 10, 3).parameters()) for network in found]
    assert counts == sorted(set(counts))
    assert all(network.dropout == 0.0 and network.activation == "tanh" for network in found)

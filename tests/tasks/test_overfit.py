"""What is advised where no network overfits."""

import pytest

from src.results.networks import Rung
from src.search.curves import Turn
from tasks.overfit import Climb, overfits


@pytest.mark.parametrize(
    ("perfect", "advice"),
    [(True, "has nothing to gain"), (False, "add layers, make them bigger, or train for more epochs (max_rungs, ")],
)
def test_a_perfect_network_is_not_advised_to_grow(perfect: bool, advice: str):
    rung = Rung(
        network={"architecture": "mlp", "units": [4], "activation": "relu", "dropout": 0.0},
        parameters=10,
        turning_epoch=200,
        best_validation=1.0 if perfect else 0.9,
        final_validation=1.0,
        final_training=1.0,
        overfits=False,
        beats_baseline=True,
        saturated=True,
    )
    turn = Turn(epoch=200, lowest=4e-5, rise=2e-5, rise_error=0.0, noise=1e-5, training_fell=True)
    found = overfits([Climb(rung, turn, [])], 0, 200, "max_rungs", perfect)
    assert not found.holds
    assert advice in found.evidence

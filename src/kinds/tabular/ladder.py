"""The capacity ladder of tables.

Book: "Scaling up: developing a model that overfits": add layers, make them bigger, train for more epochs.
"""

from collections.abc import Sequence

from src.networks.configurations.mlp import MLPConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

# The rungs, counted from 0, from which networks have one hidden layer more.
DEEPER = (2, 6)


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[MLPConfiguration]:
    """Dense networks in order of capacity, of one hidden layer first, then two, then three, doubling each time."""
    rungs = []
    for rung in range(settings.max_rungs):
        layers = 1 + sum(rung >= first for first in DEEPER)
        units = [settings.first_units * 2**rung] * layers
        rungs.append(MLPConfiguration(units=units, activation=training.activation, dropout=0.0))
    return rungs

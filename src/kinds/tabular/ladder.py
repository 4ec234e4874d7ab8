"""The capacity ladder of tables.

Book: "Scaling up: developing a model that overfits": add layers, make them bigger, train for more epochs.
"""

from collections.abc import Sequence

from src.networks.configurations.mlp import MLPConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[MLPConfiguration]:
    """Dense networks in order of capacity: one hidden layer first, two from the third rung on, doubling each time."""
    rungs = []
    for rung in range(settings.max_rungs):
        units = [settings.first_units * 2**rung] * (1 if rung < 2 else 2)
        rungs.append(MLPConfiguration(units=units, activation=training.activation, dropout=0.0))
    return rungs

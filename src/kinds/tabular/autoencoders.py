"""The capacity ladder of autoencoders of tables."""

from collections.abc import Sequence

from src.networks.configurations.autoencoder import AutoencoderConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature


def autoencoders(
    features: Sequence[Feature], settings: OverfitLadder, training: Training
) -> list[AutoencoderConfiguration]:
    """First a linear one, which equals principal components; then one hidden layer on each side, of doubling width."""
    return [
        AutoencoderConfiguration(units=units, activation=training.activation, dropout=0.0, noise=0.0, tied=False)
        for units in widths(settings)
    ]


def widths(settings: OverfitLadder) -> list[list[int]]:
    """The hidden layers of an encoder on each rung: none, then one that doubles."""
    return [[]] + [[settings.first_units * 2 ** (rung + 1)] for rung in range(settings.max_rungs - 1)]

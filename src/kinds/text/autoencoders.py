"""The capacity ladder of autoencoders of texts."""

from collections.abc import Sequence

from src.kinds.tabular.autoencoders import widths
from src.networks import Configuration
from src.networks.configurations.autoencoder import BagAutoencoderConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature


def autoencoders(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[Configuration]:
    """The rungs of tables, with a first and a last layer for bags of words."""
    return [
        BagAutoencoderConfiguration(units=units, activation=training.activation, dropout=0.0)
        for units in widths(settings)
    ]

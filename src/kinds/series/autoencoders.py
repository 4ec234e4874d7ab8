"""The capacity ladder of autoencoders of windows."""

from collections.abc import Sequence
from typing import Any

from src.kinds.series.ladder import DENSE_RUNGS, options
from src.kinds.tabular.autoencoders import autoencoders as dense
from src.networks import Configuration
from src.networks.configurations.autoencoder import RecurrentAutoencoderConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature


def autoencoders(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[Configuration]:
    """The rungs of tables on the whole window, then networks of the same widths that read and write it in order."""
    window = features[0].window
    assert window is not None
    rungs = dense(features, settings, training)
    count = settings.max_rungs if window.network == "dense" else DENSE_RUNGS
    reads: dict[str, Any] = {"lookback": window.lookback, "reader": window.network} | window.options
    reads |= {name: values[0] for name, values in options(features).items()}
    reads |= {"activation": training.activation, "dropout": 0.0, "noise": 0.0}
    return [
        *rungs[:count],
        *(RecurrentAutoencoderConfiguration(units=rung.units, **reads) for rung in rungs[count:]),
    ]

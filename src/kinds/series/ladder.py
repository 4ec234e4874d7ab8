"""The capacity ladder of series.

Book: "Deep learning for timeseries": a dense network on the window first, then layers that read it in order.
"""

from collections.abc import Sequence
from typing import Any

from src.kinds.recurrent import recurrent_options
from src.kinds.tabular.ladder import ladder as dense_ladder
from src.networks import Configuration
from src.networks.configurations.windows import WindowConfiguration
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

# The number of dense rungs in a ladder of networks that read in order.
DENSE_RUNGS = 2


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[Configuration]:
    """The rungs of tables: dense networks on the whole window, then readers of it with the same widths."""
    window = features[0].window
    assert window is not None
    reads: dict[str, Any] = {"lookback": window.lookback}
    if window.relative:
        reads |= {"relative": len(window.targets), "steps": window.steps}
    ordered = reads | {"reader": window.network} | window.options
    ordered |= {name: values[0] for name, values in options(features).items()}
    dense = reads | {"reader": "dense"}
    count = settings.max_rungs if window.network == "dense" else DENSE_RUNGS
    rungs = dense_ladder(features, settings, training)
    # A plain dense network on the window needs no reader, and stacks.
    plain: list[Configuration] = [
        WindowConfiguration(**(rung.settings | dense)) if window.relative else rung for rung in rungs[:count]
    ]
    return plain + [WindowConfiguration(**(rung.settings | ordered)) for rung in rungs[count:]]


def options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    """Further options of the search: dropout of a recurrent layer's state."""
    window = features[0].window
    assert window is not None
    return recurrent_options(window.network, window.options)

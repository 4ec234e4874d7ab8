"""The options that the search tries for networks with recurrent layers, whatever sequence they read.

Book: "Deep learning for timeseries": recurrent dropout, of a quarter of the state.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from src.problem.inputs import RECURRENT

DROPOUT = (0.0, 0.25)


def recurrent_options(network: str, given: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """Dropout of the state, for a recurrent network, unless the problem file sets it."""
    return {"recurrent_dropout": DROPOUT} if network in RECURRENT and "recurrent_dropout" not in given else {}

"""The capacity ladder and the sizes a search may try, for tables.

Book: "Scaling up: developing a model that overfits": add layers, make them bigger, train for more epochs.
No torch here: configurations only.
"""

from typing import Any


def mlp_ladder(first_units: int, rungs: int, activation: str) -> list[dict[str, Any]]:
    """Configurations in order of capacity: one hidden layer first, two from the third rung on, doubling each time."""
    ladder = []
    for rung in range(rungs):
        units = first_units * 2**rung
        ladder.append(
            {"kind": "mlp", "units": [units] * (1 if rung < 2 else 2), "activation": activation, "dropout": 0.0}
        )
    return ladder


def network_text(network: dict[str, Any]) -> str:
    """A network's hidden layers as people write them: `64-64`."""
    return "-".join(str(units) for units in network["units"])

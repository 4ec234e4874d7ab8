"""The capacity ladder of texts.

Book: "Deep learning for text": a bag of words needs a small dense network only.
"""

from collections.abc import Sequence
from typing import Any

from src.kinds.tabular.ladder import ladder as dense_ladder
from src.problem import OverfitLadder, Training
from src.tables import Feature


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> list[dict[str, Any]]:
    """The rungs of tables, with a first layer for sparse inputs."""
    return [rung | {"kind": "bag_of_words"} for rung in dense_ladder(features, settings, training)]

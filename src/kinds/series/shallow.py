"""Shallow models for series: linear ones on the window."""

from collections.abc import Callable
from typing import Any

from src.kinds.tabular.shallow import SHALLOW as OF_TABLES
from src.problem import ProblemType

SHALLOW: dict[ProblemType, dict[str, Callable[[int], Any]]] = {
    kind: {"linear": models["linear"]} for kind, models in OF_TABLES.items()
}

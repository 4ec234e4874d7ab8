"""Shallow models for inputs of several kinds: a linear one on all columns, and those of every part alone.

A network on all inputs has to beat the best model of a single input.
"""

from collections.abc import Sequence
from dataclasses import replace

from src.kinds.mixed.parts import Part
from src.kinds.shallow import ByFamily, Shallow
from src.kinds.text.shallow import SHALLOW as LINEAR
from src.kinds.views import View
from src.models.types.problem_type import Family


def shallow(parts: Sequence[Part]) -> ByFamily:
    """For each family `linear` on all columns, and `<model> on <part>`."""
    return {family: _models(parts, family) for family in LINEAR}


def _models(parts: Sequence[Part], family: Family) -> dict[str, Shallow]:
    models = {"linear": replace(LINEAR[family]["linear"], view=View(columns="side_by_side"))}
    for number, part in enumerate(parts):
        for name, model in part.kind.shallow[family].items():
            models[f"{name} on {part.name}"] = replace(model, view=model.view.model_copy(update={"part": number}))
    return models

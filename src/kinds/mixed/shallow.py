"""Shallow models for inputs of several kinds: a linear one on all columns, and those of every part on its own.

What the best single input gives away is what a network of all of them has to beat.
"""

from collections.abc import Sequence
from dataclasses import replace

from src.kinds.mixed.parts import Part
from src.kinds.shallow import ByType, Shallow
from src.kinds.text.shallow import SHALLOW as LINEAR
from src.kinds.views import View
from src.problem.terms import ProblemType


def shallow(parts: Sequence[Part]) -> ByType:
    """By problem type: `linear` on all columns, and `<model> on <part>`."""
    return {kind: _models(parts, kind) for kind in LINEAR}


def _models(parts: Sequence[Part], kind: ProblemType) -> dict[str, Shallow]:
    found = {"linear": replace(LINEAR[kind]["linear"], view=View(columns="side_by_side"))}
    for number, part in enumerate(parts):
        for name, model in part.kind.shallow[kind].items():
            found[f"{name} on {part.name}"] = replace(model, view=model.view.model_copy(update={"part": number}))
    return found

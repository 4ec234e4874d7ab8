"""Targets and networks of any problem type, so that the tests of types try each one that is registered.

Shapes: N rows, D inputs, T target columns, K outputs.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from src.inputs.clusters import BEFORE
from src.kinds.registry import KINDS
from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.networks import build_network
from src.networks.language import RecurrentLanguageModel
from src.networks.variational import TabularVariational
from src.problem.training import OverfitLadder, Training

CLASSES, TARGETS, CODE = ["no", "perhaps", "yes"], ["a", "b"], 3
PREDICTING = {name: type_ for name, type_ in TYPES.items() if type_.targets != "none"}


def names_of(type_: ProblemType) -> tuple[list[str], list[str]]:
    """Classes and target columns of a problem of this type."""
    classes = CLASSES[: type_.most_classes] if type_.single_label else []
    return classes, {"one": TARGETS[:1], "none": []}.get(type_.targets, TARGETS)


def outputs_of(type_: ProblemType) -> int:
    classes, targets = names_of(type_)
    return type_.outputs(len(classes), len(targets), CODE if type_.has_code or type_.has_clusters else 0)


def targets_of(type_: ProblemType, rows: int = 40, seed: int = 0) -> NDArray[np.float64]:
    """Encoded targets as a fold holds them, (N, T)."""
    rng, (classes, targets) = np.random.default_rng(seed), names_of(type_)
    if type_.has_clusters:
        return rng.integers(-1, CODE, (rows, 1)).astype(float)  # groups that the reference names, see `Table.truth_NT`
    if type_.target == "number":
        return rng.random((rows, len(targets)))
    return rng.integers(0, max(len(classes), 2), (rows, len(targets))).astype(float)


def predictions_of(type_: ProblemType, rows: int = 40, seed: int = 0, decimals: int = 9) -> NDArray[np.float64]:
    """Answers such as a model gives, (N, K); few decimals make many ties."""
    rng, outputs = np.random.default_rng(seed), outputs_of(type_)
    if type_.single_label and outputs > 1:
        return rng.dirichlet(np.ones(outputs), rows)
    if type_.has_clusters:
        whole = rng.integers(1, CODE + 1, (rows, BEFORE - 1))
        return np.hstack([rng.random((rows, 1)), whole, rng.dirichlet(np.ones(outputs - BEFORE), rows)])
    return rng.random((rows, outputs)).round(decimals)


def learnable_targets(type_: ProblemType, x_ND: torch.Tensor) -> torch.Tensor:
    """Targets that follow from the inputs, (N, T)."""
    classes, targets = names_of(type_)
    if type_.single_label:
        return sum((x_ND[:, place : place + 1] > 0).float() for place in range(len(classes) - 1))
    if type_.target == "flag":
        return (x_ND[:, : len(targets)] > 0).float()
    y_NT = x_ND[:, : len(targets)] - x_ND[:, -1:]
    return y_NT if type_.unbounded else torch.sigmoid(y_NT)


# Networks for what tables have no ladder for, or one whose networks need more than numbers.
OTHERS: dict[str, Callable[[], nn.Module]] = {
    "read_on": lambda: RecurrentLanguageModel(symbols=5, embedding=4, units=[8], reader="gru"),
    "likelihood": lambda: TabularVariational(4, 2, [8], [0, 0], 2, activation="tanh"),
}


def network_of(types: Sequence[ProblemType], inputs: int = 4, seed: int = 0) -> nn.Module:
    """The third rung of the ladder of tables, with an output for each answer of all types."""
    ladders, wanted = KINDS["tabular"].ladders, types[0].networks
    torch.manual_seed(seed)
    if wanted in OTHERS:
        return OTHERS[wanted]()
    assert wanted in ladders, f"tests/models/answers.py: add a small network that can {wanted!r} to OTHERS"
    rungs = ladders[wanted]([], OverfitLadder(), Training(activation="tanh"))
    return build_network(rungs[2], inputs, sum(map(outputs_of, types)))

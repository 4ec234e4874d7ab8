"""Rows that a network draws while it is trained, and the measure of them. Shapes: N rows, V held-out rows."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.inputs.pictures import ClassedPictures
from src.models.measures.measure import Measure
from src.models.samples import STATISTICS
from src.preparation.judge import Judge
from src.training.course import Course
from src.training.inputs import as_inputs

# In about so many epochs rows are drawn and measured; until the next of them the curve keeps its last value.
MEASURED_EPOCHS = 20


def measured(course: Course, network: Callable[[], nn.Module], judge: Judge, measure: Measure) -> Mapping[str, float]:
    """The values of the curves `training` and `validation` after an epoch that `course` has not counted yet."""
    epochs = course.member.candidate.epochs
    if course.epoch % -(-epochs // MEASURED_EPOCHS) and course.epoch + 1 < epochs:
        return {name: course.curves[name][-1] for name in ("training", "validation") if course.curves[name]}
    x_N = _drawn(network(), judge, course.member.seed)
    if x_N is None:
        return dict.fromkeys(("training", "validation") if judge.rows else ("training",), float("nan"))
    return judge.curves(x_N, measure)


def statistics(network: nn.Module, judge: Judge, seed: int) -> NDArray[np.float64]:
    """The statistics of all held-out rows beside those that the network draws, (V, S)."""
    x_N = _drawn(network, judge, seed)
    return np.full((judge.rows, STATISTICS), np.nan) if x_N is None else judge.statistics(x_N)


def _drawn(network: nn.Module, judge: Judge, seed: int) -> NDArray[Any] | ClassedPictures | None:
    """As many rows as are judged; None of a network that diverged."""
    if not all(bool(p.isfinite().all()) for p in network.parameters()):
        return None
    copy = deepcopy(network).cpu().float().eval()
    with torch.no_grad():
        x: Tensor | tuple[Tensor, Tensor] = copy.draw(judge.draws, torch.Generator().manual_seed(seed))  # type: ignore[operator]
    return as_inputs(x)

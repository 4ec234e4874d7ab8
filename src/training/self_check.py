"""Check a stack before it is trained: does it train at all, and does a member get the same result as alone?

A training that fails silently is the worst case, and it has happened (gradients were silently dropped). So copies of
some members take a few steps in float64 on the device, and the first is compared with itself trained alone. This takes
some hundredths of a second.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from src.models.head import Head
from src.models.measures.measure import Measure
from src.preparation.fold import FoldArrays
from src.problem.training import Engine
from src.tables.table import Table
from src.training.course import Course
from src.training.looped import EpochPerStep, head_of
from src.training.members import Member
from src.training.stacked import EpochOfAllMembers, StackRefused

MEMBERS = 3
TOLERANCE = 1e-9


def check_stack(
    members: Sequence[Member], folds: Sequence[FoldArrays], table: Table, measure: Measure, engine: Engine, device: int
) -> None:
    """Raise StackRefused if a stack of some members does not learn, or its first member differs from itself alone.

    It is also refused if the head's `errors` and `slope` do not give the gradient of its loss.
    """
    # Evenly spaced, because members of one fold are neighbours.
    places = sorted({i * len(members) // MEMBERS for i in range(MEMBERS)})
    chosen = [members[place] for place in places]
    short: dict[int, FoldArrays] = {}
    for member, fold in zip(chosen, (folds[place] for place in places), strict=True):
        # One whole minibatch and a part of another, whose length differs between folds.
        rows = min(len(fold.x_AD), member.candidate.batch_size + 2 + len(short))
        short.setdefault(id(fold), _first(fold, rows))
    few = [short[id(folds[place])] for place in places]
    courses = [
        Course(replace(member, training=member.training[: len(fold.x_AD)]))
        for member, fold in zip(chosen, few, strict=True)
    ]

    stack = EpochOfAllMembers(courses, few, table, measure, torch.float64).to(_device(engine, device))
    stack.on_fit_start()
    check_gradient(stack.head, torch.from_numpy(few[0].y_AT).double(), table.schema.outputs)
    before_MP = stack.stack.values_MP.clone()
    stack.train_epoch()
    if bool((stack.stack.values_MP == before_MP).all(1).any()):
        raise StackRefused("self-check: the stack did not change a member's weights")

    head = head_of(chosen[0], few[0], table, torch.float64)
    alone = EpochPerStep(head, few[0], table, courses[0], measure, torch.float64)
    alone.configure_optimizers()
    alone.train_epoch()
    expected = head.network.state_dict()
    stacked = stack.stack.state(stack.places.index(0))
    for name, value in expected.items():
        member_value = stacked[name].cpu()
        if not torch.allclose(member_value, value.to(member_value), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            away = float((member_value - value.to(member_value)).abs().max())
            raise StackRefused(
                f"self-check: {name} of a member differs by {away:.1e} from its value when trained alone"
            )


@torch.enable_grad()
def check_gradient(head: Head, y_BT: Tensor, outputs: int) -> None:
    """Raise StackRefused if the stack's short cut, errors times slope, is not the gradient of the head's loss."""
    logits_BK = torch.linspace(-2, 2, len(y_BT) * outputs, dtype=y_BT.dtype).view(-1, outputs).requires_grad_()
    [gradient_BK] = torch.autograd.grad(head.row_losses(logits_BK, y_BT).sum(), logits_BK)
    error_BK = head.errors(logits_BK, head.targets(y_BT, outputs)) * head.slope(outputs)
    off = float((error_BK - gradient_BK).detach().abs().max())
    if not off <= TOLERANCE * max(float(gradient_BK.abs().max()), 1):
        raise StackRefused(
            f"self-check: {type(head).__name__}: the gradient of `row_losses` by the logits is not `errors` times "
            f"`slope`, by up to {off:.1e}; override these two, or `targets`"
        )


def _first(fold: FoldArrays, rows: int) -> FoldArrays:
    return replace(
        fold, x_AD=fold.x_AD[:rows], y_AT=fold.y_AT[:rows], further_AH=fold.further_AH[:rows], w_A=fold.w_A[:rows]
    )


def _device(engine: Engine, number: int) -> torch.device:
    """CUDA if that trains. Other accelerators have no float64, so the CPU is used."""
    if engine.accelerator != "cpu" and torch.cuda.is_available():
        return torch.device("cuda", number % torch.cuda.device_count())
    return torch.device("cpu")

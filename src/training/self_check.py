"""Before a stack is trained: does it train at all, and does a member come out as it would alone?

Silent failures are the worst a training can have; design mistakes of this kind have been made (gradients that were
dropped behind one's back). So some members take a few steps in float64 on the device, without touching the members
themselves, and the first is compared with itself trained alone. Costs some hundredths of a second.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from src.models.measures import Measure
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
    """Raise StackRefused where a stack of some members does not learn, or its first not what it learns alone."""
    # Evenly spaced: members of one fold stand together.
    places = sorted({i * len(members) // MEMBERS for i in range(MEMBERS)})
    chosen = [members[place] for place in places]
    short: dict[int, FoldArrays] = {}
    for member, fold in zip(chosen, (folds[place] for place in places), strict=True):
        # One whole minibatch and a part of another, of another length in every fold.
        rows = min(len(fold.x_AD), member.candidate.batch_size + 2 + len(short))
        short.setdefault(id(fold), _first(fold, rows))
    few = [short[id(folds[place])] for place in places]
    courses = [
        Course(replace(member, training=member.training[: len(fold.x_AD)]))
        for member, fold in zip(chosen, few, strict=True)
    ]

    stack = EpochOfAllMembers(courses, few, table, measure, torch.float64).to(_device(engine, device))
    stack.on_fit_start()
    before_MP = stack.stack.values_MP.clone()
    stack.train_epoch()
    if bool((stack.stack.values_MP == before_MP).all(1).any()):
        raise StackRefused("self-check: the stack left a member's weights as they were")

    head = head_of(chosen[0], few[0], table, torch.float64)
    alone = EpochPerStep(head, few[0], table, courses[0], measure, torch.float64)
    alone.configure_optimizers()
    alone.train_epoch()
    expected = head.network.state_dict()
    stacked = stack.stack.state(stack.places.index(0))
    for name, value in expected.items():
        own = stacked[name].cpu()
        if not torch.allclose(own, value.to(own), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            away = float((own - value.to(own)).abs().max())
            raise StackRefused(f"self-check: {name} of a member is {away:.1e} from where it comes to alone")


def _first(fold: FoldArrays, rows: int) -> FoldArrays:
    return replace(
        fold, x_AD=fold.x_AD[:rows], y_AT=fold.y_AT[:rows], further_AH=fold.further_AH[:rows], w_A=fold.w_A[:rows]
    )


def _device(engine: Engine, number: int) -> torch.device:
    """CUDA where that is what trains; other accelerators know no float64, and the CPU stands in."""
    if engine.accelerator != "cpu" and torch.cuda.is_available():
        return torch.device("cuda", number % torch.cuda.device_count())
    return torch.device("cpu")

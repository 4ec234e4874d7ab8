"""The only entry point: every training in the pipeline is a list of members given to `fit`.

Members with similar networks (depth, batch size, optimizer) are trained as one stack, all others one after another. The
result of a member does not depend on the backend or on other members.
"""

import logging
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from src.core.errors import UserError
from src.core.progress import Part, progress_of_parts
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.preparation.fold import FoldArrays, fit_fold
from src.problem.training import Engine
from src.tables.table import Table
from src.training.centres import with_clusters, with_halves
from src.training.engines import cores, pool_of
from src.training.members import Member, Trained
from src.training.shards import Device, Shard, cut, free_memory, groups_of, operations

if TYPE_CHECKING:
    from pytorch_lightning import Callback

log = logging.getLogger("workflow")

# Seconds of a step on a CPU (`python -m benchmarks.training growth`): the fixed cost for a stack and for a looped
# member, and the cost per million multiplications and additions. Only the number of workers depends on these figures,
# so rough ones do.
STEP_SECONDS, LOOPED_SECONDS, MILLION_SECONDS = 1.5e-4, 2.5e-4, 5e-5
# The seconds that worker processes have to save. Starting and ending two takes 0.07 s of processor time if they are
# forked from 0.6 GB, and the start of a shard (self-check, Trainer, first pages of memory) 0.04 s more.
SECONDS_WORTH_WORKERS = 0.15

ShardResult = tuple[list[Trained], list[str]]


def fit(
    members: Sequence[Member],
    table: Table,
    measure: Measure,
    engine: Engine,
    title: str,
    until: int | None = None,
    resumed: Sequence[Trained] | None = None,
    callbacks: "Sequence[Callback]" = (),
    final: bool = False,
) -> list[Trained]:
    """Train all members. The results are in the order of `members`.

    table: the prepared training rows. Preprocessing is fitted here, per fold, on the fold's training rows.
    title: for the log and the progress bar.
    until: pause after this epoch. resumed: the result of `fit` for each of `members` when it paused. They continue as
    if they had never stopped, so that a search can drop members in between (successive halving).
    final: whether the predictions are those of finished networks, which may take longer (`Head.final_logits`).
    callbacks: of Lightning. Each Trainer, of a stack or of one looped member, gets copies of them. Its epochs are those
    of the training and continue to count after a pause. A batch is a whole epoch, and nothing is logged: the curves are
    in the `courses` of the module.

    What a problem is searched by (`ProblemType.searched_by`) is what its curves show. Finished networks of clusters get
    their centres, and two more beside each learn from halves of its rows (`src.training.centres`).
    """
    asked = table.schema.problem_type
    measure = measure if asked.searched_by is None else TABLE[asked.searched_by]
    if final and asked.has_clusters:
        members = with_halves(members, table)
    device = _device(engine)
    groups = groups_of(members, _folds(members, table), table, device, resumed)
    if engine.spreads:
        spread = f"each on {engine.devices} devices of {engine.num_nodes} machines (engine.devices, engine.num_nodes)"
        groups = [replace(group, backend="looped", reason=spread) for group in groups]
    costs = [MILLION_SECONDS * operations(group, table) / 1e6 for group in groups]
    saved = _seconds(groups, costs, until, 1) - _seconds(groups, costs, until, cores())
    trained: dict[int, Trained] = {}
    with ExitStack() as stack:
        pool = stack.enter_context(pool_of(engine, worth_workers=saved > SECONDS_WORTH_WORKERS))
        shards = list(cut(groups, pool.workers, int(engine.memory * free_memory(device)), device))
        log.info(f"{title}: {_plan(groups, shards, until)}")
        steps = sum(sum(_steps_of_members(shard, until)) for shard in shards)
        parts = stack.enter_context(progress_of_parts(title, len(shards), steps, f"{len(members)} trainings"))
        # Training needs no columns, as the folds hold them as numbers. Workers would get all texts again and again.
        targets = replace(table, frame=table.frame.iloc[:, :0], vectors=None, unlabelled=None)
        calls = [
            partial(train_shard, shard, part, targets, measure.name, engine, until, number, callbacks, final)
            for number, (shard, part) in enumerate(zip(shards, parts, strict=True))
        ]
        for number, (results, notes) in pool.run(calls):
            trained |= dict(zip(shards[number].positions, results, strict=True))
            parts[number].finish(sum(_steps_of_members(shards[number], until)))
            for note in notes:
                log.warning(f"{title}: {note}")
    diverged = [result.diverged for result in trained.values() if result.diverged is not None]
    if diverged:
        log.warning(
            f"{title}: {len(diverged)} of {len(members)} trainings diverged, the first in epoch {min(diverged)}"
        )
    results = [trained[position] for position in range(len(members))]
    return with_clusters(results, table) if final and asked.has_clusters else results


def train_shard(
    shard: Shard,
    part: Part,
    table: Table,
    measure: str,
    engine: Engine,
    until: int | None,
    number: int,
    callbacks: "Sequence[Callback]" = (),
    final: bool = False,
) -> ShardResult:
    """Train one shard. Also return notes for the log. `part` counts the gradient steps of its members.

    A stack that does not fit into the device's memory is halved; one that fails its self-check is looped.
    """
    try:
        return _train_shard(shard, part, table, measure, engine, until, number, callbacks, final)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        member = shard.members[0]
        raise UserError(
            f"network {member.candidate.network.architecture}: a minibatch of a single row has no statistics for its "
            f"batch norm, and with training.batch_size {member.candidate.batch_size} the last one of a fold has one "
            "row; choose another batch size"
        ) from None


def _train_shard(
    shard: Shard,
    part: Part,
    table: Table,
    measure_name: str,
    engine: Engine,
    until: int | None,
    number: int,
    callbacks: "Sequence[Callback]" = (),
    final: bool = False,
) -> ShardResult:
    import torch

    from src.training.looped import train_looped
    from src.training.self_check import check_stack
    from src.training.spread import train_spread
    from src.training.stacked import StackRefused, train_stacked

    measure = TABLE[measure_name]
    alike: dict[str, Any] = {"on_epoch": part.add, "until": until, "device": number, "callbacks": callbacks}
    alike["final"] = final
    if shard.backend == "looped":
        before: Sequence[Trained | None] = shard.resumed or [None] * len(shard.members)
        triples = zip(shard.members, shard.folds, before, strict=True)
        calls = [
            partial(train_looped, m, fold, table, measure, engine, resumed=earlier, **alike)
            for m, fold, earlier in triples
        ]
        return [train_spread(call, engine) if engine.spreads else call() for call in calls], []
    try:
        check_stack(shard.members, shard.folds, table, measure, engine, number)
        trained = train_stacked(
            shard.members, shard.folds, table, measure, engine, resumed=shard.resumed, units=shard.units, **alike
        )
        return trained, []
    except StackRefused as refused:
        retries, note = [shard.part(slice(None), "looped")], f"{len(shard.members)} trainings looped: {refused}"
    except torch.OutOfMemoryError:
        half = math.ceil(len(shard.members) / 2)
        if half == len(shard.members):
            raise UserError(
                "the device's memory is too small for a single member: choose smaller networks or a smaller "
                "training.batch_size, or engine.accelerator: cpu"
            ) from None
        retries = [shard.part(slice(half)), shard.part(slice(half, None))]
        note = f"out of memory with {len(shard.members)} members in one stack; halved"
    results, notes = [], [note]
    for smaller in retries:
        part_results, part_notes = _train_shard(
            smaller, part, table, measure_name, engine, until, number, callbacks, final
        )
        results += part_results
        notes += part_notes
    return results, notes


def _folds(members: Sequence[Member], table: Table) -> list[FoldArrays]:
    """The fold of each member. Members with the same rows share one object, which is fitted once."""
    fitted: dict[tuple[int, int], FoldArrays] = {}
    for member in members:
        rows = (id(member.training), id(member.validation))
        if rows not in fitted:
            fitted[rows] = fit_fold(table, member.training, member.validation)
    return [fitted[id(member.training), id(member.validation)] for member in members]


def _plan(groups: Sequence[Shard], shards: Sequence[Shard], until: int | None) -> str:
    """The backends with their numbers of members and the reasons, in one line."""
    count = {"stacked": 0, "looped": 0} | Counter(
        backend for group in groups for backend in [group.backend] * len(group.members)
    )
    stacks = sum(shard.backend == "stacked" for shard in shards)
    reasons = Counter[str]()
    for group in groups:
        reasons[f"{group.backend}: {group.reason}"] += len(group.members)
    steps = sum(_steps(shard, until) for shard in shards)
    shards_text = "1 shard" if stacks == 1 else f"{stacks} shards"
    return (
        f"{sum(count.values())} trainings, {count['stacked']} stacked in {shards_text}, {count['looped']} looped; "
        f"{steps:,} gradient steps one after another; "
        + "; ".join(f"{number} {reason}" for reason, number in reasons.items())
    )


def _device(engine: Engine) -> Device:
    if engine.accelerator != "auto":
        return engine.accelerator
    import torch

    return "gpu" if torch.cuda.is_available() or torch.backends.mps.is_available() else "cpu"


def _steps_of_members(shard: Shard, until: int | None) -> list[int]:
    """The gradient steps of each member, the unit of progress."""
    paused = [result.paused for result in shard.resumed or []] or [None] * len(shard.members)
    return [
        (min(member.candidate.epochs, until or member.candidate.epochs) - (before.epoch if before else 0))
        * member.steps_of_epoch
        for member, before in zip(shard.members, paused, strict=True)
    ]


def _steps(shard: Shard, until: int | None) -> int:
    """The number of consecutive gradient steps: those of a stack count once."""
    counts = _steps_of_members(shard, until)
    return max(counts) if shard.backend == "stacked" else sum(counts)


def _seconds(groups: Sequence[Shard], costs: Sequence[float], until: int | None, workers: int) -> float:
    """The least time that `workers` need: their share of all work, or the longest shard. The shards of a stack make as
    many steps as the whole stack. costs: the seconds of a member's step, for each group."""
    everyone = sum(len(group.members) for group in groups)
    work = longest = 0.0
    for group, of_members in zip(groups, costs, strict=True):
        count, steps = len(group.members), _steps(group, until)
        parts = math.ceil(workers * count / everyone) if group.backend == "stacked" else count
        if group.backend == "stacked":
            shard = steps * (STEP_SECONDS + of_members * count / parts)
        else:
            shard = steps / count * (LOOPED_SECONDS + of_members)
        work, longest = work + parts * shard, max(longest, shard)
    return max(work / workers, longest)

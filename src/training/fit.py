"""The one entry point: every training in the pipeline is a list of members handed to `fit`.

Members of one signature (layer shapes, batch size, epochs, optimizer) are trained as one stack; what does not stack is
trained one after another. The result of a member does not depend on the backend or on what is trained beside it.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from src.measures import TABLE, Measure
from src.preprocessing.fold import FoldArrays, fit_fold
from src.problem import Engine
from src.processes import die_with_parent
from src.progress import Part, progress_of_parts
from src.tables import Table
from src.training.members import Member, Trained

log = logging.getLogger("workflow")

# Stacking pays for narrow layers only; measured on 2 cores, layers from this width on gain nothing.
WIDEST_STACKED = 512
# Members trained as one: more gain nothing and cost memory.
LARGEST_STACK = 200
# Below so many gradient steps in all, starting worker processes costs more than it saves.
STEPS_WORTH_WORKERS = 60_000


@dataclass(frozen=True)
class Shard:
    """Members trained together on one device, by their positions in the list given to `fit`."""

    backend: Literal["stacked", "looped"]
    positions: list[int]
    members: list[Member]
    folds: list[FoldArrays]

    @property
    def steps(self) -> int:
        """Gradient steps one after another: those of a stack count once."""
        counts = [member.steps for member in self.members]
        return max(counts) if self.backend == "stacked" else sum(counts)

    @property
    def epochs(self) -> int:
        """Epochs of all members, what progress is counted in."""
        return sum(member.candidate.epochs for member in self.members)


def fit(members: Sequence[Member], table: Table, measure: Measure, engine: Engine, title: str) -> list[Trained]:
    """Train all members; results come in the order of `members`.

    table: the prepared training rows; preprocessing is fitted here, per fold, on the fold's training rows.
    title: what the log and the progress bar say.
    """
    from joblib import Parallel, delayed

    shards = list(_shards(members, _folds(members, table)))
    steps = sum(shard.steps for shard in shards)
    workers = _workers(len(shards), steps, engine)
    stacked = sum(len(shard.members) for shard in shards if shard.backend == "stacked")
    log.info(
        f"{title}: {len(members)} trainings, {stacked} stacked in {len(shards)} shards, "
        f"{len(members) - stacked} looped; {steps:,} gradient steps one after another"
    )
    run = Parallel(
        n_jobs=workers,
        backend="loky" if workers > 1 else "sequential",
        return_as="generator_unordered",
        initializer=die_with_parent,
        initargs=(os.getpid(),),
    )
    trained: dict[int, Trained] = {}
    epochs = sum(shard.epochs for shard in shards)
    with progress_of_parts(title, len(shards), epochs, f"{len(members)} trainings") as parts:
        pairs = enumerate(zip(shards, parts, strict=True))
        tasks = (delayed(_train)(i, shard, part, table, measure.name, engine.accelerator) for i, (shard, part) in pairs)
        for i, results in run(tasks):
            trained |= dict(zip(shards[i].positions, results, strict=True))
            parts[i].finish(shards[i].epochs)
    return [trained[position] for position in range(len(members))]


def _train(
    number: int, shard: Shard, part: Part, table: Table, measure: str, accelerator: str
) -> tuple[int, list[Trained]]:
    """Train the shard with this number; after every epoch `part` counts the members it has brought further."""
    from src.training.looped import train_looped
    from src.training.stacked import train_stacked

    if shard.backend == "stacked":
        epoch = partial(part.add, len(shard.members))
        trained = train_stacked(shard.members, shard.folds, table, TABLE[measure], accelerator, on_epoch=epoch)
        return number, trained
    epoch = partial(part.add, 1)
    pairs = zip(shard.members, shard.folds, strict=True)
    return number, [train_looped(m, fold, table, TABLE[measure], accelerator, on_epoch=epoch) for m, fold in pairs]


def _folds(members: Sequence[Member], table: Table) -> list[FoldArrays]:
    """Each member's fold; members with the same rows share one object, so it is fitted once."""
    fitted: dict[tuple[int, int], FoldArrays] = {}
    for member in members:
        rows = (id(member.training), id(member.validation))
        if rows not in fitted:
            fitted[rows] = fit_fold(table, member.training, member.validation)
    return [fitted[id(member.training), id(member.validation)] for member in members]


def _shards(members: Sequence[Member], folds: Sequence[FoldArrays]) -> Iterator[Shard]:
    """Group members by signature, choose each group's backend, and cut large groups."""
    groups: dict[object, list[int]] = {}
    for position, (member, fold) in enumerate(zip(members, folds, strict=True)):
        c = member.candidate
        shape = (tuple(c.network["units"]), c.network["activation"], fold.x_AD.shape[1])
        groups.setdefault((shape, c.batch_size, c.epochs, c.optimizer), []).append(position)
    for positions in groups.values():
        wide = max(members[positions[0]].candidate.network["units"]) >= WIDEST_STACKED
        size = 1 if wide else LARGEST_STACK
        for start in range(0, len(positions), size):
            chosen = positions[start : start + size]
            yield Shard(
                "looped" if wide else "stacked",
                chosen,
                [members[i] for i in chosen],
                [folds[i] for i in chosen],
            )


def _workers(shards: int, steps: int, engine: Engine) -> int:
    if engine.workers != "auto":
        return min(engine.workers, shards)
    if steps < STEPS_WORTH_WORKERS or engine.accelerator == "gpu":
        return 1
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, shards)

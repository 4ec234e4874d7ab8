"""The one entry point: every training in the pipeline is a list of members handed to `fit`."""

import logging
import os
import sys
from collections.abc import Sequence

from src.measures import Measure
from src.problem import Engine
from src.processes import die_with_parent
from src.tables import Table
from src.training.members import Member, Trained

log = logging.getLogger("workflow")

# Below so many gradient steps in all, starting worker processes costs more than it saves.
STEPS_WORTH_WORKERS = 60_000


def fit(members: Sequence[Member], table: Table, measure: Measure, engine: Engine, title: str) -> list[Trained]:
    """Train all members; results come in the order of `members` and do not depend on the engine.

    table: the prepared training rows; preprocessing is fitted per fold, inside. title: what the progress line says.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    workers = _workers(members, engine)
    shards = _shards(members, workers)
    steps = sum(m.steps for m in members)
    log.info(
        "%s: %d trainings, %s gradient steps, looped, %d process%s",
        title, len(members), f"{steps:,}", workers, "es" if workers > 1 else "",
    )  # fmt: skip
    trained: dict[int, Trained] = {}
    with tqdm(total=len(members), desc=title, unit="training", disable=not sys.stderr.isatty(), leave=False) as bar:
        if workers == 1:
            from src.training.looped import train_looped

            for position, result in zip(
                shards[0],
                train_looped([members[i] for i in shards[0]], table, measure, engine.accelerator),
                strict=True,
            ):
                trained[position] = result
                bar.update()
        else:
            run = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", initializer=die_with_parent)
            for positions, results in run(
                delayed(_train_shard)(shard, [members[i] for i in shard], table, measure.name, engine.accelerator)
                for shard in shards
            ):
                trained |= dict(zip(positions, results, strict=True))
                bar.update(len(positions))
    return [trained[position] for position in range(len(members))]


def _train_shard(
    positions: list[int], members: list[Member], table: Table, measure: str, accelerator: str
) -> tuple[list[int], list[Trained]]:
    from src.measures import TABLE
    from src.training.looped import train_looped

    return positions, list(train_looped(members, table, TABLE[measure], accelerator))


def _workers(members: Sequence[Member], engine: Engine) -> int:
    if engine.workers != "auto":
        return min(engine.workers, len(members))
    if sum(m.steps for m in members) < STEPS_WORTH_WORKERS or engine.accelerator == "gpu":
        return 1
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, len(members))


def _shards(members: Sequence[Member], workers: int) -> list[list[int]]:
    """Positions of the members in shards of similar cost; members of one fold stay next to each other.

    A few shards per worker, so that progress shows and a slow shard does not leave the others idle.
    """
    order = sorted(range(len(members)), key=lambda i: (members[i].repeat, members[i].fold))
    if workers == 1:
        return [order]
    wanted = sum(m.steps for m in members) / min(workers * 4, len(members))
    shards: list[list[int]] = [[]]
    cost = 0.0
    for i in order:
        if shards[-1] and cost >= wanted:
            shards.append([])
            cost = 0.0
        shards[-1].append(i)
        cost += members[i].steps
    return shards

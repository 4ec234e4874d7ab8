"""Would more data help? The chosen configuration, trained on nested shares of each evaluation fold's training rows.

A learning curve over the number of rows, not epochs. Everything, including preprocessing, is fitted to the share. With
fewer rows an epoch has fewer gradient steps. So every share is trained twice: for as many epochs as all rows, and for
as many steps, but at most `MOST_EPOCHS` times the epochs. The better of the two counts. This favours the smaller
shares, so the benefit of more data is understated rather than overstated.

Sources: Perlich, Provost and Simonoff 2003, "Tree induction vs. logistic regression: a learning-curve analysis", JMLR
4; Viering and Loog 2023, "The shape of learning curves: a review".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from src.judging.evaluation import compare
from src.judging.held_out import HeldOut
from src.models.measures.measure import Measure
from src.results.evaluate import SampleSize
from src.results.networks import Candidate
from src.results.verdicts import Verdict
from src.tables.protocols import Folds, Index, Split, blocks_in_time, deal
from src.tables.table import Table
from src.training.members import Member

SHARES = (1 / 8, 1 / 4, 1 / 2)
PARTS = 8
# Shares with fewer rows are no points of the curve.
FEWEST_ROWS = 16
MOST_EPOCHS = 4

Pace = Literal["same epochs", "same steps"]


@dataclass(frozen=True)
class Trial:
    """One share of the training rows at one pace, with a member for every one of its splits."""

    share: float
    pace: Pace
    splits: list[Split]
    members: list[Member]


def trials(candidate: Candidate, splits: Sequence[Split], table: Table, start: int) -> list[Trial]:
    """What to train on shares of the splits' training rows, with `start`, the seed of the networks on all rows.

    Shares that leave a split fewer than `FEWEST_ROWS` rows are left out.
    """
    to_train = []
    parts = [parts_of(split.training, table, start) for split in splits]
    for share in table.schema.problem_type.shares or SHARES:
        rows = [split.training[part_A < share * PARTS] for split, part_A in zip(splits, parts, strict=True)]
        if min(map(len, rows)) < FEWEST_ROWS:
            continue
        smaller = [Split(s.repeat, s.fold, rows_of, s.validation) for s, rows_of in zip(splits, rows, strict=True)]
        same_epochs = [Member.of_split(candidate, split, start) for split in smaller]
        steps = [Member.of_split(candidate, split, start).steps for split in splits]
        same_steps = [_with_steps(candidate, split, start, s) for split, s in zip(smaller, steps, strict=True)]
        to_train.append(Trial(share, "same epochs", smaller, same_epochs))
        if any(member.candidate != candidate for member in same_steps):
            to_train.append(Trial(share, "same steps", smaller, same_steps))
    return to_train


def _with_steps(candidate: Candidate, split: Split, start: int, steps: int) -> Member:
    of_epoch = Member.of_split(candidate, split, start).steps_of_epoch
    epochs = min(max(round(steps / of_epoch), candidate.epochs), MOST_EPOCHS * candidate.epochs)
    return Member.of_split(candidate.stretched(epochs), split, start)


def parts_of(training: Index, table: Table, seed: int) -> NDArray[np.intp]:
    """Split training rows into `PARTS` parts of about equal size; returns each row's part.

    The first half of the parts is the share 1/2, and so on. Rows of a group stay together, and every part has each
    class's share. In time order the latest rows are the first part, because more data then means a longer past.
    """
    shares_P = [1 / PARTS] * PARTS
    if table.schema.time is not None:
        time_A = table.frame[table.schema.time].iloc[training].to_numpy()
        moment_A = np.unique(time_A, return_inverse=True)[1].astype(np.float64)
        return PARTS - 1 - blocks_in_time(moment_A, shares_P)
    strata_A = table.y_NT[training, 0].astype(np.intp) if table.schema.classes else None
    return deal(table.units(training), strata_A, shares_P, seed)


def learning_curve(
    tried: Sequence[tuple[Trial, HeldOut]], whole: HeldOut, folds: Folds, table: Table, measure: Measure, seed: int
) -> tuple[list[SampleSize], list[Verdict]]:
    """The points of the curve, and the verdict whether more data would help, if half of the rows are a point.

    whole: the same networks trained on all rows of the same splits.
    """
    best: dict[float, tuple[Trial, HeldOut]] = {}
    for share, of_share in groupby(tried, key=lambda pair: pair[0].share):
        finished = [pair for pair in of_share if np.isfinite(pair[1].scores(table, measure)).all()]
        for trial, held_out in finished:
            if share not in best or measure.better(
                held_out.value(table, measure), best[share][1].value(table, measure)
            ):
                best[share] = trial, held_out
    points = [_point(share, trial.pace, held_out, table, measure) for share, (trial, held_out) in best.items()]
    points.append(_point(1.0, "same epochs", whole, table, measure))
    half = best.get(1 / 2)
    if half is None:
        return points, []
    rows = f"{points[-1].rows:,} and {points[-2].rows:,} rows"
    verdict = compare(
        "more_data_would_help",
        whole,
        [half[1]],
        "on half of the training rows",
        table,
        folds,
        measure,
        seed,
        "a single network on all training rows",
        "the evaluation folds, first repeat",
        note=f"; one network each, on {rows}",
    )
    return points, [verdict]


def _point(share: float, pace: Pace, held_out: HeldOut, table: Table, measure: Measure) -> SampleSize:
    learnt = np.mean([len(split.training) for split in held_out.splits])
    return SampleSize(
        share=share,
        rows=round(float(learnt)),
        pace=pace,
        value=held_out.value(table, measure),
        scores=held_out.scores(table, measure).tolist(),
    )

"""Generators of known truth: what the judge, the measure, its interval and the verdicts say of each.

    python -m benchmarks.honesty --generators 100

Rows come from a population that can be asked for more, so the truth about a generator is known. Drawing from the
population itself has to score about 1 and to pass. Drawing training rows again has to fail. Shapes: N rows, D columns.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.judging.draws import copied_share, covers, new_rows
from src.judging.evaluation import estimate
from src.judging.held_out import HeldOut
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.preparation.judge import Judge
from src.tables.protocols import Split
from src.tables.table import Feature, Schema, Table

Array = NDArray[np.float64]
# From training rows, a number and a random generator, so many rows.
Generator = Callable[[Array, int, np.random.Generator], Array]

ROWS, FOLDS = 200, 5
# Fresh sets of rows that the truth about a generator is a mean over.
FRESH = 60
MEASURE, OTHER = TABLE["frechet_distance"], TABLE["kernel_distance"]
SCHEMA = Schema(
    type="generate",
    features=[Feature(name=name, type="numeric", encoding={"step": 1.0}) for name in "abc"],
    targets=[],
    classes=[],
    positive=None,
    groups=None,
    time=None,
    weights=None,
)


def population(count: int, rng: np.random.Generator) -> Array:
    """A ring of two numbers with noise, and a third that depends on both."""
    angle = rng.uniform(0, 2 * np.pi, count)
    numbers_ND = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle)])
    return np.asarray((1_000 * numbers_ND + rng.normal(0, 150, (count, 3))).round())


def copies(learnt: Array, count: int, rng: np.random.Generator) -> Array:
    return learnt[rng.choice(len(learnt), count)]


def half_copies(learnt: Array, count: int, rng: np.random.Generator) -> Array:
    return np.where(rng.random((count, 1)) < 0.5, copies(learnt, count, rng), population(count, rng))


def near_copies(learnt: Array, count: int, rng: np.random.Generator) -> Array:
    return np.asarray((copies(learnt, count, rng) + rng.normal(0, 15, (count, 3))).round())


def one_half(learnt: Array, count: int, rng: np.random.Generator) -> Array:
    """From the population, but never with the first number below 0."""
    rows_ND = population(4 * count, rng)
    return rows_ND[rows_ND[:, 0] > 0][:count]


GENERATORS: dict[str, Generator] = {
    "the population itself": lambda learnt, count, rng: population(count, rng),
    "training rows again": copies,
    "half of them training rows": half_copies,
    "training rows with a little noise": near_copies,
    "half of the population": one_half,
}


def places(rows_ND: Array) -> Array:
    """Numbers in cells, as `src.inputs.places` has them."""
    x_NI = np.zeros((len(rows_ND), 2 * rows_ND.shape[1]))
    x_NI[:, ::2] = rows_ND
    return x_NI


def judged(generator: Generator, seed: int) -> HeldOut:
    """Folds of one draw from the population, in each of which the generator sees the training rows."""
    rng = np.random.default_rng(seed)
    rows_ND, fold_N = population(ROWS, rng), rng.permutation(ROWS) % FOLDS
    splits, statistics = [], []
    for fold in range(FOLDS):
        learnt, held_out = rows_ND[fold_N != fold], rows_ND[fold_N == fold]
        judge = Judge.fit(SCHEMA, places(learnt), places(held_out))
        splits.append(Split(0, fold, np.flatnonzero(fold_N != fold), np.flatnonzero(fold_N == fold)))
        statistics.append(judge.statistics(places(generator(learnt, judge.draws, rng))))
    return HeldOut(splits, statistics)


def distances(held_out: list[HeldOut], measure: Measure) -> Array:
    """The measure of each set of rows, a mean over its folds."""
    values = [[measure.value_of(s_VS, np.ones(len(s_VS))) for s_VS in one.predictions] for one in held_out]
    return np.mean(values, axis=1)


def truth(generator: Generator, seed: int) -> float:
    """The measure of the generator, a mean over folds of many fresh draws from the population."""
    fresh = [judged(generator, seed + 1_000_000 + number) for number in range(FRESH)]
    return float(distances(fresh, MEASURE).mean())


def figures(problems: int, seed: int) -> list[dict[str, Any]]:
    """What was said of each generator on so many draws from the population."""
    table = Table(SCHEMA, pd.DataFrame(index=range(ROWS)), np.empty((ROWS, 0)), np.ones(ROWS), np.arange(ROWS))
    lines = []
    for name, generator in GENERATORS.items():
        true = truth(generator, seed)
        held_out = [judged(generator, seed + problem) for problem in range(problems)]
        intervals = [estimate(one, table, MEASURE) for one in held_out]
        lines.append(
            {
                "generator": name,
                "distance": float(np.mean([interval.value for interval in intervals])),
                "true_distance": true,
                "spread": float(distances(held_out, MEASURE).std()),
                "kernel_distance": float(distances(held_out, OTHER).mean()),
                "kernel_spread": float(distances(held_out, OTHER).std()),
                "interval_holds_it": float(np.mean([each.low <= true <= each.high for each in intervals])),
                "copied": float(np.mean([copied_share(one)[0].value for one in held_out])),
                "new_rows": float(np.mean([new_rows(one).holds for one in held_out])),
                "covers": float(np.mean([covers(one).holds for one in held_out])),
            }
        )
    return lines


def as_table(lines: list[dict[str, Any]]) -> str:
    """The figures as a table in Markdown."""
    head = (
        "| what is drawn | Fréchet distance | interval holds the truth | copied | `new_rows` | `covers` "
        "| Fréchet, spread | kernel, spread |"
    )
    rows = [
        f"| {line['generator']} | {line['distance']:.2f} | {line['interval_holds_it']:.0%} | {line['copied']:.0%} "
        f"| {line['new_rows']:.0%} | {line['covers']:.0%} "
        f"| {line['distance']:.2f} ± {line['spread']:.2f} "
        f"| {line['kernel_distance']:.2f} ± {line['kernel_spread']:.2f} |"
        for line in lines
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *rows])

"""Scores of a network's further heads, on the folds and the sealed test rows of the main target.

Shapes: N rows, V held-out rows of a fold, K outputs of a head.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from src.judging.baselines import common_sense
from src.judging.evaluation import compare, estimate, score_sealed_test
from src.judging.held_out import HeldOut
from src.models.measures import TABLE
from src.results.evaluate import HeadScore
from src.results.verdicts import HEAD, Verdict
from src.tables.protocols import Folds, Split
from src.tables.table import Table

Array = NDArray[np.float64]


def score_heads(
    table: Table,
    test: Table,
    predicted: Sequence[Array],
    p_test_NK: Array,
    folds: Folds,
    development: Folds,
    seed: int,
) -> tuple[list[HeadScore], list[Verdict]]:
    """The score of each further target, and whether it beats the best common sense on the development folds.

    predicted: predictions for the held-out rows of each fold, for all further targets side by side. p_test_NK: those
    for the sealed test rows, for all targets. A target's scores leave out the rows that lack it.
    """
    scores, verdicts, splits = [], [], list(folds)
    ends = np.cumsum([spec.outputs for spec in table.schema.head_specs[1:]])
    by_split = [np.split(p_VK, ends, axis=1) for p_VK in predicted]
    tests = table.schema.split(p_test_NK)[1:]
    for number, (head, p_test) in enumerate(zip(table.schema.heads, tests, strict=True)):
        alone, held_out = _only_target(table, number), [predictions[number] for predictions in by_split]
        known_N = np.isfinite(alone.y_NT[:, 0])
        measure, models = TABLE[head.measure], common_sense(alone.schema)
        known_splits = [_known(split, known_N) for split in splits]
        p_known = [p_VK[known_N[split.validation]] for p_VK, split in zip(held_out, splits, strict=True)]
        network = HeldOut(known_splits, p_known)

        def sense(name: str, splits: Sequence[Split], models=models, table=alone) -> HeldOut:  # type: ignore[no-untyped-def]
            return HeldOut(splits, [models[name](table, split, seed) for split in splits])

        development_splits = [_known(split, known_N) for split in development]
        best = max(models, key=lambda name: measure.gain(sense(name, development_splits).value(alone, measure), 0.0))
        dummy = sense(best, known_splits)
        name = f"{HEAD}{head.name}_beats_common_sense"
        verdicts.append(compare(name, network, [dummy], f"common sense ({best})", alone, folds, measure, seed))
        test_alone = _only_target(test, number)
        known_test_N = np.isfinite(test_alone.y_NT[:, 0])
        p_known_test = p_test[known_test_N]
        scores.append(
            HeadScore(
                name=head.name,
                type=head.type,
                weight=head.weight,
                measure=measure.name,
                direction=measure.direction,
                common_sense=dummy.value(alone, measure),
                cross_validation=estimate(network, alone, measure),
                test=score_sealed_test(_rows(test_alone, known_test_N), p_known_test, measure)
                if known_test_N.any()
                else None,
            )
        )
    return scores, verdicts


def _only_target(table: Table, number: int) -> Table:
    """The table with one further target as its only one; NaN where a row lacks it."""
    return replace(table, schema=table.schema.questions[number + 1], y_NT=table.heads_NH[:, number : number + 1])


def _known(split: Split, known_N: NDArray[np.bool_]) -> Split:
    training, validation = (rows[known_N[rows]] for rows in (split.training, split.validation))
    return replace(split, training=training, validation=validation)


def _rows(table: Table, chosen_N: NDArray[np.bool_]) -> Table:
    return replace(
        table,
        frame=table.frame[chosen_N],
        y_NT=table.y_NT[chosen_N],
        w_N=table.w_N[chosen_N],
        rows_N=table.rows_N[chosen_N],
    )

"""How well the further heads of a network predict their targets, on the folds and the sealed test rows of the main one.

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
    """The score of each further target, and whether it beats the common sense that is best on the development folds.

    predicted: of the held-out rows of each of `folds`, for all further targets side by side. p_test_NK: of the sealed
    test rows, for all targets. Rows without a target have no part in its scores.
    """
    scores, verdicts, splits = [], [], list(folds)
    ends = np.cumsum([answer.outputs for answer in table.schema.answers[1:]])
    by_split = [np.split(p_VK, ends, axis=1) for p_VK in predicted]
    tests = table.schema.split(p_test_NK)[1:]
    for number, (head, p_test) in enumerate(zip(table.schema.heads, tests, strict=True)):
        asked, held_out = _asked(table, number), [of[number] for of in by_split]
        known_N = np.isfinite(asked.y_NT[:, 0])
        measure, models = TABLE[head.measure], common_sense(asked.schema)
        own = [_known(split, known_N) for split in splits]
        network = HeldOut(own, [p_VK[known_N[split.validation]] for p_VK, split in zip(held_out, splits, strict=True)])

        def sense(name: str, of: Sequence[Split], models=models, asked=asked) -> HeldOut:  # type: ignore[no-untyped-def]
            return HeldOut(of, [models[name](asked, split, seed) for split in of])

        first = [_known(split, known_N) for split in development]
        best = max(models, key=lambda name: measure.gain(sense(name, first).value(asked, measure), 0.0))
        dummy = sense(best, own)
        name = f"{HEAD}{head.name}_beats_common_sense"
        verdicts.append(compare(name, network, [dummy], f"common sense ({best})", asked, folds, measure, seed))
        tested = _asked(test, number)
        there = np.isfinite(tested.y_NT[:, 0])
        scores.append(
            HeadScore(
                name=head.name,
                type=head.type,
                weight=head.weight,
                measure=measure.name,
                direction=measure.direction,
                common_sense=dummy.value(asked, measure),
                cross_validation=estimate(network, asked, measure),
                test=score_sealed_test(_rows(tested, there), p_test[there], measure) if there.any() else None,
            )
        )
    return scores, verdicts


def _asked(table: Table, number: int) -> Table:
    """The table as if a further target were the only one; NaN where a row lacks it."""
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

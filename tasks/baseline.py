"""Step 5, beat a common-sense baseline: what scores without learning, and what a shallow model scores.

Both are scored on the development and on the evaluation folds, so that every later comparison is paired. Where
`evaluate` repeats the evaluation folds more often, it scores the best of each kind there, too.
"""

import logging
from collections.abc import Callable

import numpy as np

from src.baselines import Predictions, common_sense, shallow
from src.files import Layout
from src.kinds.kind import kind_of
from src.measures import TABLE, Measure
from src.problem.load import load_settings
from src.problem.steps import BaselineSettings
from src.protocols import Folds, Split, read_folds
from src.results import Baseline, FoldScores, Prepared, ReferenceScore, Verdict
from src.tables import Table, read_schema, read_table

log = logging.getLogger("workflow")


def baseline(layout: Layout) -> Baseline:
    """Score common sense and the shallow models and write `results/<problem>/baseline.json`."""
    settings = load_settings(layout, "baseline", BaselineSettings)
    prepared = Prepared.read(layout.result("prepare"))
    table = read_table(layout.train, read_schema(layout.train))
    folds = read_folds(layout.folds)
    folds["evaluation"] = folds["evaluation"].first(prepared.protocol.repeats)
    measure = TABLE[prepared.measure]

    def score(name: str, predict: Callable[[Split], Predictions]) -> ReferenceScore:
        log.info("baseline %s", name)
        scores = {key: _score(predict, of, table, measure) for key, of in folds.items()}
        return ReferenceScore(name=name, development=scores["development"], evaluation=scores["evaluation"])

    dummies = [
        score(name, lambda split, model=model: model(table, split, settings.seed))  # type: ignore[misc]
        for name, model in common_sense(table.schema).items()
    ]
    shallows = [
        score(name, lambda split, name=name: shallow(name, table, split, settings.seed))  # type: ignore[misc]
        for name in kind_of(table.schema.features).shallow[table.schema.type]
    ]
    best_dummy, best_shallow = _best(dummies, measure), _best(shallows, measure)
    result = Baseline(
        measure=measure.name,
        direction=measure.direction,
        common_sense=best_dummy,
        shallow=best_shallow,
        common_sense_all=dummies,
        shallow_all=shallows,
        verdicts=[
            Verdict(
                name="shallow_model_beats_common_sense",
                holds=measure.better(best_shallow.development.mean, best_dummy.development.mean),
                evidence=f"{measure.title} on the development folds: {best_shallow.name} "
                f"{best_shallow.development.mean:.4g}, common sense ({best_dummy.name}) "
                f"{best_dummy.development.mean:.4g}",
            )
        ],
    )
    result.write(layout.result("baseline"))
    return result


def _score(predict: Callable[[Split], Predictions], folds: Folds, table: Table, measure: Measure) -> FoldScores:
    scores = [
        measure.value(table.y_NT[split.validation], predict(split), table.w_N[split.validation]) for split in folds
    ]
    return FoldScores(mean=float(np.mean(scores)), scores=scores)


def _best(references: list[ReferenceScore], measure: Measure) -> ReferenceScore:
    best = references[0]
    for reference in references[1:]:
        if measure.better(reference.development.mean, best.development.mean):
            best = reference
    return best


if __name__ == "__main__":
    from tasks.cli import main

    main(baseline)

"""Step 5, set the baseline to beat: the scores of common sense, which learns nothing, and of shallow models.

Both are scored on the development folds and on the evaluation folds, so that every later comparison is paired. Where
`evaluate` repeats the evaluation folds more often, it scores the best common sense and shallow model there, too.
"""

import logging
from collections.abc import Callable
from typing import Literal

from src.core.files import Layout
from src.judging.baselines import Predictions, common_sense, shallow, shallow_models
from src.judging.evaluation import compare
from src.judging.held_out import HeldOut
from src.judging.printer import worded
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.problem.load import load_settings
from src.problem.steps import BaselineSettings
from src.results.baseline import Baseline, FoldScores, RivalScore
from src.results.data import Prepared
from src.tables.protocols import Split, read_folds
from src.tables.table import Table, read_schema, read_table

log = logging.getLogger("workflow")
Reference = dict[Literal["development", "evaluation"], HeldOut]


def baseline(layout: Layout) -> Baseline:
    """Score common sense and the shallow models; write `results/<problem>/baseline.json`."""
    settings = load_settings(layout, "baseline", BaselineSettings)
    prepared = Prepared.read(layout.result("prepare"))
    table = read_table(layout.train, read_schema(layout.train))
    folds = read_folds(layout.folds, len(table))
    folds["evaluation"] = folds["evaluation"].first(prepared.protocol.repeats)
    measure = TABLE[prepared.measure]
    measures = {"development": measure.in_each_fold(), "evaluation": measure}

    def predicted(name: str, predict: Callable[[Split], Predictions]) -> Reference:
        log.info("baseline %s", name)
        return {key: HeldOut(list(splits), [predict(split) for split in splits]) for key, splits in folds.items()}

    dummies = {
        name: predicted(name, lambda split, model=model: model(table, split, settings.seed))  # type: ignore[misc]
        for name, model in common_sense(table.schema).items()
    }
    shallows = {
        name: predicted(name, lambda split, name=name: shallow(name, table, split, settings.seed))  # type: ignore[misc]
        for name in shallow_models(table.schema)
    }
    scored = {
        name: RivalScore(
            name=name, **{key: _score(held_out, table, measures[key]) for key, held_out in reference.items()}
        )
        for name, reference in (dummies | shallows).items()
    }
    best_dummy = _best([scored[name] for name in dummies], measure)
    best_shallow = _best([scored[name] for name in shallows], measure)
    if table.schema.problem_type.shallow_by is not None:
        chooser = TABLE[table.schema.problem_type.shallow_by]
        values = {name: shallows[name]["development"].value(table, chooser.in_each_fold()) for name in shallows}
        best_shallow = scored[max(values, key=lambda name: chooser.gain(values[name], 0.0))]
    result = worded(
        Baseline(
            measure=measure.name,
            direction=measure.direction,
            common_sense=best_dummy,
            shallow=best_shallow,
            common_sense_all=[scored[name] for name in dummies],
            shallow_all=[scored[name] for name in shallows],
            verdicts=[
                compare(
                    "shallow_model_beats_common_sense",
                    shallows[best_shallow.name]["development"],
                    [dummies[best_dummy.name]["development"]],
                    f"common sense ({best_dummy.name})",
                    table,
                    folds["development"],
                    measures["development"],
                    settings.seed,
                    f"shallow model ({best_shallow.name})",
                    "the development folds",
                    chosen_here=len(shallows) > 1,
                )
            ],
        )
    )
    result.write(layout.result("baseline"))
    return result


def _score(held_out: HeldOut, table: Table, measure: Measure) -> FoldScores:
    return FoldScores(mean=held_out.value(table, measure), scores=held_out.scores(table, measure).tolist())


def _best(references: list[RivalScore], measure: Measure) -> RivalScore:
    best = references[0]
    for reference in references[1:]:
        if measure.better(reference.development.mean, best.development.mean):
            best = reference
    return best


if __name__ == "__main__":
    from tasks.cli import main

    main(baseline)

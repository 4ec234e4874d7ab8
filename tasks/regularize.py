"""Step 7, regularize and tune: a search of a stated budget, and Occam's choice among the best.

Book: "Regularizing and tuning your model". The number of epochs is a hyperparameter like the others: it is read off
the mean validation curve of the development folds, and `evaluate` scores it on folds drawn afresh.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from src.files import Layout, atomic_file
from src.halving import search
from src.kinds.kind import kind_of
from src.measures import TABLE
from src.problem.load import load_settings
from src.problem.steps import RegularizeSettings
from src.problem.training import Engine
from src.protocols import read_folds
from src.results import Baseline, FoldScores, Overfit, Prepared, Regularize, Verdict
from src.search import Scored, candidates_of, difference_error, one_standard_error_rule, standard_error
from src.tables import read_schema, read_table
from src.wording import candidate_text, network_text


def regularize(layout: Layout) -> Regularize:
    """Search on the development folds by successive halving; write candidates.csv and regularize.json."""
    settings = load_settings(layout, "regularize", RegularizeSettings)
    engine = load_settings(layout, "engine", Engine)
    prepared = Prepared.read(layout.result("prepare"))
    common_sense = Baseline.read(layout.result("baseline")).common_sense.development.mean
    climbed = Overfit.read(layout.result("overfit"))
    table = read_table(layout.train, read_schema(layout.train))
    splits = list(read_folds(layout.folds)["development"])
    measure = TABLE[prepared.measure]

    candidates = candidates_of(climbed.rungs, climbed.chosen, settings, table)
    [scored] = search(candidates, [splits], table, measure, engine, settings.seed, "search")
    best, chosen, error = one_standard_error_rule(scored, measure)

    plain, options = scored[0], kind_of(table.schema.features).options(table.schema.features)
    result = Regularize(
        measure=measure.name,
        direction=measure.direction,
        candidates=len(candidates),
        finalists=sum(not of.dropped for of in scored),
        trainings=len(candidates) * len(splits),
        epochs=len(splits) * sum(of.trained for of in scored),
        epochs_without_halving=len(splits) * sum(of.epochs for of in candidates),
        best=best.candidate,
        best_score=FoldScores(mean=best.mean, scores=best.scores_J.tolist()),
        chosen=chosen.candidate,
        chosen_score=FoldScores(mean=chosen.mean, scores=chosen.scores_J.tolist()),
        standard_error=error,
        verdicts=[
            Verdict(
                name="regularization_helps",
                holds=chosen is not plain and not measure.better(plain.mean, chosen.mean),
                evidence=f"{measure.title} on the development folds: chosen ({candidate_text(chosen.candidate)}) "
                f"{chosen.mean:.4g}; the same search's unregularized ({candidate_text(plain.candidate)}) "
                f"{plain.mean:.4g}; best of {len(candidates)} candidates {best.mean:.4g}",
            ),
            Verdict(
                name="still_beats_the_baseline",
                holds=measure.better(chosen.mean, common_sense),
                evidence=f"{measure.title} on the development folds: chosen {chosen.mean:.4g}, "
                f"common sense {common_sense:.4g}",
            ),
        ],
    )
    _write_candidates(layout, scored, best, chosen, options)
    result.write(layout.result("regularize"))
    return result


def _write_candidates(
    layout: Layout, scored: list[Scored], best: Scored, chosen: Scored, options: Mapping[str, Sequence[Any]]
) -> None:
    """A network that does not name one of the `options` does without it, which is that option's first value."""
    rows = []
    for number, one in enumerate(scored):
        c = one.candidate
        rows.append(
            {
                "candidate": number,
                "network": network_text(c.network),
                "parameters": one.parameters,
                "dropout": c.network["dropout"],
                **{name: c.network.get(name, values[0]) for name, values in options.items()},
                "l1": c.l1,
                "l2": c.l2,
                "learning_rate": c.learning_rate,
                "optimizer": c.optimizer,
                "batch_size": c.batch_size,
                "epochs": c.epochs,
                "trained_epochs": one.trained,
                "dropped": one.dropped,
                "mean": one.mean,
                "standard_error": standard_error(one.scores_J),
                "difference_error": difference_error(best, one),
                "best": one is best,
                "chosen": one is chosen,
            }
            | {f"fold_{j + 1}": score for j, score in enumerate(one.scores_J)}
        )
    with atomic_file(layout.results / "candidates.csv") as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.8g")


if __name__ == "__main__":
    from tasks.cli import main

    main(regularize)

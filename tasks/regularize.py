"""Step 7, regularize and tune: search with a stated budget, and choose the simplest of the best (Occam's razor).

Book: "Regularizing and tuning your model". The number of epochs is a hyperparameter like the others: the search reads
it off the mean validation curve of the development folds, and `evaluate` scores it on fresh folds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from src.core.files import Layout, atomic_file
from src.judging.baselines import common_sense, searched_sense
from src.judging.evaluation import compare_scores, left_out
from src.judging.printer import worded
from src.kinds.registry import kind_of
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.problem.load import load_settings
from src.problem.steps import RegularizeSettings
from src.problem.training import Engine
from src.results.baseline import Baseline, FoldScores, RivalScore
from src.results.data import Prepared
from src.results.networks import Overfit, Regularize
from src.results.verdicts import Verdict
from src.results.wording import candidate_text
from src.search.candidates import (
    Scored,
    best_unregularized,
    candidates_of,
    difference_error,
    is_unregularized,
    one_standard_error_rule,
    standard_error,
)
from src.search.halving import search
from src.tables.protocols import Split, read_folds
from src.tables.table import Table, read_schema, read_table
from src.training.pretraining import with_initial_weights


def regularize(layout: Layout) -> Regularize:
    """Search on the development folds by successive halving; write candidates.csv and regularize.json."""
    settings = load_settings(layout, "regularize", RegularizeSettings)
    engine = load_settings(layout, "engine", Engine)
    prepared = Prepared.read(layout.result("prepare"))
    baseline = Baseline.read(layout.result("baseline"))
    climbed = Overfit.read(layout.result("overfit"))
    table = read_table(layout.train, read_schema(layout.train))
    splits = list(read_folds(layout.folds, len(table))["development"])
    reference = searched_sense(baseline.common_sense, prepared, table, splits, settings.seed)
    measure = TABLE[prepared.searched_by]

    candidates = candidates_of(climbed.rungs, climbed.chosen, settings, table)
    table = with_initial_weights(table, candidates, engine, settings.seed)
    [scored] = search(candidates, [splits], table, measure, engine, settings.seed, "search")
    best, chosen, error = one_standard_error_rule(scored, measure)

    options = kind_of(table.schema.features).options(table.schema.features)
    result = worded(
        Regularize(
            measure=measure.name,
            direction=measure.direction,
            candidates=len(candidates),
            finalists=sum(not candidate.dropped for candidate in scored),
            trainings=len(candidates) * len(splits),
            epochs=len(splits) * sum(candidate.trained for candidate in scored),
            epochs_without_halving=len(splits) * sum(candidate.epochs for candidate in candidates),
            best=best.candidate,
            best_score=FoldScores(mean=best.mean, scores=best.scores_J.tolist()),
            chosen=chosen.candidate,
            chosen_score=FoldScores(mean=chosen.mean, scores=chosen.scores_J.tolist()),
            standard_error=error,
            verdicts=[
                helps(chosen, scored, splits, table, measure),
                _still_beats(chosen, reference, splits, table, measure, settings.seed),
            ],
        )
    )
    _write_candidates(layout, scored, best, chosen, options)
    result.write(layout.result("regularize"))
    return result


def helps(chosen: Scored, scored: Sequence[Scored], splits: Sequence[Split], table: Table, measure: Measure) -> Verdict:
    """Whether the chosen candidate is better than the best unregularized one of the same search.

    Both are tuned: the two may differ in capacity, learning rate and epochs, too.
    """
    name, called = "regularizing_and_tuning_helps", f"chosen ({candidate_text(chosen.candidate)})"
    if is_unregularized(chosen, scored[0]):
        return Verdict(name=name, holds=False, evidence=f"the search chose no regularization: {called}")
    plain = best_unregularized(scored, measure)
    if plain is None:
        evidence = f"{called} was trained; without regularization all trainings diverged"
        return Verdict(name=name, holds=True, evidence=evidence)
    tried = sum(is_unregularized(each, scored[0]) for each in scored)
    reference = f"best of {tried} candidates without regularization" if tried > 1 else "the one without regularization"
    dropped = f", dropped after epoch {plain.trained}" if plain.dropped else ""
    unregularized = f"{reference} ({candidate_text(plain.candidate)}{dropped})"
    gains_B = None
    if chosen.left_out_B is not None and plain.left_out_B is not None:
        gains_B = measure.gain(chosen.left_out_B, plain.left_out_B)
    pair = (called, chosen.scores_J), (unregularized, plain.scores_J)
    return compare_scores(name, *pair, splits, table, measure, gains_B)


def _still_beats(
    chosen: Scored, reference: RivalScore, splits: Sequence[Split], table: Table, measure: Measure, seed: int
) -> Verdict:
    gains_B = None
    if chosen.left_out_B is not None:
        p_VK = common_sense(table.schema)[reference.name](table, splits[0], seed)
        gains_B = measure.gain(chosen.left_out_B, left_out(p_VK, splits[0], table, measure))
    sense = f"common sense ({reference.name})", np.array(reference.development.scores)
    pair = ("chosen", chosen.scores_J), sense
    return compare_scores("still_beats_the_baseline", *pair, splits, table, measure, gains_B)


def _write_candidates(
    layout: Layout, scored: list[Scored], best: Scored, chosen: Scored, options: Mapping[str, Sequence[Any]]
) -> None:
    """Write candidates.csv. A network that does not name one of the `options` has that option's first value, off."""
    candidates = [one.candidate for one in scored]
    pretrains = any(c.pretrained != "none" for c in candidates)
    usual = {"schedule": "constant", "loss": "auto", "label_smoothing": 0.0, "weight_decay": 0.0}
    shown = [name for name, value in usual.items() if any(getattr(c, name) != value for c in candidates)]
    rows = []
    for number, one in enumerate(scored):
        c = one.candidate
        rows.append(
            {
                "candidate": number,
                "network": c.network.text,
                "parameters": one.parameters,
                "dropout": c.network.dropout,
                **{name: c.network.settings.get(name, values[0]) for name, values in options.items()},
                "l1": c.l1,
                "l2": c.l2,
                "learning_rate": c.learning_rate,
                **{name: getattr(c, name) for name in shown},
                **({"pretrained": c.pretrained} if pretrains else {}),
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

"""Nested cross-validation: search again inside every outer fold, so that no row scores a choice that it influenced.

The plain protocol scores the chosen configuration on fresh folds of the rows that chose it, which is slightly
optimistic; the difference between the two is the optimism. The ladder of networks is climbed once, on all training
rows: it decides which capacities are searched, not which one is chosen. Sources: Stone 1974, "Cross-validatory choice
and assessment of statistical predictions"; Cawley and Talbot 2010, "On over-fitting in model selection and subsequent
selection bias in performance evaluation", JMLR 11.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.judging.committee import committees_of, held_out
from src.judging.held_out import HeldOut
from src.models.measures.measure import Measure
from src.problem.training import Engine
from src.results.networks import Candidate
from src.search.candidates import one_standard_error_rule
from src.search.halving import search
from src.tables.protocols import Folds, Split
from src.tables.table import Table
from src.training.fit import fit
from src.training.members import Member


@dataclass(frozen=True)
class NestedSearch:
    """The choice of the search inside each outer fold, and the predictions of these choices on the outer folds."""

    chosen: list[Candidate]
    held_out: HeldOut


def search_in_folds(
    candidates: Sequence[Candidate],
    outer: Sequence[Split],
    development: Folds,
    table: Table,
    measure: Measure,
    engine: Engine,
    seed: int,
    starts: Sequence[int],
) -> NestedSearch:
    """Search inside the training rows of each outer split, train the choice on them, and predict the held-out rows.

    starts: the seeds of a committee's networks. The inner folds are the development folds without the held-out rows, so
    that units stay together and classes keep their shares. All outer folds are searched at once.
    """
    inner = [inside(split, development) for split in outer]
    searches = search(candidates, inner, table, measure, engine, seed, "nested search")
    chosen = [one_standard_error_rule(scored, measure)[1].candidate for scored in searches]
    refits = [Member.of_split(c, split, s) for c, split in zip(chosen, outer, strict=True) for s in starts]
    results = fit(refits, table, measure, engine, "nested evaluate", final=True)
    return NestedSearch(chosen, held_out(outer, committees_of(results, len(starts)), table.schema.problem_type))


def inside(split: Split, development: Folds) -> list[Split]:
    """The development folds within one outer fold's training rows, numbered apart from those of other outer folds."""
    learns_N = np.zeros(development.fold_RN.shape[1], dtype=bool)
    learns_N[split.training] = True
    pairs = [
        (fold.training[learns_N[fold.training]], fold.validation[learns_N[fold.validation]]) for fold in development
    ]
    number = split.repeat * 1000 + split.fold
    return [Split(1 + number, fold, *pair) for fold, pair in enumerate(pairs) if len(pair[0]) and len(pair[1])]

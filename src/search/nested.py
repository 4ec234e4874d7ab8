"""Nested cross-validation: the whole search once more inside every outer fold, so that no row scores a choice it made.

The plain protocol scores the chosen configuration on fresh folds of the very rows that chose it, which is a little
optimistic; the difference between the two is the optimism. The ladder of networks is climbed once, on all training
rows: it settles which capacities are searched, not which is taken. Sources: Stone 1974, "Cross-validatory choice and
assessment of statistical predictions"; Cawley and Talbot 2010, "On over-fitting in model selection and subsequent
selection bias in performance evaluation", JMLR 11.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.judging.committee import committees_of, held_out
from src.judging.held_out import HeldOut
from src.models.measures import Measure
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
    """What the search chose inside each outer fold, and the choices' predictions on the outer folds."""

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

    The inner folds are the development folds without the rows that are held out, so that units stay together and
    classes keep their shares. starts: the seeds of a committee's networks. All outer folds are searched at once.
    """
    inner = [inside(split, development) for split in outer]
    found = search(candidates, inner, table, measure, engine, seed, "nested search")
    chosen = [one_standard_error_rule(scored, measure)[1].candidate for scored in found]
    refits = [Member.of_split(c, split, s) for c, split in zip(chosen, outer, strict=True) for s in starts]
    results = fit(refits, table, measure, engine, "nested evaluate")
    return NestedSearch(chosen, held_out(outer, committees_of(results, len(starts))))


def inside(split: Split, development: Folds) -> list[Split]:
    """The development folds of one outer fold's training rows; numbered apart from those of the other outer folds."""
    learns_N = np.zeros(development.fold_RN.shape[1], dtype=bool)
    learns_N[split.training] = True
    pairs = [(of.training[learns_N[of.training]], of.validation[learns_N[of.validation]]) for of in development]
    number = split.repeat * 1000 + split.fold
    return [Split(1 + number, fold, *pair) for fold, pair in enumerate(pairs) if len(pair[0]) and len(pair[1])]

"""The networks that scored the folds, averaged, as the final model instead of a committee refitted on all rows.

Such an ensemble has seen every training row, so its own folds cannot score it. What can be scored is how it is made:
inside the training rows of every evaluation fold, networks are trained on the inner folds and averaged, and predict the
rows held out; the refit on all of those training rows predicts the same ones. Sources: Breiman 1996, "Bagging
predictors", Machine Learning 24; on averaging cross-validation's own models: Krogh and Vedelsby 1995, "Neural network
ensembles, cross validation, and active learning".
"""

from collections.abc import Sequence

import numpy as np

from src.judging.held_out import HeldOut
from src.models.measures import Measure
from src.problem.training import Engine
from src.results.networks import Candidate
from src.search.nested import inside
from src.tables.protocols import Folds, Split
from src.tables.table import Table
from src.training.fit import fit
from src.training.members import Member


def score_fold_ensemble(
    candidates: Sequence[Candidate],
    outer: Sequence[Split],
    development: Folds,
    table: Table,
    measure: Measure,
    engine: Engine,
    starts: Sequence[int],
) -> HeldOut:
    """What ensembles made inside the training rows of each outer split say of the rows held out.

    candidates: that of each outer split. The inner folds are the development folds without the held-out rows. starts:
    the seeds of the networks of an inner fold.
    """
    inner = [
        [Split(of.repeat, of.fold, of.training, split.validation) for of in inside(split, development)]
        for split in outer
    ]
    members = [
        Member.of_split(candidate, split, start)
        for candidate, splits in zip(candidates, inner, strict=True)
        for split in splits
        for start in starts
    ]
    trained = iter(fit(members, table, measure, engine, "fold ensembles"))
    return HeldOut(
        outer,
        [np.mean([next(trained).predictions for _ in splits for _ in starts], axis=0) for splits in inner],
    )

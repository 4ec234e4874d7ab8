"""The average of the networks that scored the folds, as the final model instead of a committee refitted on all rows.

Such an ensemble has seen every training row, so its own folds cannot score it. But the procedure that makes it can be
scored: inside the training rows of every evaluation fold, train networks on the inner folds, average them, and predict
the held-out rows. The refit on all of those training rows predicts the same rows. Sources: Breiman 1996, "Bagging
predictors", Machine Learning 24; on averaging the models of cross-validation: Krogh and Vedelsby 1995, "Neural network
ensembles, cross validation, and active learning".
"""

from collections.abc import Sequence

import numpy as np

from src.judging.held_out import HeldOut
from src.models.measures.measure import Measure
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
    """The predictions of ensembles made inside the training rows of each outer split, for its held-out rows.

    candidates: one for each outer split. starts: the seeds of the networks of an inner fold. The inner folds are the
    development folds without the held-out rows.
    """
    inner = [
        [Split(part.repeat, part.fold, part.training, split.validation) for part in inside(split, development)]
        for split in outer
    ]
    members = [
        Member.of_split(candidate, split, start)
        for candidate, splits in zip(candidates, inner, strict=True)
        for split in splits
        for start in starts
    ]
    trained = iter(fit(members, table, measure, engine, "fold ensembles", final=True))
    return HeldOut(
        outer,
        [
            table.schema.problem_type.combined(np.stack([next(trained).predictions for _ in splits for _ in starts]))
            for splits in inner
        ],
    )

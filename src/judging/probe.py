"""A linear probe: how much a linear model makes of what a network says of rows before it has learnt from any target.

Source: Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes". Shapes: V held-out
rows, F numbers of a code.
"""

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from src.judging.baselines import fitted_to
from src.judging.fitted_shallow import answers_of
from src.judging.held_out import HeldOut
from src.kinds.tabular.shallow import SHALLOW
from src.preparation.fold import fit_fold
from src.results.networks import Candidate
from src.tables.protocols import Split
from src.tables.table import Table
from src.training.frozen import frozen_codes
from src.training.members import Member


def probe(candidate: Candidate, splits: Sequence[Split], table: Table, seed: int) -> HeldOut:
    """What a linear model of the codes says of the held-out rows of each split: a logistic regression, or for values a
    ridge regression. Codes are standardized by the training rows, which alone the model learns from."""
    return HeldOut(splits, [_probed(candidate, split, table, seed) for split in splits])


def _probed(candidate: Candidate, split: Split, table: Table, seed: int) -> np.ndarray:
    fold = fit_fold(table, split.training, split.validation)
    code_AF, code_VF = frozen_codes(Member.of_split(candidate, split, seed), fold, table)
    mean_F, scale_F = code_AF.mean(0), code_AF.std(0)
    x_AF, x_VF = ((code - mean_F) / np.where(scale_F > 0, scale_F, 1.0) for code in (code_AF, code_VF))
    asked = table.schema.questions[0].problem_type
    assert asked.family is not None
    recipe = SHALLOW[asked.family]["linear"]
    with threadpool_limits(1):  # the same bytes whatever the number of cores
        models = [fitted_to(recipe.estimator(seed, len(x_AF)), x_AF, y_A, fold.w_A) for y_A in fold.y_AT.T]
        columns = [answers_of(model, x_VF, len(table.schema.classes) or 2) for model in models]
    return fold.restore(asked.joined(columns))

"""How far a cross-validated estimate would be from that of other rows of the same kind, found out inside the rows.

The rows are dealt into two halves that share none, and each half is cross-validated by itself: the two values differ by
all that makes such an estimate uncertain, the rows that score, the rows that are learnt from, and what the folds'
models have in common. Half of the squared difference is, on average, the variance of an estimate from half of the rows;
with all of them it is half as large again, as variances go with 1/n. The mean is taken over many ways of halving.
Shapes: N rows, H rows of a half, P pairs of halves.

Where models are unstable, half of the rows make them more so, and the interval is rather too wide than too narrow. The
folds alone cannot tell: no estimate of the variance of K-fold cross-validation is unbiased on all problems (Bengio and
Grandvalet 2004, JMLR 5). Sources: Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning
52, section 4 (two halves that share no rows, dealt many times); McCarthy 1969, "Pseudo-replication: half samples",
Review of the International Statistical Institute 37; Politis, Romano and Wolf 1999, "Subsampling" (the rate).
"""

from collections.abc import Sequence

import numpy as np

from src.judging.held_out import HeldOut
from src.models.measures import Measure
from src.tables.protocols import Split, deal
from src.tables.table import Table

# Ways of dealing the rows into a pair of halves.
PAIRS = 20
# Splits of halves are numbered from here on, behind all repeats of the evaluation folds.
FIRST_REPEAT = 1_000


def half_samples(folds: int, table: Table, seed: int) -> list[list[Split]]:
    """The K-fold splits inside each half of the rows: two lists for each pair, one after the other.

    Rows of a group stay together, and both halves and all of their folds have each class's share.
    """
    units_N = table.units(np.arange(len(table)))
    strata_N = table.y_NT[:, 0].astype(np.intp) if table.schema.classes else None
    found = []
    for pair in range(PAIRS):
        half_N = deal(units_N, strata_N, [1 / 2, 1 / 2], seed + pair)
        for side in range(2):
            rows = np.flatnonzero(half_N == side)
            strata_H = None if strata_N is None else strata_N[rows]
            fold_H = deal(units_N[rows], strata_H, [1 / folds] * folds, seed + pair)
            repeat = FIRST_REPEAT + 2 * pair + side
            found.append([Split(repeat, k, rows[fold_H != k], rows[fold_H == k]) for k in range(folds)])
    return found


def half_sample_variance(halves: Sequence[HeldOut], table: Table, measure: Measure) -> float | None:
    """Variance of the cross-validated estimate from all rows, by what was predicted inside the halves, in their order.

    None where a training diverged in one of every two halves.
    """
    values_P2 = np.array([half.value(table, measure) for half in halves]).reshape(-1, 2)
    finite_P2 = values_P2[np.isfinite(values_P2).all(axis=1)]
    if not len(finite_P2):
        return None
    return float(np.mean((finite_P2[:, 0] - finite_P2[:, 1]) ** 2 / 2)) / 2

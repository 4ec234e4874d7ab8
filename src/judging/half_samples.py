"""The variance of a cross-validated estimate, from cross-validation inside halves of the rows.

The rows are split into two disjoint halves, and each half is cross-validated by itself. The two values differ by all
that makes such an estimate uncertain: the scored rows, the training rows, and what the folds' models have in common.
Half of the squared difference is, on average, the variance of an estimate from half of the rows. With all rows it is
half of that, because variances fall with 1/n. The mean is taken over many ways of halving.
Shapes: N rows, H rows of a half, P pairs of halves.

Unstable models are even less stable on half of the rows, so their interval is rather too wide than too narrow. The
folds alone cannot replace the halves: no estimate of the variance of K-fold cross-validation is unbiased on all
problems (Bengio and Grandvalet 2004, JMLR 5).

Sources:
- Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning 52, section 4 (disjoint halves).
- McCarthy 1969, "Pseudo-replication: half samples", Review of the International Statistical Institute 37.
- Politis, Romano and Wolf 1999, "Subsampling" (the rate).
"""

from collections.abc import Sequence

import numpy as np

from src.judging.held_out import HeldOut
from src.models.measures.measure import Measure
from src.tables.protocols import Split, deal
from src.tables.table import Table

# How often the rows are split into a pair of halves.
PAIRS = 20
# Splits of halves are numbered from here on, after all repeats of the evaluation folds.
FIRST_REPEAT = 1_000


def half_samples(folds: int, table: Table, seed: int) -> list[list[Split]]:
    """The K-fold splits inside each half of the rows: two lists for each pair, one after the other.

    Rows of a group stay together, and both halves and all of their folds have each class's share.
    """
    units_N = table.units(np.arange(len(table)))
    strata_N = table.y_NT[:, 0].astype(np.intp) if table.schema.classes else None
    halves = []
    for pair in range(PAIRS):
        half_N = deal(units_N, strata_N, [1 / 2, 1 / 2], seed + pair)
        for side in range(2):
            rows = np.flatnonzero(half_N == side)
            strata_H = None if strata_N is None else strata_N[rows]
            fold_H = deal(units_N[rows], strata_H, [1 / folds] * folds, seed + pair)
            repeat = FIRST_REPEAT + 2 * pair + side
            halves.append([Split(repeat, k, rows[fold_H != k], rows[fold_H == k]) for k in range(folds)])
    return halves


def half_sample_variance(halves: Sequence[HeldOut], table: Table, measure: Measure) -> float | None:
    """Variance of the cross-validated estimate from all rows, by the predictions inside the halves, pair by pair.

    None if every pair has a half in which a training diverged.
    """
    values_P2 = np.array([half.value(table, measure) for half in halves]).reshape(-1, 2)
    finite_P2 = values_P2[np.isfinite(values_P2).all(axis=1)]
    if not len(finite_P2):
        return None
    return float(np.mean((finite_P2[:, 0] - finite_P2[:, 1]) ** 2 / 2)) / 2

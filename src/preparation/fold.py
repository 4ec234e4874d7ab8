"""One fold as numbers: everything is fitted to the fold's training rows alone.

Shapes: A training rows, V validation rows, D inputs, T target columns, H further targets.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from src.inputs.sparse import Inputs
from src.kinds.registry import kind_of
from src.kinds.vectorizers import Vectorizer
from src.models.types.registry import TYPES
from src.preparation.judge import Judge
from src.preparation.targets import TargetScaler
from src.tables.table import Table

Floats = NDArray[np.float32]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class FoldArrays:
    """Inputs, encoded targets (unbounded ones standardized) and weights of training and validation rows.

    start: initial values for the first rows of some weights, by the weights' names; NaN, like whatever is not listed,
    starts at random. further_AH, further_VH: further targets, encoded likewise, NaN where a row lacks one. judge: of
    the rows that models draw, where they are judged by these.
    """

    vectorizer: Vectorizer
    target_scaler: TargetScaler | None
    x_AD: Inputs
    y_AT: Floats
    w_A: Floats
    x_VD: Inputs
    y_VT: Floats
    w_V: Floats
    further_scalers: list[TargetScaler | None]
    further_AH: Floats
    further_VH: Floats
    start: dict[str, Floats] = field(default_factory=dict)
    judge: Judge | None = None

    def restore(self, p_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predictions in the target's own unit."""
        return p_NK if self.target_scaler is None else self.target_scaler.restore(p_NK)


def fit_fold(table: Table, training: Index, validation: Index) -> FoldArrays:
    """Fit vectorizer (see `fit_vectorizer`) and target scaler on the training rows and apply them to the others."""
    learnt, held_out = table.frame.iloc[training], table.frame.iloc[validation]
    kind = kind_of(table.schema.features)
    vectorizer = fit_vectorizer(table, training)
    y_AT, y_VT = table.y_NT[training], table.y_NT[validation]
    scaler = TargetScaler.fit(y_AT) if table.schema.problem_type.unbounded else None
    if scaler is not None:
        y_AT, y_VT = scaler.transform(y_AT), scaler.transform(y_VT)
    further_scalers, further_NH = _further(table, training)
    x_AD, x_VD = vectorizer.transform(learnt), vectorizer.transform(held_out)
    return FoldArrays(
        vectorizer=vectorizer,
        target_scaler=scaler,
        x_AD=x_AD,
        y_AT=y_AT.astype(np.float32),
        w_A=table.w_N[training].astype(np.float32),
        x_VD=x_VD,
        y_VT=y_VT.astype(np.float32),
        w_V=table.w_N[validation].astype(np.float32),
        further_scalers=further_scalers,
        further_AH=further_NH[training],
        further_VH=further_NH[validation],
        start=kind.constants(vectorizer) | ({} if table.vectors is None else kind.start(vectorizer, table.vectors)),
        judge=Judge.fit(table.schema, x_AD, x_VD) if table.schema.problem_type.generates else None,
    )


def fit_vectorizer(table: Table, training: Index) -> Vectorizer:
    """Fitted on the training rows; on the rows without a target where there are some.

    No fold holds those out, and weights that were learnt from them fit only the inputs that they had.
    """
    rows = table.frame.iloc[training] if table.unlabelled is None else table.unlabelled
    fitted: Vectorizer = kind_of(table.schema.features).vectorizer.fit(rows, table.schema.features)
    return fitted


def _further(table: Table, training: Index) -> tuple[list[TargetScaler | None], Floats]:
    """The further targets of all rows, unbounded ones standardized by the training rows that have them."""
    scalers: list[TargetScaler | None] = []
    y_NH = table.heads_NH
    for column, head in enumerate(table.schema.heads):
        y_N1 = y_NH[:, column : column + 1]
        known_A = training[np.isfinite(y_N1[training, 0])]
        scalers.append(TargetScaler.fit(y_N1[known_A]) if TYPES[head.type].unbounded else None)
        if scalers[-1] is not None:
            y_NH[:, column : column + 1] = scalers[-1].transform(y_N1)
    return scalers, y_NH.astype(np.float32)

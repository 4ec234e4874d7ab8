"""What any network must beat: common sense, and shallow models on the same vectorized inputs.

Book: "Beating a baseline" (common sense), and the advice to try simple machine learning before deep learning.
Shapes: V validation rows, K outputs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.kinds.kind import kind_of
from src.preprocessing.fold import FoldArrays, fit_fold
from src.problem.terms import ProblemType
from src.protocols import Split
from src.tables import Schema, Table

Predictions = NDArray[np.float64]
CommonSense = Callable[[Table, Split, int], Predictions]

# Shallow models learn from so many rows at most, evenly spaced: beyond, mostly the waiting grows.
SHALLOW_ROWS = 200_000


def _class_shares(table: Table, split: Split) -> Predictions:
    """Weighted shares of the classes or labels among the training rows, (1, K)."""
    y_AT, w_A = table.y_NT[split.training], table.w_N[split.training]
    if table.schema.type == "multiclass":
        y_AT = y_AT == np.arange(table.schema.outputs)
    return np.average(y_AT, axis=0, weights=w_A)[None]


def majority(table: Table, split: Split, seed: int) -> Predictions:
    """Always the most frequent class; as probabilities, the classes' shares."""
    return np.repeat(_class_shares(table, split), len(split.validation), axis=0)


def stratified(table: Table, split: Split, seed: int) -> Predictions:
    """Classes drawn at random by their shares."""
    rng = np.random.default_rng([seed, split.repeat, split.fold])
    shares_1K = _class_shares(table, split)
    if table.schema.type == "multiclass":
        return rng.multinomial(1, shares_1K[0], size=len(split.validation)).astype(np.float64)
    return (rng.random((len(split.validation), shares_1K.shape[1])) < shares_1K).astype(np.float64)


def median(table: Table, split: Split, seed: int) -> Predictions:
    """Always the weighted median of the training rows: the best constant for the absolute error."""
    y_AT, w_A = table.y_NT[split.training], table.w_N[split.training]
    lower_T = np.quantile(y_AT, 0.5, axis=0, weights=w_A, method="inverted_cdf")
    upper_T = -np.quantile(-y_AT, 0.5, axis=0, weights=w_A, method="inverted_cdf")
    return np.repeat((lower_T + upper_T)[None] / 2, len(split.validation), axis=0)


def mean(table: Table, split: Split, seed: int) -> Predictions:
    """Always the mean of the training rows: the best constant for the squared error."""
    value_T = np.average(table.y_NT[split.training], axis=0, weights=table.w_N[split.training])
    return np.repeat(value_T[None], len(split.validation), axis=0)


def last_value(table: Table, split: Split, seed: int) -> Predictions:
    """Persistence: always what was true at the latest moment of the training rows."""
    moments = table.frame[table.schema.time].iloc[split.training].to_numpy()
    latest = split.training[moments == moments.max()]
    y_NT = table.y_NT[latest]
    if table.schema.type == "multiclass":
        y_NT = (y_NT == np.arange(table.schema.outputs)).astype(np.float64)
    return np.repeat(y_NT.mean(axis=0)[None], len(split.validation), axis=0)


_CLASSES: dict[str, CommonSense] = {"majority": majority, "stratified": stratified}
_VALUES: dict[str, CommonSense] = {"median": median, "mean": mean}
COMMON_SENSE: dict[ProblemType, dict[str, CommonSense]] = {
    "binary": _CLASSES,
    "multiclass": _CLASSES,
    "multilabel": _CLASSES,
    "regression": _VALUES,
    "unit_interval_regression": _VALUES,
}


def common_sense(schema: Schema) -> dict[str, CommonSense]:
    """The common-sense models of a problem: of its type, in time order the last value, and of its kind of input."""
    models = COMMON_SENSE[schema.type] | kind_of(schema.features).common_sense(schema)
    return models if schema.time is None else {**models, "last_value": last_value}


def shallow(name: str, table: Table, split: Split, seed: int) -> Predictions:
    """Predictions_VK of a shallow model fitted on the split's training rows, one model per output where needed."""
    every = -(-len(split.training) // SHALLOW_ROWS)
    kind = kind_of(table.schema.features)
    schema = table.schema.model_copy(update={"features": kind.shallow_features(table.schema.features)})
    fold = fit_fold(replace(table, schema=schema, vectors=None), split.training[::every], split.validation)
    make = kind.shallow[table.schema.type][name]
    classes = len(table.schema.classes) or 2
    columns = [_fit_column(make(seed), fold, fold.y_AT[:, t], classes) for t in range(fold.y_AT.shape[1])]
    if table.schema.type == "multiclass":
        return columns[0]
    p_VK = np.column_stack([p_VC[:, -1] for p_VC in columns])
    if table.schema.type == "unit_interval_regression":
        return np.clip(p_VK, 0, 1)
    return fold.restore(p_VK)


def _fit_column(model: Any, fold: FoldArrays, y_A: NDArray[np.float32], classes: int) -> Predictions:
    """One target column: values (V, 1), or probabilities (V, classes), 0 for a class that no training row has."""
    # Equal weights are left out: with weights, scikit-learn's histogram binning takes seventy times as long.
    w_A = None if np.ptp(fold.w_A) == 0 else fold.w_A
    if not hasattr(model, "predict_proba"):
        return model.fit(fold.x_AD, y_A, sample_weight=w_A).predict(fold.x_VD)[:, None]
    p_VC = np.zeros((len(fold.x_VD), classes))
    known = np.unique(y_A).astype(np.intp)
    p_VC[:, known] = model.fit(fold.x_AD, y_A, sample_weight=w_A).predict_proba(fold.x_VD) if len(known) > 1 else 1.0
    return p_VC

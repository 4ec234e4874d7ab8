"""What any network must beat: common sense, and shallow models on the same vectorized inputs.

Book: "Beating a baseline" (common sense), and the advice to try simple machine learning before deep learning.
Shapes: V validation rows, K outputs.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.inputs.clusters import CLUSTER, HALVES
from src.inputs.pictures import ClassedPictures
from src.judging.fitted_shallow import FittedShallow, ShallowSetup, statistics_of
from src.judging.held_out import HeldOut
from src.kinds.registry import kind_of
from src.kinds.shallow import PLAIN, Shallow
from src.kinds.views import View, seen
from src.models.by_class import ByClass
from src.models.measures import TABLE
from src.models.types.problem_type import CommonSense as Rule
from src.models.types.problem_type import Estimator
from src.preparation.fold import fit_fold
from src.preparation.judge import Judge
from src.results.baseline import FoldScores, RivalScore
from src.results.data import Prepared
from src.results.evaluate import ShallowSettings
from src.tables.protocols import Split
from src.tables.table import Schema, Table

Predictions = NDArray[np.float64]
CommonSense = Callable[[Table, Split, int], Predictions]

# Shallow models learn from so many rows at most, evenly spaced: more rows mostly cost time.
SHALLOW_ROWS = 200_000


def _without_inputs(rule: Rule, table: Table, split: Split, seed: int) -> Predictions:
    """What a rule of the problem's type says of the validation rows."""
    truth_AK = table.schema.problem_type.perfect_predictions(table.y_NT[split.training], table.schema.outputs)
    return rule(truth_AK, table.w_N[split.training], len(split.validation), _draws_of(split, seed))


def _of_rows(make: Estimator, table: Table, split: Split, seed: int) -> Predictions:
    """The answers for the validation rows of an estimator that is fitted to the inputs of the training rows."""
    view = flat_view(table.schema)

    def answers(split: Split, seed: int) -> Predictions:
        fold = fit_fold(table, split.training, split.validation)
        estimator = make(seed, len(fold.w_A), table.schema.described_by)
        fitted = fitted_to(estimator, seen(fold.x_AD, view), None, fold.w_A)
        if fold.judge is not None:
            return fold.judge.statistics(fitted.sample(fold.judge.draws, _draws_of(split, seed)))
        return statistics_of(fitted, seen(fold.x_VD, view))

    return _with_halves(answers, table, split, seed)


def last_value(table: Table, split: Split, seed: int) -> Predictions:
    """Persistence: always what was true at the latest moment of the training rows."""
    moments = table.frame[table.schema.time].iloc[split.training].to_numpy()
    latest = split.training[moments == moments.max()]
    truth_NK = table.schema.problem_type.perfect_predictions(table.y_NT[latest], table.schema.outputs)
    return np.repeat(truth_NK.mean(axis=0)[None], len(split.validation), axis=0)


def common_sense(schema: Schema) -> dict[str, CommonSense]:
    """The common-sense models of a problem: of its type, in time order the last value, and of its kind of input."""
    models: dict[str, CommonSense] = {
        name: partial(_without_inputs, rule) for name, rule in schema.problem_type.common_sense.items()
    }
    asked, kind = schema.problem_type, kind_of(schema.features)
    of_rows = {**asked.of_rows, **kind.of_rows.get(asked.networks, {})}
    models |= {name: partial(_of_rows, make) for name, make in of_rows.items()}
    models |= kind.common_sense(schema)
    return models if schema.time is None or not schema.targets else {**models, "last_value": last_value}


def searched_sense(
    reference: RivalScore, prepared: Prepared, table: Table, folds: Sequence[Split], seed: int
) -> RivalScore:
    """The scores of common sense on the development folds, by the measure that the search goes by."""
    if prepared.searched_by == prepared.measure:
        return reference
    model, measure = common_sense(table.schema)[reference.name], TABLE[prepared.searched_by]
    scores = HeldOut(folds, [model(table, split, seed) for split in folds]).scores(table, measure)
    development = FoldScores(mean=float(scores.mean()), scores=scores.tolist())
    return reference.model_copy(update={"development": development})


def shallow_models(schema: Schema) -> dict[str, Shallow]:
    """The shallow models of a problem: of its kind of input, or without targets those of its type."""
    asked, kind = schema.problem_type, kind_of(schema.features)
    if asked.family is not None:
        return kind.shallow[asked.family]
    return {
        name: Shallow(partial(_with_code, make, schema.described_by), view=flat_view(schema))
        for name, make in asked.shallow.items()
    }


def flat_view(schema: Schema) -> View:
    return kind_of(schema.features).flat.get(schema.problem_type.networks, PLAIN)


def _with_code(make: Estimator, code: int, seed: int, rows: int) -> Any:
    return make(seed, rows, code)


def fit_shallow(name: str, table: Table, training: NDArray[np.intp], seed: int) -> FittedShallow:
    """The shallow model of that name, fitted on these rows of the table."""
    kind, asked = kind_of(table.schema.features), table.schema.questions[0]
    recipe = shallow_models(asked)[name]
    schema = asked.model_copy(update={"features": kind.shallow_features(asked.features)})
    every = _every(len(training), SHALLOW_ROWS)
    fold = fit_fold(replace(table, schema=schema, vectors=None), training[::every], training[:0])
    every = _every(len(fold.y_AT), recipe.most_rows)
    x_AD = seen(fold.x_AD if every == 1 else fold.x_AD[::every], recipe.view)
    y_AT, w_A = fold.y_AT[::every], fold.w_A[::every]
    columns: list[NDArray[np.float32] | None] = [*y_AT.T] or [None]
    estimators = [recipe.estimator(seed, len(y_AT)) for _ in columns]
    setup = ShallowSetup(
        model=_described(name, estimators[0], x_AD),
        table=asked,
        vectorizer=fold.vectorizer,
        target_scaler=fold.target_scaler,
        view=recipe.view,
    )
    pairs = zip(estimators, columns, strict=True)
    return FittedShallow(setup, [fitted_to(estimator, x_AD, y_A, w_A) for estimator, y_A in pairs])


def shallow(name: str, table: Table, split: Split, seed: int) -> Predictions:
    """What a shallow model that is fitted on the split's training rows predicts of the others, or draws beside them."""

    def answers(split: Split, seed: int) -> Predictions:
        fitted = fit_shallow(name, table, split.training, seed)
        if not table.schema.problem_type.generates:
            return fitted.row_predictions(table.frame.iloc[split.validation])
        x_A, x_V = (
            fitted.setup.vectorizer.transform(table.frame.iloc[rows]) for rows in (split.training, split.validation)
        )
        judge = Judge.fit(table.schema, x_A, x_V)
        return judge.statistics(fitted.estimators[0].sample(judge.draws, _draws_of(split, seed)))

    return _with_halves(answers, table, split, seed)


def _draws_of(split: Split, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, split.repeat, split.fold])


def _with_halves(answers: Callable[[Split, int], Predictions], table: Table, split: Split, seed: int) -> Predictions:
    """Answers for the held-out rows; of clusters with those of models that learnt from halves of the training rows."""
    p_VK = answers(split, seed)
    if table.schema.problem_type.has_clusters:
        halves = split.halves(table.units(split.training))
        p_VK[:, HALVES] = np.column_stack([answers(half, seed + n)[:, CLUSTER] for n, half in enumerate(halves, 1)])
    return p_VK


def _every(rows: int, most: int | None) -> int:
    """The step between evenly spaced rows, so that at most `most` of `rows` are taken."""
    return 1 if most is None else max(-(-rows // most), 1)


def _described(name: str, estimator: Any, x_AD: Any) -> ShallowSettings:
    """What an unfitted estimator is, and on how much it will be fitted."""
    defaults, params = type(estimator)().get_params(deep=False), estimator.get_params(deep=False)
    rows, *shape = x_AD.shape
    return ShallowSettings(
        name=name,
        estimator=type(estimator).__name__,
        settings={key: _spelled(value) for key, value in params.items() if not np.array_equal(value, defaults[key])},
        columns=math.prod(shape),
        rows=rows,
    )


def _spelled(value: Any) -> str:
    """A setting as people write it; of many values the first and the last."""
    if isinstance(value, np.ndarray):
        return f"{len(value)} values from {value.min():g} to {value.max():g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def fitted_to(estimator: Any, x_AD: Any, y_A: NDArray[np.float32] | None, w_A: NDArray[np.float32]) -> Any:
    """The estimator fitted to one target column, or to none; where it has a single class, one that always says it."""
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning

    if y_A is not None and hasattr(estimator, "predict_proba") and np.ptp(y_A) == 0:
        return DummyClassifier(strategy="most_frequent").fit(x_AD, y_A)
    if isinstance(x_AD, ClassedPictures):
        estimator = ByClass(estimator)
    # Equal weights are left out: with weights, scikit-learn's histogram binning takes seventy times as long.
    weights = None if np.ptp(w_A) == 0 else w_A
    with warnings.catch_warnings():  # how many steps a solver takes is a setting of the model like others
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(x_AD, y_A, **({} if weights is None else {"sample_weight": weights}))

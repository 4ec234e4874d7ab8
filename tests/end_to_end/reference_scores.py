"""What scikit-learn makes of a run's predictions, for every measure."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from sklearn import metrics

from tests.end_to_end.finished_run import Run


def score(run: Run, predictions: pd.DataFrame) -> float:
    """The run's measure of these predictions."""
    return ORACLES[run.prepared.measure](run, predictions)


def of_classes(function: Callable[..., float], **options: Any) -> Callable[[Run, pd.DataFrame], float]:
    def score(run: Run, p: pd.DataFrame) -> float:
        return function(p["actual"], p["predicted"], sample_weight=run.weights(p), **options)

    return score


def of_positive(function: Callable[..., float]) -> Callable[[Run, pd.DataFrame], float]:
    def score(run: Run, p: pd.DataFrame) -> float:
        positive = run.prepared.positive
        return function(p["actual"] == positive, p[f"probability__{positive}"], sample_weight=run.weights(p))

    return score


def of_labels(
    function: Callable[..., float], column: str = "predicted", **options: Any
) -> Callable[[Run, pd.DataFrame], float]:
    def score(run: Run, p: pd.DataFrame) -> float:
        actual, told = (p[[f"{kind}__{name}" for name in run.prepared.targets]] for kind in ("actual", column))
        return function(actual.to_numpy(), told.to_numpy(), sample_weight=run.weights(p), **options)

    return score


def f1(run: Run, p: pd.DataFrame) -> float:
    return of_classes(metrics.f1_score, pos_label=run.prepared.positive)(run, p)


def macro_f1(run: Run, p: pd.DataFrame) -> float:
    kind = of_labels if run.prepared.type == "multilabel" else of_classes
    return kind(metrics.f1_score, average="macro", zero_division=0.0)(run, p)


def log_loss(run: Run, p: pd.DataFrame) -> float:
    classes = sorted(run.prepared.classes)
    told = p[[f"probability__{name}" for name in classes]]
    return metrics.log_loss(
        p["actual"], told.div(told.sum(axis=1), axis=0), labels=classes, sample_weight=run.weights(p)
    )


def mean_average_precision(run: Run, p: pd.DataFrame) -> float:
    return of_labels(metrics.average_precision_score, "probability", average="macro")(run, p)


ORACLES: dict[str, Callable[[Run, pd.DataFrame], float]] = {
    "accuracy": of_classes(metrics.accuracy_score),
    "balanced_accuracy": of_classes(metrics.balanced_accuracy_score),
    "f1": f1,
    "roc_auc": of_positive(metrics.roc_auc_score),
    "average_precision": of_positive(metrics.average_precision_score),
    "log_loss": log_loss,
    "macro_f1": macro_f1,
    "mean_average_precision": mean_average_precision,
    "micro_f1": of_labels(metrics.f1_score, average="micro"),
    "hamming_accuracy": lambda run, p: 1 - of_labels(metrics.hamming_loss)(run, p),
    "subset_accuracy": of_labels(metrics.accuracy_score),
    "mae": of_labels(metrics.mean_absolute_error),
    "mse": of_labels(metrics.mean_squared_error),
    "rmse": of_labels(metrics.root_mean_squared_error),
    "r2": of_labels(metrics.r2_score),
}

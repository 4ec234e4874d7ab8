"""Every kind of problem from its raw file to its report, with small budgets, and every number checked on the way.

Each case runs the nine steps once. The tests then look at what lies there: measures are computed anew from the
predictions with scikit-learn, splits are checked row by row, and the saved model is asked again.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn import metrics

from src.core.files import Layout
from src.datasets import read_table
from src.models.measures import TABLE
from src.models.types.registry import TYPES
from src.problem.load import load_problem
from src.problem.sources import RemoteSource
from src.problem.steps import Problem
from src.results.baseline import Baseline
from src.results.data import Prepared, Validation
from src.results.evaluate import Evaluate
from src.results.networks import Overfit, Regularize
from src.saved.inference import Model
from src.saved.network_model import NetworkModel
from src.saved.saved_model import load_model
from src.saved.shallow_model import ShallowModel
from src.tables.protocols import Folds, read_folds
from tasks.baseline import baseline
from tasks.define import define
from tasks.evaluate import evaluate
from tasks.fetch import fetch
from tasks.overfit import overfit
from tasks.prepare import prepare
from tasks.regularize import regularize
from tasks.report import report
from tasks.validate import validate
from tests.workspaces import ROOT

pytestmark = pytest.mark.slow

STEPS = (define, fetch, validate, prepare, baseline, overfit, regularize, evaluate, report)
SMALL = {
    "training": {"epochs": 20, "batch_size": 16},
    "overfit": {"max_rungs": 2},
    "search": {"budget": 3},
    "engine": {"workers": 1},
}


@dataclass(frozen=True)
class Case:
    """A problem over a generated table of so many rows; `renamed` columns and words get other names in the file."""

    type: str
    target: str | list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    rows: int = 100
    renamed: dict[str, str] = field(default_factory=dict)

    def columns(self) -> pd.DataFrame:
        """Numbers, words, truth values and dates, with gaps and a rare word, and targets that depend on them."""
        random = np.random.default_rng(1)
        i = np.arange(self.rows)
        size, price = random.normal(size=(2, self.rows)).round(3)
        colour = random.choice(["red", "green", "blue"], self.rows).astype(object)
        member = random.choice([True, False], self.rows)
        signal = size + price + (colour == "red") + random.normal(scale=0.4, size=self.rows)
        order = np.digitize(signal, np.quantile(signal, [0.33, 0.66]))
        colour[5] = "violet"
        return pd.DataFrame(
            {
                "size": np.where(i % 11 == 3, np.nan, size),
                "price": price,
                "colour": np.where(i % 13 == 4, None, colour),
                "member": pd.array(np.where(i % 17 == 6, None, member), dtype="boolean"),
                "joined": (pd.Timestamp("2024-01-01") + pd.to_timedelta(i % 29 * 11, "D")).where(i % 19 != 7),
                "house": [f"house {k}" for k in random.permutation(i // 4)],
                "moment": (pd.Timestamp("2025-06-01") + pd.to_timedelta(random.permutation(i // 2) * 6, "h")),
                "weight": random.choice([0.5, 1.0, 2.5], self.rows),
                "part": np.where(random.random(self.rows) < 0.25, "test", "train"),
                "answer": np.where(signal > np.median(signal), "yes", "no"),
                "rare": np.where(signal > np.quantile(signal, 0.85), 1, 0),
                "grade": np.array(["low", "middle", "high"])[order],
                "level": order + 1,
                "hot": signal > 0.5,
                "dry": (price > 0).astype(int),
                "old": np.where(size + random.normal(scale=0.5, size=self.rows) > 0, "Yes", "No"),
                "cost": (100 + 20 * signal).round(2),
                "debt": (5 * price - size).round(3),
                "share": (1 / (1 + np.exp(-signal))).round(4),
            }
        )

    @property
    def roles(self) -> set[str]:
        names = [self.target] if isinstance(self.target, str) else self.target
        return {*names, *(self.settings.get(key) for key in ("groups", "time", "weights")), *ALWAYS}

    def write(self, layout: Layout) -> None:
        frame = self.columns()
        own = self.roles | ({"part"} if "test" in self.settings else set())
        frame = frame[[name for name in frame if name in own]].rename(columns=self.renamed).replace(self.renamed)
        frame.to_csv(layout.local / "table.csv", index=False)
        problem = {"question": "How does it end?", "data": {"source": "file", "path": "table.csv"}, **SMALL}
        target = self.renamed.get(self.target, self.target) if isinstance(self.target, str) else self.target
        problem |= {"type": self.type, "target": target, **self.settings}
        layout.problem_file.write_text(yaml.safe_dump(problem))


ALWAYS = ("size", "price", "colour", "member", "joined")
K_FOLD, HOLD_OUT = {"protocol": "k_fold", "folds": 3}, {"protocol": "hold_out"}
ITERATED = {"protocol": "iterated_k_fold", "folds": 3, "repeats": 2}
GROUPS, TIME, WEIGHTS = {"groups": "house"}, {"time": "moment"}, {"weights": "weight"}
OFFICIAL = {"test": {"column": "part", "value": "test"}}
LABELS, VECTOR = ["hot", "dry", "old"], ["cost", "debt"]
ODD_NAMES = {
    "size": "<b>a b</b>",
    "price": 'it\'s "50 %", $x$; {y}',
    "colour": "probability__low",
    "member": "predicted",
    "joined": "row",
    "grade": "<i>Größe</i>",
    "low": "<i>low</i>",
    "middle": "m, n\\",
    "high": "__'h'",
}
CASES = {
    "binary, all automatic": Case("binary", "answer"),
    "binary, accuracy": Case("binary", "answer", {"measure": "accuracy", **K_FOLD, **WEIGHTS}),
    "binary, balanced accuracy": Case("binary", "answer", {"measure": "balanced_accuracy", **ITERATED, **GROUPS}),
    "binary, nested": Case("binary", "answer", {"protocol": "nested", "folds": 3, **GROUPS}),
    "binary, F1": Case("binary", "rare", {"measure": "f1", **K_FOLD}, rows=150),
    "binary, ROC AUC": Case("binary", "hot", {"measure": "roc_auc", **HOLD_OUT, **WEIGHTS}),
    "binary, average precision": Case("binary", "answer", {"measure": "average_precision", **K_FOLD, **TIME}),
    "binary, log loss": Case("binary", "old", {"measure": "log_loss", **ITERATED, **OFFICIAL, "positive": "No"}),
    "multiclass, all automatic": Case("multiclass", "grade"),
    "multiclass, accuracy": Case("multiclass", "level", {"measure": "accuracy", **K_FOLD, **TIME}),
    "multiclass, balanced accuracy": Case(
        "multiclass", "grade", {"measure": "balanced_accuracy", **HOLD_OUT, **GROUPS}
    ),
    "multiclass, macro F1": Case("multiclass", "level", {"measure": "macro_f1", **ITERATED, **WEIGHTS}),
    "multiclass, odd names": Case("multiclass", "grade", K_FOLD, renamed=ODD_NAMES),
    "multiclass, log loss": Case("multiclass", "grade", {"measure": "log_loss", **K_FOLD, **OFFICIAL, **GROUPS}),
    "multilabel, all automatic": Case("multilabel", LABELS),
    "multilabel, mean average precision": Case(
        "multilabel", LABELS, {"measure": "mean_average_precision", **K_FOLD, **TIME}
    ),
    "multilabel, micro F1": Case("multilabel", LABELS, {"measure": "micro_f1", **HOLD_OUT, **OFFICIAL}),
    "multilabel, macro F1": Case("multilabel", LABELS, {"measure": "macro_f1", **ITERATED, **GROUPS}),
    "multilabel, Hamming accuracy": Case("multilabel", LABELS, {"measure": "hamming_accuracy", **K_FOLD, **WEIGHTS}),
    "multilabel, subset accuracy": Case("multilabel", LABELS, {"measure": "subset_accuracy", **HOLD_OUT, **TIME}),
    "regression, all automatic": Case("regression", "cost"),
    "regression, MAE": Case("regression", VECTOR, {"measure": "mae", **K_FOLD, **WEIGHTS}),
    "regression, RMSE": Case(
        "regression", VECTOR, {"measure": "rmse", **ITERATED, **OFFICIAL, "final": "fold_ensemble"}
    ),
    "regression, MSE": Case("regression", "cost", {"measure": "mse", **K_FOLD, **TIME}),
    "regression, R2": Case("regression", "cost", {"measure": "r2", **HOLD_OUT, **GROUPS}),
    "unit interval, all automatic": Case("unit_interval_regression", "share"),
    "unit interval, MAE": Case("unit_interval_regression", "share", {"measure": "mae", **HOLD_OUT, **TIME}),
    "unit interval, RMSE": Case("unit_interval_regression", "share", {"measure": "rmse", **K_FOLD, **OFFICIAL}),
    "unit interval, MSE": Case("unit_interval_regression", "share", {"measure": "mse", **K_FOLD, **GROUPS}),
    "unit interval, R2": Case("unit_interval_regression", "share", {"measure": "r2", **ITERATED, **WEIGHTS}),
}
# Problem files of the repository, made small.
SHIPPED: dict[str, dict[str, Any]] = {
    "linnerud": K_FOLD,
    "music_brightness": HOLD_OUT,
    "wine_quality": HOLD_OUT | {"training": {"epochs": 4, "batch_size": 256}},
    "yeast": {
        **HOLD_OUT,
        "target": [f"Class{i}" for i in range(1, 4)],
        "drop": [*(f"Class{i}" for i in range(4, 15)), *(f"Att{i}" for i in range(9, 104))],
    },
}


@dataclass(frozen=True)
class Run:
    """A finished workflow and everything it wrote, read back."""

    layout: Layout

    @cached_property
    def problem(self) -> Problem:
        return load_problem(self.layout)

    @cached_property
    def prepared(self) -> Prepared:
        return Prepared.read(self.layout.result("prepare"))

    @cached_property
    def evaluated(self) -> Evaluate:
        return Evaluate.read(self.layout.result("evaluate"))

    @cached_property
    def train(self) -> pd.DataFrame:
        return pd.read_parquet(self.layout.train / "table.parquet").set_index("__row__")

    @cached_property
    def test(self) -> pd.DataFrame:
        return pd.read_parquet(self.layout.test / "table.parquet").set_index("__row__")

    @cached_property
    def raw(self) -> pd.DataFrame:
        return read_table(self.problem.data, self.layout.raw, self.problem.columns)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        return pd.read_parquet(self.layout.results / "predictions.parquet")

    @property
    def out_of_fold(self) -> pd.DataFrame:
        """The network's."""
        return self.predictions.query("split == 'out_of_fold' and model == 'network'")

    @property
    def of_test(self) -> pd.DataFrame:
        return self.of_sealed_rows("network")

    def of_sealed_rows(self, model: str) -> pd.DataFrame:
        return self.predictions.query(f"split == 'test' and model == '{model}'")

    @cached_property
    def folds(self) -> dict[str, Folds]:
        return read_folds(self.layout.folds, self.prepared.rows)  # type: ignore[return-value]

    def score(self, predictions: pd.DataFrame) -> float:
        """The measure of these predictions by scikit-learn."""
        return ORACLES[self.prepared.measure](self, predictions)

    def weights(self, predictions: pd.DataFrame) -> pd.Series:
        column = self.problem.weights
        every = pd.concat([self.train, self.test])
        return pd.Series(1.0, predictions["row"]) if column is None else every[column].loc[predictions["row"]]


def finished(layout: Layout) -> Run:
    for step in STEPS:
        step(layout)
    return Run(layout)


def make_layout(folder: Path, name: str) -> Layout:
    layout = Layout(name, folder)
    layout.local.mkdir(parents=True)
    layout.problem_file.parent.mkdir()
    layout.params_file.write_bytes((ROOT / "params.yaml").read_bytes())
    return layout


@pytest.fixture(scope="module", autouse=True)
def few_half_samples() -> Iterator[None]:
    """They are most of the trainings, all alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.judging.half_samples.PAIRS", 3)
        yield


@pytest.fixture(scope="module", params=[*CASES, *SHIPPED])
def run(few_half_samples: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    layout = make_layout(tmp_path_factory.mktemp("end_to_end"), "case")
    if request.param in CASES:
        CASES[request.param].write(layout)
    else:
        shipped = yaml.safe_load((ROOT / "problems" / f"{request.param}.yaml").read_text())
        layout.problem_file.write_text(yaml.safe_dump(shipped | SMALL | SHIPPED[request.param]))
        if isinstance(load_problem(layout).data, RemoteSource) and "DATA_MIRROR" not in os.environ:
            pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    return finished(layout)


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


def test_every_measure_of_every_type_has_a_case():
    asked = {(case.type, case.settings.get("measure")) for case in CASES.values()}
    assert {(kind.name, name) for kind in TYPES.values() for name in kind.measures} <= asked


def test_every_step_gives_its_verdicts_and_finite_numbers_in_the_measure_s_range(run: Run):
    layout = run.layout
    verdicts = {
        "validate": Validation.read(layout.result("validate")).verdicts,
        "baseline": Baseline.read(layout.result("baseline")).verdicts,
        "overfit": Overfit.read(layout.result("overfit")).verdicts,
        "regularize": Regularize.read(layout.result("regularize")).verdicts,
        "evaluate": run.evaluated.verdicts,
    }
    needed = {
        "validate": {"data_fit_to_learn_from"},
        "baseline": {"shallow_model_beats_common_sense"},
        "overfit": {"beats_the_baseline", "overfits"},
        "regularize": {"regularization_helps", "still_beats_the_baseline"},
        "evaluate": {"beats_common_sense", "beats_shallow_model", "test_agrees_with_cross_validation"},
    }
    assert all(names <= {verdict.name for verdict in verdicts[step]} for step, names in needed.items())
    assert all(verdict.evidence and "nan" not in verdict.evidence for found in verdicts.values() for verdict in found)
    measure, found = TABLE[run.prepared.measure], run.evaluated
    for value, low, high in (
        (found.cross_validation.mean, found.cross_validation.low, found.cross_validation.high),
        (found.test.value, found.test.low, found.test.high),
    ):
        assert measure.lowest <= low <= value <= high <= measure.highest
    numbers = [found.baseline, found.shallow, *found.extra.values(), *found.cross_validation.scores]
    assert np.isfinite(numbers).all()
    for name in ("overfit_curves", "candidates", "fold_scores", "evaluate_curves"):
        table = pd.read_csv(layout.results / f"{name}.csv")
        assert np.isfinite(table.select_dtypes("number")).all(axis=None)


def test_the_scores_are_what_scikit_learn_makes_of_the_predictions(run: Run):
    by_fold = [run.score(of) for _, of in run.out_of_fold.groupby(["repeat", "fold"])]
    assert by_fold == pytest.approx(run.evaluated.cross_validation.scores, rel=1e-6)
    written = pd.read_csv(run.layout.results / "fold_scores.csv")
    assert written["network"].tolist() == pytest.approx(by_fold, rel=1e-6)
    assert run.score(run.of_test) == pytest.approx(run.evaluated.test.value, rel=1e-6)
    shallow = run.score(run.of_sealed_rows("shallow"))
    assert shallow == pytest.approx(run.evaluated.shallow_test.value, rel=1e-6)
    by_repeat = [run.score(of) for _, of in run.out_of_fold.groupby("repeat")]
    ranks_rows = TABLE[run.prepared.measure].ranks_rows
    assert run.evaluated.cross_validation.mean == pytest.approx(np.mean(by_fold if ranks_rows else by_repeat))


def test_a_verdict_of_two_models_holds_where_the_difference_is_sure_and_speaks_of_the_values_beside_it(run: Run):
    found = run.evaluated
    compared = {verdict.name: verdict.comparison for verdict in found.verdicts if verdict.comparison is not None}
    values = {"network": found.cross_validation.mean, "shallow": found.shallow, "sense": found.baseline}
    for name, model, reference in (
        ("beats_common_sense", "network", "sense"),
        ("beats_shallow_model", "network", "shallow"),
        ("shallow_model_still_beats_common_sense", "shallow", "sense"),
    ):
        of = compared[name]
        assert (of.model_value, of.reference_value) == pytest.approx((values[model], values[reference]))
        gain = TABLE[run.prepared.measure].gain(of.model_value, of.reference_value)
        assert of.gain.low <= of.gain.value == pytest.approx(gain)
        assert of.gain.value <= of.gain.high
    for verdict in found.verdicts:
        if verdict.comparison is not None:
            assert verdict.holds == (verdict.comparison.outcome == "better")
            assert not verdict.holds or verdict.comparison.gain.low > 0


def test_nested_cross_validation_tells_its_choices_and_the_optimism_of_the_plain_protocol(run: Run):
    found, measure = run.evaluated, TABLE[run.prepared.measure]
    if run.prepared.protocol.kind != "nested":
        assert found.nested is None
        return
    assert found.nested is not None
    assert len(found.nested.chosen) == run.prepared.protocol.folds
    gain = measure.gain(found.nested.plain, found.cross_validation.mean)
    assert found.nested.optimism == pytest.approx(gain)
    assert "inside each of these folds" in (run.layout.results / "report.html").read_text()


def test_every_training_row_is_held_out_once_per_repeat_and_the_test_rows_are_the_others(run: Run):
    prepared, held_out = run.prepared, run.out_of_fold
    assert sorted([*run.train.index, *run.test.index]) == list(range(len(run.raw)))
    assert sorted(run.of_test["row"]) == sorted(run.test.index)
    assert not held_out.duplicated(["repeat", "row"]).any()
    assert (
        held_out.groupby(["repeat", "fold"]).ngroups == prepared.protocol.folds * run.evaluated.cross_validation.repeats
    )
    if prepared.protocol.kind != "hold_out" and prepared.protocol.order != "temporal":
        assert (held_out.groupby("repeat")["row"].nunique() == len(run.train)).all()
        assert set(held_out["row"]) == set(run.train.index)
    assert set(held_out["row"]) <= set(run.train.index)
    assert not run.predictions.isna().any(axis=None)


def test_groups_never_straddle_and_time_never_runs_backward(run: Run):
    problem = run.problem
    splits = [split for folds in run.folds.values() for split in folds]
    sides = [(run.train.iloc[split.training], run.train.iloc[split.validation]) for split in splits]
    sealed = [] if problem.test.column else [(run.train, run.test)]
    for learnt, held_out in [*sides, *sealed]:
        assert len(learnt)
        assert len(held_out)
        if problem.groups is not None:
            assert not set(learnt[problem.groups]) & set(held_out[problem.groups])
        if problem.time is not None:
            assert learnt[problem.time].max() < held_out[problem.time].min()


def test_an_official_test_set_is_sealed_row_by_row(run: Run):
    test = run.problem.test
    if test.column is not None:
        assert run.test.index.tolist() == run.raw.index[run.raw[test.column] == test.value].tolist()
        assert test.column not in run.train
    else:
        share = len(run.test) / len(run.raw)
        assert share == pytest.approx(test.share, abs=0.06)


def test_the_predictions_name_the_actual_values_of_their_rows(run: Run):
    for target in run.prepared.targets:
        column = "actual" if run.prepared.classes and run.prepared.type != "multilabel" else f"actual__{target}"
        actual, raw = run.predictions[column], run.raw[target].loc[run.predictions["row"]]
        if run.prepared.type in ("binary", "multiclass"):
            assert actual.tolist() == [f"{value:g}" if isinstance(value, float) else str(value) for value in raw]
        elif run.prepared.type == "multilabel":
            assert actual.tolist() == [float(str(value).lower() in ("yes", "true", "1.0")) for value in raw]
        else:
            assert actual.tolist() == raw.tolist()


def models_of(run: Run) -> dict[str, Model]:
    """The saved model and the other one."""
    saved, other = ("network", "shallow") if run.evaluated.saved == "network" else ("shallow", "network")
    assert isinstance(load_model(run.layout.model), {"network": NetworkModel, "shallow": ShallowModel}[saved])
    return {saved: load_model(run.layout.model), other: load_model(run.layout.alternative)}


def test_both_models_predict_raw_rows_to_the_same_values(run: Run):
    for name, model in models_of(run).items():
        test = run.of_sealed_rows(name)
        told = model.predict(run.raw.loc[test["row"], [feature.name for feature in model.schema.features]])
        for column in told:
            if told[column].dtype == np.float64:
                np.testing.assert_allclose(told[column], test[column], rtol=1e-5, atol=1e-7)
            else:
                assert told[column].tolist() == test[column].tolist()


@pytest.mark.parametrize("kind", ["network", "shallow"])
def test_a_finished_model_copes_with_gaps_words_and_values_it_has_never_seen(run: Run, kind: str):
    model = models_of(run)[kind]
    rows = run.raw.loc[run.of_test["row"], [feature.name for feature in model.schema.features]].head(3).copy()
    for feature in model.schema.features:
        strange = {"numeric": [np.nan, 1e30, -1e30], "categorical": [None, "a new word", ""]}.get(feature.kind)
        if strange is not None:
            rows[feature.name] = pd.Series(strange[: len(rows)], index=rows.index, dtype=rows[feature.name].dtype)
        else:
            rows[feature.name] = pd.Series([None] * len(rows), index=rows.index, dtype=rows[feature.name].dtype)
    numbers = model.predict(rows).select_dtypes("number")
    assert np.isfinite(numbers).all(axis=None)


def test_probabilities_are_probabilities(run: Run):
    columns = [name for name in run.predictions if name.startswith("probability__")]
    probabilities = run.predictions[columns]
    assert ((probabilities >= 0) & (probabilities <= 1)).all(axis=None)
    if run.prepared.type in ("binary", "multiclass"):
        assert columns
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    if run.prepared.type == "unit_interval_regression":
        assert run.predictions["predicted__" + run.prepared.targets[0]].between(0, 1).all()


def test_the_report_and_the_model_card_are_written_and_tell_the_score(run: Run):
    page = (run.layout.results / "report.html").read_text()
    card = (run.layout.results / "model_card.md").read_text()
    assert run.problem.question in page
    assert "nan" not in page.lower().split()
    assert TABLE[run.prepared.measure].title in card
    assert not [name for name in ODD_NAMES.values() if name.startswith("<") and name in page]

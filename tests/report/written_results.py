"""Result folders as the earlier steps write them, for the examples of every problem type.

The numbers come from scikit-learn models with real out-of-fold predictions; only the curves of training are drawn by a
formula. Written through the classes of `src.results`, so that a change of theirs is noticed here.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src.core.files import Layout, write_json
from src.judging.evaluation import gain_over_folds, verdict_of
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.models.types import registry
from src.results.baseline import Baseline, FoldScores, RivalScore
from src.results.data import ColumnSummary, FeatureSummary, Finding, Prepared, Protocol, Validation
from src.results.evaluate import CrossValidation, Evaluate, SampleSize, SealedTest, ShallowSettings, TestScore
from src.results.networks import Candidate, Overfit, Regularize, Rung
from src.results.verdicts import Choice, Comparison, Estimate, Verdict
from tests.report.examples import CODE, Example

FOLDS, REPEATS, EPOCHS = 4, 2, 40


def write_results(root: Path, given: Example) -> Layout:
    """Write every file the report reads and return where."""
    layout = Layout(given.name, root)
    rng = np.random.default_rng(0)
    type_ = registry.TYPES[given.type]
    single = type_.single_label
    classes = sorted(set(given.y[:, 0]), key=lambda name: name == given.positive) if single else []
    coded = np.array([[classes.index(name)] for name in given.y[:, 0]], dtype=float) if single else given.y
    rows = rng.permutation(len(coded))
    test, train = np.sort(rows[: len(rows) // 5]), np.sort(rows[len(rows) // 5 :])
    outputs = type_.outputs(len(classes), len(given.targets), CODE)
    measure = TABLE[given.measure]
    searched_by = TABLE[type_.searched_by or given.measure]

    def score(predicted: np.ndarray, positions: np.ndarray, by: Measure = measure) -> float:
        return by.value(coded[positions], predicted, np.ones(len(positions)))

    def frame(
        model: str, predicted: np.ndarray, positions: np.ndarray, split: str, repeat: int, fold: int
    ) -> pd.DataFrame:
        table: dict[str, Any] = {"model": model, "split": split, "repeat": repeat, "fold": fold, "row": positions}
        actual = ["actual"] if single else [f"actual__{name}" for name in given.targets]
        table |= dict(zip(actual, given.y[positions].T, strict=True))
        table |= {name: np.asarray(values) for name, values in type_.columns(predicted, classes, given.targets).items()}
        return pd.DataFrame(table)

    parts, network, shallow, common = [], [], [], []
    searched: dict[str, list[float]] = {"network": [], "common": []}
    for repeat in range(REPEATS):
        folds = np.array_split(np.random.default_rng(repeat).permutation(train), FOLDS)
        for fold, held in enumerate(folds):
            learnt = np.setdiff1d(train, held)
            predicted = _predict(given, coded, learnt, held, outputs, strength=1.0)
            parts.append(frame("network", predicted, held, "out_of_fold", repeat, fold))
            network.append(score(predicted, held))
            plain = _predict(given, coded, learnt, held, outputs, strength=1e-3)
            parts.append(frame("shallow", plain, held, "out_of_fold", repeat, fold))
            shallow.append(score(plain, held))
            sense = _predict(given, coded, learnt, held, outputs, strength=0)
            common.append(score(sense, held))
            searched["network"].append(score(predicted, held, searched_by))
            searched["common"].append(score(sense, held, searched_by))
    predicted = _predict(given, coded, train, test, outputs, strength=1.0)
    parts.append(frame("network", predicted, test, "test", 0, 0))
    plain = _predict(given, coded, train, test, outputs, strength=1e-3)
    parts.append(frame("shallow", plain, test, "test", 0, 0))
    layout.results.mkdir(parents=True)
    pd.concat(parts, ignore_index=True).to_parquet(layout.results / "predictions.parquet")
    places = [(repeat, fold) for repeat in range(REPEATS) for fold in range(FOLDS)]
    pd.DataFrame(
        [(*place, *values) for place, *values in zip(places, network, common, shallow, strict=True)],
        columns=["repeat", "fold", "network", "common_sense", "shallow"],
    ).to_csv(layout.results / "fold_scores.csv", index=False)

    good, bad = float(np.mean(network)), float(np.mean(common))
    _write_curves(layout, searched["network"], searched["common"], searched_by)
    _write_candidates(layout, given, searched["network"], searched_by.direction)
    development = FoldScores(mean=float(np.mean(searched["network"])), scores=searched["network"][:FOLDS])

    def reference(name: str, scores: list[float]) -> RivalScore:
        return RivalScore(
            name=name,
            development=FoldScores(mean=float(np.mean(scores[:FOLDS])), scores=scores[:FOLDS]),
            evaluation=FoldScores(mean=float(np.mean(scores)), scores=scores),
        )

    write_json(layout.settings("report"), {"question": given.question, "unit": given.unit})
    counts = {name: int((given.y[train, 0] == name).sum()) for name in classes}
    if type_.target == "flag":
        counts = {name: int(given.y[train, k].sum()) for k, name in enumerate(given.targets)}
    Validation(
        rows=len(coded),
        columns=[
            ColumnSummary(
                name=name, type="numeric", role="feature", missing=0, distinct=9, lowest="0", middle="1.5", highest="9"
            )
            for name in given.features
        ],
        passed=["columns_exist", "target_without_gaps", "finite_values", "enough_rows"],
        findings=[
            Finding(
                check="duplicate_rows",
                severity="warning",
                column=None,
                count=2,
                rows=[3, 17],
                message="2 rows are the same as an earlier one (rows 3, 17); they stay on one side of every split",
            )
        ],
        verdicts=[Verdict(name="data_fit_to_learn_from", holds=True, evidence="no errors and 1 warning in 5 checks")],
    ).write(layout.result("validate"))
    Prepared(
        type=given.type,
        rows=len(train),
        features=[FeatureSummary(name=name, type="numeric") for name in given.features],
        targets=given.targets,
        classes=counts,
        positive=given.positive,
        measure=given.measure,
        direction=measure.direction,
        protocol=Protocol(
            method="iterated_k_fold", folds=FOLDS, repeats=REPEATS, order="stratified" if single else "shuffled"
        ),
        fold_hashes={"development": "0" * 64, "evaluation": "1" * 64},
        choices=[
            Choice(setting="measure", chosen=given.measure, reason="the classes are balanced"),
            Choice(setting="protocol", chosen="iterated_k_fold", reason=f"{len(train)} rows are few"),
        ],
    ).write(layout.result("prepare"))
    Baseline(
        measure=given.measure,
        direction=measure.direction,
        common_sense=reference("majority", common),
        shallow=reference("linear", shallow),
        common_sense_all=[reference("majority", common), reference("stratified", common[::-1])],
        shallow_all=[reference("linear", shallow), reference("gradient_boosting", shallow[::-1])],
        verdicts=[Verdict(name="shallow_model_beats_common_sense", holds=True, evidence="on every fold")],
    ).write(layout.result("baseline"))
    simple = "shallow model (linear)"
    against_shallow = _compared("beats_shallow_model", "network", network, simple, shallow, measure)
    half = float(np.std(network)) + 1e-3
    test_value, plain_value = score(predicted, test), score(plain, test)
    others = [name for name in type_.measures if name != given.measure]
    extra = {f"{where}_{name}": 0.1234567 for where in ("cross_validation", "test") for name in others}
    Evaluate(
        measure=given.measure,
        direction=measure.direction,
        baseline=bad,
        shallow=float(np.mean(shallow)),
        shallow_estimate=Estimate(
            value=float(np.mean(shallow)),
            low=float(np.mean(shallow)) - half / 2,
            high=float(np.mean(shallow)) + half / 2,
        ),
        cross_validation=CrossValidation(
            mean=good, low=good - half, high=good + half, folds=FOLDS, repeats=REPEATS, half_samples=40, scores=network
        ),
        test=SealedTest(value=test_value, low=test_value - half, high=test_value + half, rows=len(test), opening=3),
        shallow_model=ShallowSettings(
            name="linear", estimator="LogisticRegression", settings={"max_iter": "1000"}, columns=4, rows=len(train)
        ),
        shallow_test=TestScore(value=plain_value, low=plain_value - half, high=plain_value + half, rows=len(test)),
        half_widths=dict.fromkeys(given.targets, half) if type_.target == "number" else {},
        sample_sizes=[
            SampleSize(
                share=portion,
                rows=round(portion * len(train)),
                pace="same epochs",
                value=good + (bad - good) * (1 - portion) / 4,
                scores=[score + (bad - good) * (1 - portion) / 4 for score in network],
            )
            for portion in (0.25, 0.5, 1.0)
        ],
        chosen=_candidate(1),
        choices=[Choice(setting="repeats", chosen=str(REPEATS), reason="the luck of the shuffles is small")],
        extra=extra,
        recommended="network" if against_shallow.holds else "shallow model",
        verdicts=[
            _compared("beats_common_sense", "network", network, "common sense (majority)", common, measure),
            against_shallow,
            _compared("shallow_model_still_beats_common_sense", simple, shallow, "common sense", common, measure),
            Verdict(name="more_data_would_help", holds=True, evidence="from half of the rows to all, p = 0.01"),
            Verdict(name="test_agrees_with_cross_validation", holds=True, evidence="the two intervals meet"),
        ],
    ).write(layout.result("evaluate"))
    of_search = searched["network"], "common sense (majority)", searched["common"], searched_by
    Regularize(
        measure=searched_by.name,
        direction=searched_by.direction,
        candidates=9,
        finalists=7,
        trainings=9 * FOLDS,
        epochs=(7 * 200 + 2 * 25) * FOLDS,
        epochs_without_halving=9 * 200 * FOLDS,
        best=_candidate(4),
        best_score=development,
        chosen=_candidate(1),
        chosen_score=development,
        standard_error=half / 4,
        verdicts=[
            Verdict(name="regularizing_and_tuning_helps", holds=True, evidence="better than the overfitting network"),
            _compared("still_beats_the_baseline", "chosen", *of_search),
        ],
    ).write(layout.result("regularize"))
    return layout


def _compared(
    name: str, model: str, model_J: list[float], reference: str, reference_J: list[float], measure: Measure
) -> Verdict:
    gains_J = np.array([measure.gain(a, b) for a, b in zip(model_J, reference_J, strict=True)])
    gain, p_value, method = gain_over_folds(gains_J.mean(), gains_J, 1 / FOLDS, measure, units=100, scale=1.0)
    found = Comparison(
        measure=measure.name,
        where="the evaluation folds",
        model=model,
        reference=reference,
        model_value=float(np.mean(model_J)),
        reference_value=float(np.mean(reference_J)),
        gain=gain,
        p_value=p_value,
        method=method,
    )
    return verdict_of(name, found)


def _predict(
    given: Example, y: np.ndarray, learnt: np.ndarray, held: np.ndarray, outputs: int, strength: float
) -> np.ndarray:
    """Answers of a model by its strength: 1 of the network, 0 of common sense."""
    from sklearn.linear_model import LogisticRegression, Ridge

    a, b = _standardized(given.x, learnt, held)
    type_ = registry.TYPES[given.type]
    if given.scored:
        return given.scored(a, b, strength)
    if not strength:
        return np.repeat(type_.perfect_predictions(y[learnt], outputs).mean(axis=0)[None], len(held), axis=0)
    if type_.target == "number":
        predicted = Ridge(alpha=1 / strength).fit(a, y[learnt]).predict(b).reshape(len(held), -1)
        return predicted.clip(type_.lowest, type_.highest)
    columns = []
    for k in range(y.shape[1]):
        model = LogisticRegression(C=strength, max_iter=300).fit(a, y[learnt, k])
        columns.append(model.predict_proba(b) if outputs > y.shape[1] else model.predict_proba(b)[:, 1:])
    return np.column_stack(columns)


def _standardized(x: np.ndarray, learnt: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows learnt from and those held out; numbered symbols stay as they are."""
    if x.dtype.kind == "i":
        return x[learnt], x[held]
    mean, spread = x[learnt].mean(axis=0), x[learnt].std(axis=0) + 1e-9
    return (x[learnt] - mean) / spread, (x[held] - mean) / spread


def _candidate(index: int) -> Candidate:
    units = [4 * 2 ** (index % 4)] * (1 + index % 2)
    return Candidate(
        network={"architecture": "mlp", "units": units, "activation": "relu", "dropout": 0.25 * (index % 3)},
        optimizer="rmsprop",
        learning_rate=(0.001, 0.0003, 0.003)[index % 3],
        l1=(0.0, 1e-5)[index % 2],
        l2=(0.0, 1e-4, 1e-3, 0.01)[index % 4],
        batch_size=32,
        epochs=20 + 7 * index,
    )


def _write_curves(layout: Layout, network: list[float], common: list[float], measure: Measure) -> None:
    """Curves by formula: training approaches the perfect value, validation turns the sooner the larger the network."""
    good, bad = float(np.mean(network)), float(np.mean(common))
    perfect = 1.0 if measure.direction == "maximize" else 0.0
    epoch = np.arange(1, EPOCHS + 1)
    rungs, tables = [], []
    for index in range(4):
        speed = 3.0 / (index + 1)
        training = bad + (good + 0.8 * (perfect - good) * index / 3 - bad) * (1 - np.exp(-epoch / speed / 3))
        drift = 0.25 * index / 3 * (bad - good) * np.maximum(epoch - 12, 0) / EPOCHS
        validation = bad + (good - bad) * (1 - np.exp(-epoch / speed / 2.5)) + drift
        units = "-".join([str(4 * 2**index)] * (1 + index // 2))
        tables.append(
            pd.DataFrame(
                {
                    "rung": index,
                    "network": units,
                    "parameters": 50 * 3**index,
                    "epoch": epoch,
                    "training": training,
                    "validation": validation,
                    "training_loss": 0.7 * np.exp(-epoch / 15) + 0.05,
                    "validation_loss": 0.7 * np.exp(-epoch / 9) + 0.1 + np.maximum(epoch - 12, 0) * 0.002 * index,
                }
            )
        )
        turning = int((validation if measure.direction == "maximize" else -validation).argmax())
        rungs.append(
            Rung(
                network={
                    "architecture": "mlp",
                    "units": [int(u) for u in units.split("-")],
                    "activation": "relu",
                    "dropout": 0.0,
                },
                parameters=50 * 3**index,
                turning_epoch=turning + 1,
                best_validation=float(validation[turning]),
                final_validation=float(validation[-1]),
                final_training=float(training[-1]),
                overfits=index >= 2,
                beats_baseline=True,
                saturated=index == 3,
            )
        )
    pd.concat(tables).to_csv(layout.results / "overfit_curves.csv", index=False)
    Overfit(
        measure=measure.name,
        direction=measure.direction,
        rungs=rungs,
        chosen=3,
        verdicts=[
            _compared("beats_the_baseline", "network", network, "common sense (majority)", common, measure),
            Verdict(name="overfits", holds=True, evidence="validation turned while training went on improving"),
        ],
    ).write(layout.result("overfit"))
    rng = np.random.default_rng(1)
    folds = []
    for repeat in range(REPEATS):
        for fold in range(FOLDS):
            of_fold = tables[2].drop(columns=["rung", "network", "parameters"])
            shift = rng.normal() * 0.05 * abs(good - bad)
            folds.append(of_fold.assign(repeat=repeat, fold=fold, validation=of_fold["validation"] + shift))
    pd.concat(folds).to_csv(layout.results / "evaluate_curves.csv", index=False)


def _write_candidates(layout: Layout, given: Example, network: list[float], direction: str) -> None:
    rng = np.random.default_rng(2)
    rows = []
    sign = 1 if direction == "maximize" else -1
    for index in range(9):
        shape = _candidate(index)
        scores = np.array(network[:FOLDS]) * (1 - sign * 0.01 * abs(index - 4)) + rng.normal(size=FOLDS) * 1e-4
        rows.append(
            {
                "candidate": index,
                "network": "-".join(str(units) for units in shape.network.units),
                "parameters": 10 * sum(shape.network.units),
                "dropout": shape.network.dropout,
                "l1": shape.l1,
                "l2": shape.l2,
                "learning_rate": shape.learning_rate,
                "optimizer": shape.optimizer,
                "batch_size": shape.batch_size,
                "epochs": shape.epochs,
                "trained_epochs": 25 if index > 6 else 200,
                "dropped": index > 6,
                "mean": scores.mean(),
                "standard_error": scores.std(ddof=1) / FOLDS**0.5,
                "difference_error": 0.0 if index == 4 else 1e-4,
                "best": index == 4,
                "chosen": index == 1,
                **{f"fold_{k + 1}": value for k, value in enumerate(scores)},
            }
        )
    pd.DataFrame(rows).to_csv(layout.results / "candidates.csv", index=False)

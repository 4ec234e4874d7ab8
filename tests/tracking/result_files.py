"""A workspace with the files of a finished workflow, written through `src.results`, without training."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src.core.files import Layout, write_json, write_text
from src.datasets.manifest import RawFile, write_manifest
from src.results.baseline import Baseline, FoldScores, RivalScore
from src.results.data import ColumnSummary, FeatureSummary, Prepared, Protocol, Validation
from src.results.evaluate import CrossValidation, Evaluate, SealedTest, ShallowSettings, TestScore
from src.results.networks import Candidate, Overfit, Regularize, Rung
from src.results.verdicts import Choice, Comparison, Estimate, Verdict
from src.saved.model_folder import new_folder
from src.tables.protocols import Folds, write_folds

Row = dict[str, Any]


@dataclass(frozen=True)
class Fruit:
    """What the tests vary. Is it an apple: by weight, colour, ripeness (true, false, unknown) and day of harvest."""

    measure: str = "accuracy"
    direction: str = "maximize"
    test: float = 0.9375
    gate: bool = True
    question: str = "Which fruit is it?"
    budget: int = 12
    seed: int = 0
    candidates: int = 3
    epochs: int = 120
    folds: int = 5
    findings: str = "as expected"
    test_rows: int = 20
    opening: int = 1
    scores: tuple[float, ...] = ()
    repeats: int = 1
    train_rows: int = 80
    fit: bool = True

    def but(self, **changes: Any) -> "Fruit":
        return replace(self, **changes)

    def write(self, layout: Layout) -> None:
        """All files from `define` to `report`; the same fruit gives the same bytes."""
        self._settings(layout)
        self._data(layout)
        self._development(layout)
        self._evaluation(layout)
        write_text(layout.results / "report.html", f"<!doctype html><title>{self.question}</title>")
        write_text(layout.results / "model_card.md", "# Apples\n")

    def _settings(self, layout: Layout) -> None:
        data = {"data": {"source": "file", "path": "fruit.csv"}}
        table = data | {"target": "apple", "type": "binary", "columns": {"colour": "categorical"}}
        training = {"training": {"optimizer": "rmsprop", "epochs": self.epochs}}
        settings: dict[str, Row] = {
            "fetch": data,
            "validate": table | {"validation": {"max_categories": 1000}},
            "prepare": table
            | {"measure": "auto", "protocol": "auto", "folds": "auto", "repeats": "auto", "seed": self.seed}
            | {"image": {"size": "auto", "pretrained": "none"}, "text": {"tokens": "words"}},
            "baseline": {"seed": self.seed},
            "overfit": training | {"seed": self.seed},
            "regularize": training | {"search": {"budget": self.budget, "dropout": [0.0, 0.5]}, "seed": self.seed},
            "evaluate": training | {"seed": self.seed},
            "report": {"question": self.question, "unit": ""},
            "engine": {"backend": "local", "workers": "auto", "accelerator": "auto"},
        }
        for step, values in settings.items():
            write_json(layout.settings(step), values)

    def _data(self, layout: Layout) -> None:
        file = RawFile(name="fruit.csv", bytes=9, sha256="a1" * 32, role="any", origin=f"sha256 {'a1' * 32}")
        write_manifest(layout.raw, [file])
        columns = [
            ColumnSummary(name=name, type=kind, role=role, missing=missing, distinct=9)
            for name, kind, role, missing in (
                ("weight", "numeric", "feature", 0),
                ("colour", "categorical", "feature", 0),
                ("ripe", "boolean", "feature", 3),
                ("picked", "date", "feature", 0),
                ("apple", "categorical", "target", 0),
            )
        ]
        verdict = Verdict(name="data_fit_to_learn_from", holds=self.fit, evidence=self.findings)
        found = Validation(rows=100, columns=columns, passed=["columns"], findings=[], verdicts=[verdict])
        found.write(layout.result("validate"))
        write_text(layout.results / "validation.html", "<!doctype html><title>checks</title>")
        for folder, rows in ((layout.train, self.train_rows), (layout.test, self.test_rows)):
            folder.mkdir(parents=True, exist_ok=True)
            fruit_table(rows).to_parquet(folder / "table.parquet", index=False)
        write_json(layout.train / "schema.json", fruit_schema())
        fold_RN = np.stack([(np.arange(80) + repeat) % self.folds for repeat in range(3)]).astype(np.int16)
        folds = Folds(fold_RN if self.folds > 1 else np.where(np.arange(80) < 16, 0, -1)[None].astype(np.int16), False)
        write_folds(layout.folds, folds, folds)
        Prepared(
            type="binary",
            rows=80,
            features=[FeatureSummary(**feature) for feature in fruit_schema()["features"]],
            targets=["apple"],
            classes={"no": 45, "yes": 35},
            positive="yes",
            measure=self.measure,
            direction=self.direction,
            protocol=Protocol(method="k_fold", folds=self.folds, repeats=1, order="stratified"),
            fold_hashes={"development": "d" * 64, "evaluation": folds.sha256},
            choices=[Choice(setting="measure", chosen=self.measure, reason="the classes are balanced")],
        ).write(layout.result("prepare"))

    def _development(self, layout: Layout) -> None:
        common_sense, shallow = self._reference("majority", 0.5625), self._reference("linear", 0.875)
        Baseline(
            measure=self.measure,
            direction=self.direction,
            common_sense=common_sense,
            shallow=shallow,
            common_sense_all=[common_sense, self._reference("stratified", 0.5)],
            shallow_all=[shallow, self._reference("gradient_boosting", 0.8125)],
            verdicts=[Verdict(name="shallow_model_beats_common_sense", holds=True, evidence="0.875 against 0.5625")],
        ).write(layout.result("baseline"))
        rungs = [
            Rung(
                network=network(units),
                parameters=10 * units,
                turning_epoch=20,
                best_validation=0.875,
                final_validation=0.75,
                final_training=1.0,
                overfits=units > 4,
                beats_baseline=True,
                saturated=True,
            )
            for units in (4, 8)
        ]
        verdict = Verdict(name="overfits", holds=True, evidence="validation got worse after epoch 20")
        Overfit(measure=self.measure, direction=self.direction, rungs=rungs, chosen=1, verdicts=[verdict]).write(
            layout.result("overfit")
        )
        _write_csv(
            layout.results / "overfit_curves.csv",
            [
                {"rung": rung, "network": str(units), "parameters": 10 * units} | _epoch(epoch)
                for rung, units in enumerate((4, 8))
                for epoch in range(1, self.epochs + 1)
            ],
        )
        Regularize(
            measure=self.measure,
            direction=self.direction,
            candidates=self.candidates,
            finalists=self.candidates,
            trainings=self.candidates * self.folds,
            epochs=60 * self.candidates * self.folds,
            epochs_without_halving=60 * self.candidates * self.folds,
            best=candidate(),
            best_score=self._scores(0.9375),
            chosen=candidate(),
            chosen_score=self._scores(0.921875),
            standard_error=0.0625,
            verdicts=[Verdict(name="regularizing_and_tuning_helps", holds=True, evidence="0.9219 against 0.875")],
        ).write(layout.result("regularize"))
        own = {"network": "8", "parameters": 80, "dropout": 0.25, "l1": 0.0, "l2": 0.001, "learning_rate": 0.001}
        own |= {"optimizer": "rmsprop", "batch_size": 32, "epochs": 60, "mean": 0.9, "standard_error": 0.0625}
        own |= {"trained_epochs": 60, "dropped": False, "difference_error": 0.0}
        folds = {f"fold_{k + 1}": 0.9 for k in range(self.folds)}
        _write_csv(
            layout.results / "candidates.csv",
            [{"candidate": i} | own | {"best": i == 0, "chosen": i == 1} | folds for i in range(self.candidates)],
        )

    def _evaluation(self, layout: Layout) -> None:
        Evaluate(
            measure=self.measure,
            direction=self.direction,
            baseline=0.5625,
            shallow=0.875,
            shallow_estimate=Estimate(value=0.875, low=0.8125, high=0.9375),
            cross_validation=CrossValidation(
                mean=0.90625,
                low=0.84375,
                high=0.96875,
                folds=self.folds,
                repeats=self.repeats,
                half_samples=0,
                scores=list(self.fold_scores),
            ),
            test=SealedTest(value=self.test, low=0.8125, high=1.0, rows=self.test_rows, opening=self.opening),
            shallow_model=ShallowSettings(
                name="linear", estimator="LogisticRegression", settings={"max_iter": "1000"}, columns=4, rows=80
            ),
            shallow_test=TestScore(value=0.84375, low=0.75, high=0.9375, rows=self.test_rows),
            chosen=candidate(),
            extra={"test_roc_auc": 0.96875},
            recommended="network" if self.gate else "common sense",
            verdicts=[
                compared("beats_common_sense", self.gate, "0.9063 against 0.5625, p = 0.001"),
                compared("beats_shallow_model", False, "0.9063 against 0.875, p = 0.2"),
                compared("shallow_model_still_beats_common_sense", True, "0.875 against 0.5625, p = 0.001"),
                Verdict(name="test_agrees_with_cross_validation", holds=True, evidence="the two intervals meet"),
            ],
        ).write(layout.result("evaluate"))
        where = [{"repeat": repeat, "fold": fold} for repeat in range(self.repeats) for fold in range(self.folds)]
        others = {"common_sense": 0.5625, "shallow": 0.875}
        scored = zip(where, self.fold_scores, strict=True)
        _write_csv(layout.results / "fold_scores.csv", [each | {"network": score} | others for each, score in scored])
        curves = [each | _epoch(epoch) for each in where for epoch in range(1, 61)]
        _write_csv(layout.results / "evaluate_curves.csv", curves)
        with new_folder(layout.model) as folder:
            write_json(folder / "model.json", {"seed": self.seed, "test": self.test})

    @property
    def fold_scores(self) -> tuple[float, ...]:
        return self.scores or (0.90625,) * self.folds * self.repeats

    def _scores(self, mean: float) -> FoldScores:
        return FoldScores(mean=mean, scores=[mean] * self.folds)

    def _reference(self, name: str, mean: float) -> RivalScore:
        return RivalScore(name=name, development=self._scores(mean), evaluation=self._scores(mean))


def compared(name: str, holds: bool, evidence: str) -> Verdict:
    """A verdict on two models, of which the first is ahead, surely or not."""
    comparison = Comparison(
        measure="accuracy",
        where="the evaluation folds",
        model="network",
        reference="reference",
        model_value=0.90625,
        reference_value=0.875,
        gain=Estimate(value=0.03125, low=0.015625 if holds else -0.015625, high=0.0625),
        p_value=0.001 if holds else 0.2,
        method="by hand",
    )
    return Verdict(name=name, holds=holds, evidence=evidence, comparison=comparison)


def network(units: int) -> Row:
    return {"architecture": "mlp", "units": [units], "activation": "relu", "dropout": 0.25}


def candidate() -> Candidate:
    return Candidate(
        network=network(8), optimizer="rmsprop", learning_rate=0.001, l1=0.0, l2=0.001, batch_size=32, epochs=60
    )


def fruit_schema() -> Row:
    kinds = {"weight": "numeric", "colour": "categorical", "ripe": "boolean", "picked": "date"}
    return {
        "type": "binary",
        "features": [{"name": name, "type": type_} for name, type_ in kinds.items()],
        "targets": ["apple"],
        "classes": ["no", "yes"],
        "positive": "yes",
        "groups": None,
        "time": None,
        "weights": None,
    }


def fruit_table(rows: int) -> pd.DataFrame:
    """Prepared rows, with gaps in every kind of column."""
    i = np.arange(rows)
    return pd.DataFrame(
        {
            "__row__": i,
            "weight": np.where(i % 7 == 0, np.nan, 90.0 + i),
            "colour": pd.array(np.where(i % 5 == 0, None, np.where(i % 2, "red", "green")), dtype="str"),
            "ripe": pd.array([None if k % 6 == 0 else k % 3 == 0 for k in i], dtype="boolean"),
            "picked": pd.Series(pd.Timestamp("2026-09-01") + pd.to_timedelta(i, unit="D")).mask(i % 9 == 0),
            "apple": pd.array(np.where(i % 3 == 0, "yes", "no"), dtype="str"),
        }
    ).astype({"picked": "datetime64[us]"})


def _epoch(epoch: int) -> Row:
    near = epoch / (epoch + 10)
    return {
        "epoch": epoch,
        "training": near,
        "validation": 0.9 * near,
        "training_loss": 1 - near,
        "validation_loss": 1.1 - near,
    }


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)

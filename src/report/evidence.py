"""The result files of one problem, read once."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from src.answer import Answer, Judged, answer
from src.errors import UserError
from src.files import Layout
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results import Baseline, Evaluate, Overfit, Prepared, Regularize, Validation, Verdict


@dataclass(frozen=True)
class Evidence:
    """Everything the report may speak of; there is no other source of numbers."""

    problem: str
    settings: ReportSettings
    validation: Validation
    prepared: Prepared
    baseline: Baseline
    overfit: Overfit
    overfit_curves: pd.DataFrame
    regularize: Regularize
    candidates: pd.DataFrame
    evaluate: Evaluate
    predictions: pd.DataFrame
    fold_scores: pd.DataFrame
    evaluate_curves: pd.DataFrame

    @property
    def verdicts(self) -> list[tuple[str, Verdict]]:
        """Every verdict with the step that found it, in their order."""
        steps: dict[str, Judged] = {
            "validate": self.validation,
            "baseline": self.baseline,
            "overfit": self.overfit,
            "regularize": self.regularize,
            "evaluate": self.evaluate,
        }
        return [(step, verdict) for step, found in steps.items() for verdict in found.verdicts]

    @property
    def answer(self) -> Answer:
        return answer([verdict for _, verdict in self.verdicts], self.evaluate.recommended)

    @property
    def out_of_fold(self) -> pd.DataFrame:
        """Predictions of the first repeat: every row at most once, by a network that had not seen it."""
        rows = self.predictions
        return rows[(rows["split"] == "out_of_fold") & (rows["repeat"] == 0)]

    @property
    def sealed_test(self) -> pd.DataFrame:
        return self.predictions[self.predictions["split"] == "test"]


def read_evidence(layout: Layout) -> Evidence:
    """Read the files that the earlier steps wrote; raises UserError naming the first one that is missing."""
    return Evidence(
        problem=layout.problem,
        settings=load_settings(layout, "report", ReportSettings),
        validation=Validation.read(_present(layout.result("validate"), layout)),
        prepared=Prepared.read(_present(layout.result("prepare"), layout)),
        baseline=Baseline.read(_present(layout.result("baseline"), layout)),
        overfit=Overfit.read(_present(layout.result("overfit"), layout)),
        overfit_curves=_table(layout, "overfit_curves.csv"),
        regularize=Regularize.read(_present(layout.result("regularize"), layout)),
        candidates=_table(layout, "candidates.csv"),
        evaluate=Evaluate.read(_present(layout.result("evaluate"), layout)),
        predictions=pd.read_parquet(_present(layout.results / "predictions.parquet", layout)),
        fold_scores=_table(layout, "fold_scores.csv"),
        evaluate_curves=_table(layout, "evaluate_curves.csv"),
    )


def _table(layout: Layout, name: str) -> pd.DataFrame:
    return pd.read_csv(_present(layout.results / name, layout), dtype={"network": "str"})


def _present(path: Path, layout: Layout) -> Path:
    if not path.exists():
        raise UserError(
            f"{path} is missing: run `dvc repro report@{layout.problem}`, which makes what the report reads"
        )
    return path

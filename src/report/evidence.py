"""The result files of one problem, read once."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from src.core.files import Layout, intact
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results.answer import WITH_VERDICTS, Answer, answer
from src.results.baseline import Baseline
from src.results.data import Prepared, Validation
from src.results.evaluate import Evaluate
from src.results.networks import Overfit, Regularize
from src.results.result import read_records
from src.results.verdicts import Verdict


@dataclass(frozen=True)
class Evidence:
    """Everything the report may speak of; there is no other source of numbers."""

    problem: str
    settings: ReportSettings
    validate: Validation
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
        return [(step, verdict) for step in WITH_VERDICTS for verdict in getattr(self, step).verdicts]

    @property
    def answer(self) -> Answer:
        return answer([verdict for _, verdict in self.verdicts], self.evaluate.recommended)

    @property
    def searched_sense(self) -> float:
        """Common sense on the development folds, by the measure that the search went by."""
        compared = self.overfit.verdicts[0].comparison
        if self.overfit.measure == self.baseline.measure or compared is None:
            return self.baseline.common_sense.development.mean
        return compared.reference_value

    @property
    def all_out_of_fold(self) -> pd.DataFrame:
        """The saved model's predictions of all repeats."""
        return self._of_saved[self._of_saved["split"] == "out_of_fold"]

    @property
    def out_of_fold(self) -> pd.DataFrame:
        """The saved model's predictions of the first repeat: every row at most once, by one that had not seen it."""
        return self.all_out_of_fold[self.all_out_of_fold["repeat"] == 0]

    @property
    def sealed_test(self) -> pd.DataFrame:
        """The saved model's predictions of the sealed rows."""
        rows = self._of_saved
        return rows[rows["split"] == "test"]

    @property
    def _of_saved(self) -> pd.DataFrame:
        return self.predictions[self.predictions["model"] == self.evaluate.saved]


def read_evidence(layout: Layout) -> Evidence:
    """Read the files that the earlier steps wrote. Raises UserError naming the first that is missing or damaged, or
    that is by another measure than prepare.json."""
    evidence = Evidence(
        problem=layout.problem,
        settings=load_settings(layout, "report", ReportSettings),
        validate=Validation.read(layout.result("validate")),
        prepared=Prepared.read(layout.result("prepare")),
        baseline=Baseline.read(layout.result("baseline")),
        overfit=Overfit.read(layout.result("overfit")),
        overfit_curves=_table(layout, "overfit_curves.csv"),
        regularize=Regularize.read(layout.result("regularize")),
        candidates=_table(layout, "candidates.csv"),
        evaluate=Evaluate.read(layout.result("evaluate")),
        predictions=_predictions(layout.results / "predictions.parquet"),
        fold_scores=_table(layout, "fold_scores.csv"),
        evaluate_curves=_table(layout, "evaluate_curves.csv"),
    )
    measures = dict.fromkeys(("baseline", "evaluate"), evidence.prepared.measure)
    measures |= dict.fromkeys(("overfit", "regularize"), evidence.prepared.searched_by)
    for step, measure in measures.items():
        with intact(layout.result(step)):
            if (other := getattr(evidence, step).measure) != measure:
                raise ValueError(f"its measure is {other}, that of prepare.json {measure}")
    return evidence


def _table(layout: Layout, name: str) -> pd.DataFrame:
    path = layout.results / name
    read_records(path)  # says what is wrong with it
    return pd.read_csv(path, dtype={"network": "str"})


def _predictions(path: Path) -> pd.DataFrame:
    with intact(path):
        predictions = pd.read_parquet(path)
        predictions[["split", "repeat", "fold", "row"]]
    return predictions

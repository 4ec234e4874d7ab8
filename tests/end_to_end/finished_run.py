"""A finished workflow, with everything that it wrote read back."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from src.core.files import Layout
from src.datasets import read_table
from src.problem.load import load_problem
from src.problem.steps import Problem
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.tables.protocols import Folds, read_folds
from tests.kinds.workflow import STEPS
from tests.workspaces import ROOT


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

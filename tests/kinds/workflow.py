"""The whole workflow on a small problem of one kind of input, in a folder of its own."""

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from src.core.files import Layout, read_json
from src.core.steps import STEPS as NAMES
from tasks.baseline import baseline
from tests.kinds.unused import only
from tests.workspaces import ROOT

STEPS = tuple(getattr(import_module(f"tasks.{name}"), name) for name in NAMES)


def new_layout(problem: str, root: Path) -> Layout:
    """Folders for the files of `problem`, and the defaults of params.yaml."""
    layout = Layout(problem, root)
    for folder in (layout.local, layout.problem_file.parent, layout.expectations.parent):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", root)
    return layout


def run_every_step(layout: Layout, problem: dict[str, Any]) -> None:
    """Write the problem file, with a committee of two and one process, and run the steps in order."""
    layout.problem_file.write_text(yaml.safe_dump(problem | {"committee": 2, "engine": {"workers": 1}}))
    finished(layout)


def finished(layout: Layout) -> Layout:
    """The same layout, after every step has run in it.

    The steps after `prepare` fail where they run code of kinds that `kinds.json` leaves out.
    """
    first = STEPS.index(baseline)
    for step in STEPS[:first]:
        step(layout)
    with only({*read_json(layout.kinds)}):
        for step in STEPS[first:]:
            step(layout)
    return layout


def folder_of(layout: Layout, kind: str) -> Path:
    """Where the finished network, or the shallow model, lies: one of them is what is recommended."""
    folders = (layout.model, layout.alternative)
    return next(folder for folder in folders if read_json(folder / "model.json")["saved"] == kind)


def of_sealed_rows(layout: Layout, kind: str = "network") -> pd.DataFrame:
    """What the model of that kind said of the sealed rows."""
    return pd.read_parquet(layout.results / "predictions.parquet").query(f"split == 'test' and model == '{kind}'")

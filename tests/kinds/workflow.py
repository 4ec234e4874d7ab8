"""The whole workflow on a small problem of one kind of input, in a folder of its own."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from src.files import Layout
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
    for step in (define, fetch, validate, prepare, baseline, overfit, regularize, evaluate, report):
        step(layout)

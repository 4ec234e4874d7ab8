"""`kinds.json` tells the code that a problem's kinds of input need, and no other.

That it lacks nothing is tried by every run of the workflow in tests: `run_every_step` lets all other code fail.
"""

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.imports import imported
from src.core.steps import GRAPH, KINDS
from src.kinds import source
from src.kinds.registry import KINDS as ALL
from src.tables.table import Feature
from src.tables.windows import Window
from tasks.graph import KINDS_FOLDER, code_of
from tests.kinds.unused import only
from tests.workspaces import ROOT

NUMBER, TEXT, PICTURE = (Feature(name=type_, type=type_) for type_ in ("numeric", "text", "image"))
WORD = Feature(name="word", type="token", sentence="sentence")
WINDOW = Window(
    lookback=2, delay=1, steps=1, stride=1, step=1, season=None, time="t", targets=[], relative=False, network="gru"
)
FOLDERS = {
    "tabular": ([NUMBER], {"tabular"}),
    "text": ([TEXT], {"text", "tabular"}),
    "image": ([PICTURE], {"image", "tabular"}),
    "series": ([NUMBER.model_copy(update={"window": WINDOW})], {"series", "tabular"}),
    "tokens": ([WORD], {"tokens", "tabular"}),
    "a text and numbers": ([TEXT, NUMBER], {"text", "tabular", "mixed", "image"}),
    "two texts": ([TEXT, TEXT.model_copy(update={"name": "other"})], {"text", "tabular", "mixed", "image"}),
}


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Changes a module of a copy of `src/kinds`."""
    monkeypatch.setattr(source, "HERE", shutil.copytree(source.HERE, tmp_path / "kinds"))

    def edit(name: str) -> None:
        module = tmp_path / "kinds" / name
        module.write_text(module.read_text() + "\nCHANGED = True\n")

    return edit


@pytest.mark.parametrize("case", FOLDERS)
def test_the_code_of_a_problem_is_that_of_its_kinds_and_of_those_that_they_import(case: str):
    features, folders = FOLDERS[case]
    assert {*source.source_sha256(features)} == {"src/kinds/*.py", *(f"src/kinds/{name}" for name in folders)}


@pytest.mark.parametrize(
    ("features", "module", "changes"),
    [
        ([NUMBER], "tokens/ladder.py", False),
        ([NUMBER], "text/vectorizer.py", False),
        ([NUMBER], "tabular/ladder.py", True),
        ([NUMBER], "views.py", True),
        ([TEXT], "text/start.py", True),
        ([TEXT], "tabular/vectorizer.py", True),  # only through imports
        ([TEXT], "text/checks.py", False),  # no step after `prepare` checks data
        ([TEXT], "image/ladder.py", False),
        ([TEXT, NUMBER], "mixed/parts.py", True),
        ([TEXT, NUMBER], "series/ladder.py", False),
    ],
)
def test_an_edit_counts_for_the_problems_that_use_the_module(
    edit: Callable[[str], None], features: list[Feature], module: str, changes: bool
):
    before = source.source_sha256(features)
    edit(module)
    assert (source.source_sha256(features) != before) is changes


def test_whatever_else_later_steps_take_from_a_kind_is_a_function_or_a_class_or_one_that_every_kind_needs():
    """A constant would count for problems of other kinds, and no run could tell."""
    later = {module for step in GRAPH if KINDS in GRAPH[step].reads for module in code_of(step)}
    outside = {module for module in later if KINDS_FOLDER not in module.parents}
    names = {name for module in outside for name in imported((ROOT / module).read_text())}
    constants = []
    for name in sorted(names):
        match name.split("."):
            case ["src", "kinds", folder, module, thing] if folder != "tabular":
                value = getattr(importlib.import_module(f"src.kinds.{folder}.{module}"), thing)
                constants += [] if callable(value) else [name]
    assert not constants
    assert {*ALL} <= {*FOLDERS}
    assert all("tabular" in folders for _, folders in FOLDERS.values())


def test_code_of_another_kind_fails_in_the_runs_of_these_tests():
    ladder = importlib.import_module("src.kinds.tokens.ladder").options
    with only({"src/kinds/tabular"}), pytest.raises(AssertionError, match="is no code of this problem"):
        ladder([WORD])
    with only({"src/kinds/tokens"}):
        assert isinstance(ladder([WORD.model_copy(update={"encoding": ENCODING})]), dict)


ENCODING = {"vocabulary": 10, "network": "lstm", "layers": 1, "characters": "none"}

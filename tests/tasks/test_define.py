"""The step define: one settings file per later step, or a refusal and nothing written."""

import shutil
from pathlib import Path

import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout, read_json
from src.problem.load import load_problem, settings_of
from src.problem.steps import STEP_SETTINGS
from tasks.define import define

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for name in ("params.yaml", "problems/wine.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return Layout("wine", tmp_path)


def change(layout: Layout, **changes: object) -> None:
    layout.problem_file.write_text(yaml.safe_dump(yaml.safe_load(layout.problem_file.read_text()) | changes))


def contents(layout: Layout) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (layout.results / "settings").iterdir()}


def test_every_step_gets_a_file_with_what_it_reads(layout):
    define(layout)
    assert set(contents(layout)) == set(STEP_SETTINGS)
    for step in STEP_SETTINGS:
        assert read_json(layout.settings(step)) == settings_of(load_problem(layout), step)


def test_the_files_have_the_same_bytes_when_written_again(layout):
    define(layout)
    before = contents(layout)
    define(layout)
    assert contents(layout) == before


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ({"overfit": {"max_rungs": 3}}, {"overfit"}),
        ({"search": {"budget": 3}}, {"regularize", "evaluate"}),  # the nested protocol repeats the search
        ({"committee": 3}, {"evaluate"}),
        ({"final": "fold_ensemble"}, {"evaluate"}),
    ],
)
def test_a_change_touches_only_the_files_of_the_steps_that_read_it(layout, changed, touched):
    define(layout)
    before = contents(layout)
    change(layout, **changed)
    define(layout)
    after = contents(layout)
    assert {step for step in before if before[step] != after[step]} == touched


def test_a_problem_that_does_not_fit_writes_nothing_and_keeps_what_was_written(layout):
    change(layout, folds=1)
    with pytest.raises(UserError, match=r"wine\.yaml: folds"):
        define(layout)
    assert not layout.results.exists()
    change(layout, folds=3)
    define(layout)
    before = contents(layout)
    change(layout, folds=1)
    with pytest.raises(UserError):
        define(layout)
    assert contents(layout) == before

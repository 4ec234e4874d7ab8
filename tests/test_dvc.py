"""dvc.yaml tells the truth: the stages depend on the files the steps read and on the code that makes their outputs."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from src.core.files import Layout
from src.core.steps import GRAPH, KINDS, RECORDED, STEPS, recorded_steps_read_by
from src.problem.steps import STEP_SETTINGS
from tasks.graph import (
    KINDS_FOLDER,
    NEVER_DECIDE_AN_OUTPUT,
    PACKAGES,
    code_of,
    reached,
    step_module,
    under,
    with_dependencies,
)
from tests.workspaces import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def in_template(path: Path) -> str:
    """The path of a file of the problem `item`, as dvc.yaml writes it for every problem."""
    return path.as_posix().replace("/item", "/${item}")


def paths(step: str, *kinds: str) -> list[str]:
    entries = [entry for kind in kinds for entry in STAGES[step]["do"].get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def code_dependencies(step: str) -> list[str]:
    return [path for path in paths(step, "deps") if path.split("/")[0] in PACKAGES]


def data_dependencies(step: str) -> set[str]:
    return set(paths(step, "deps")) - set(code_dependencies(step))


def templates(paths: Iterable[str]) -> set[str]:
    """Paths of `src.core.steps` as dvc.yaml writes them."""
    return {path.format(problem="${item}") for path in paths}


def test_there_is_one_stage_for_every_step_in_their_order():
    assert tuple(STAGES) == STEPS
    assert all(STAGES[step]["do"]["cmd"] == f"python -m tasks.{step} ${{item}}" for step in STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_every_file_that_a_step_imports_is_a_dependency_of_its_stage(step: str):
    stood_for = (str(KINDS_FOLDER),) if templates([KINDS]) <= data_dependencies(step) else ()
    listed = (*code_dependencies(step), *stood_for)
    missing = sorted(str(module) for module in code_of(step) if not under(module, listed))
    assert not missing, f"dvc.yaml: the deps of {step} lack {missing}; run `python -m tasks.graph`"


@pytest.mark.parametrize("step", STEPS)
def test_a_stage_depends_on_no_code_that_its_step_leaves_alone(step: str):
    code = code_of(step)
    idle = [listed for listed in code_dependencies(step) if not any(under(module, (listed,)) for module in code)]
    assert not idle, f"dvc.yaml: {step} leaves its deps {idle} alone; run `python -m tasks.graph`"


def test_dvc_yaml_is_short_and_its_dependencies_are_written_by_the_command():
    text = (ROOT / "dvc.yaml").read_text()
    assert with_dependencies(text) == text, "run `python -m tasks.graph`"
    assert with_dependencies(re.sub(r"deps:\n(        .*\n)+", "deps: []\n", text)) == text, "of new stages, too"
    assert len(text.splitlines()) < 200


def test_only_evaluate_depends_on_the_sealed_test_set():
    sealed = in_template(Layout("item").test)
    assert [step for step in STEPS if sealed in data_dependencies(step)] == ["evaluate"]
    whole = [step for step in STEPS if str(Path(sealed).parent) in data_dependencies(step)]
    assert not whole, "a stage that depends on the folder of both parts depends on the sealed one too"


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_stage_depends_on_its_own_settings_and_on_no_other_step_s(step: str):
    settings = {path for path in data_dependencies(step) if "/settings/" in path}
    assert settings == {in_template(Layout("item").settings(step))}


@pytest.mark.parametrize("step", STEPS)
def test_a_stage_reads_and_makes_what_the_table_says(step: str):
    parameters = STAGES[step]["do"].get("params", [])
    files = {"params.yaml" if isinstance(entry, str) else next(iter(entry)) for entry in parameters}
    assert data_dependencies(step) | files == templates(GRAPH[step].reads)
    assert set(paths(step, "outs", "metrics", "plots")) == templates(GRAPH[step].makes)
    assert set(GRAPH[step].recorded) <= set(GRAPH[step].makes)


def test_the_files_of_a_problem_are_those_of_the_table():
    layout = Layout("item")
    named = [getattr(layout, name) for name, of in vars(Layout).items() if isinstance(of, property)]
    named += [*map(layout.settings, STEP_SETTINGS), *(layout.result(step) for step in STEPS[2:-1])]
    folders = {"data/local", "data/expectations", layout.results.as_posix()}
    known = {path.format(problem="item") for step in GRAPH.values() for path in (*step.reads, *step.makes)} | folders
    outside = {layout.openings, layout.expectations}  # the ledger is neither read nor made by the rules of DVC
    assert {path.as_posix() for path in named if path not in outside} <= known
    assert {layout.settings(name).as_posix() for name in STEP_SETTINGS} == {
        path.format(problem="item") for path in GRAPH["define"].makes if "/settings/" in path
    }


# The steps whose results a step reads are those that its code calls `Layout.result` for, or the report's reader.
def test_every_result_that_a_step_reads_is_one_that_its_stage_depends_on():
    for step in STEPS[1:-1]:
        calls = re.findall(r'layout\.result\("(\w+)"\)', (ROOT / "tasks" / f"{step}.py").read_text())
        read = {in_template(Layout("item").result(name)) for name in calls if name != step}
        listed = {path for path in data_dependencies(step) if path.endswith(".json") and path.count("/") == 2}
        assert read == listed - {in_template(Layout("item").local_files)}


def test_a_step_rests_on_the_recorded_steps_whose_outputs_it_reads():
    assert {step: recorded_steps_read_by(step) for step in RECORDED} == {
        "validate": (),
        "prepare": ("validate",),
        "baseline": ("prepare",),
        "overfit": ("prepare", "baseline"),
        "regularize": ("prepare", "baseline", "overfit"),
        "evaluate": ("prepare", "baseline", "overfit", "regularize"),
        "report": ("validate", "prepare", "baseline", "overfit", "regularize", "evaluate"),
    }


def names(modules: dict[Path, set[str]]) -> set[str]:
    return set().union(*modules.values())


# They take a second or more to import.
SLOW = {"great_expectations", "pytorch_lightning"}


@pytest.mark.parametrize("step", STEPS)
def test_the_process_that_steps_are_forked_from_imports_what_they_import_later(step: str):
    module, later = step_module(step), GRAPH[step].later
    own = [Path(*name.split(".")).with_suffix(".py") for name in later if name.split(".")[0] in PACKAGES]
    at_once = names(reached([module], at_once=True))
    idle = sorted(set(later) - (names(reached([module])) - at_once))
    assert not idle, f"src/core/steps.py: `later` of {step}: it imports {idle} never or at once"
    deciding = names(reached([module], never=NEVER_DECIDE_AN_OUTPUT))
    missing = sorted(SLOW & deciding - names(reached([module, *own], at_once=True)) - {*later})
    assert not missing, f"src/core/steps.py: add to `later` of {step}: {missing}"

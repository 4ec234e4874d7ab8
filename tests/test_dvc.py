"""dvc.yaml tells the truth: the stages depend on the files the steps read and on the code that makes their outputs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from src.core.files import STEPS, Layout
from src.problem.steps import STEP_SETTINGS

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("src", "tasks", "flows")
# They record, print, lock and keep what was there; no output depends on what they do.
NEVER_DECIDE_AN_OUTPUT = ("tasks/cli.py", "tasks/kept_results.py", "src/core/progress.py", "src/tracking")
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def imported(module: Path) -> Iterator[Path]:
    """The repository's files that `module` imports anywhere in its text, its functions included."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield from files_of(name)


def files_of(name: str) -> Iterator[Path]:
    """The files that importing `name` executes: its packages' `__init__.py` and the module itself."""
    if name.split(".")[0] not in PACKAGES:
        return
    path = Path(*name.split("."))
    for candidate in [
        *(parent / "__init__.py" for parent in path.parents),
        path / "__init__.py",
        path.with_suffix(".py"),
    ]:
        if (ROOT / candidate).is_file():
            yield candidate


def has_code(module: Path) -> bool:
    body = ast.parse((ROOT / module).read_text()).body
    return any(not isinstance(node, ast.Expr) for node in body)


def in_template(path: Path) -> str:
    """The path of a file of the problem `item`, as dvc.yaml writes it for every problem."""
    return path.as_posix().replace("/item", "/${item}")


def under(path: Path, names: tuple[str, ...]) -> bool:
    return any(path == Path(name) or Path(name) in path.parents for name in names)


def code_of(step: str) -> set[Path]:
    """Every file whose text can change what `step` writes."""
    found: set[Path] = set()
    todo = {Path("tasks") / f"{step}.py", Path("tasks/__init__.py")}
    while todo:
        module = todo.pop()
        found.add(module)
        todo |= {file for file in imported(module) if not under(file, NEVER_DECIDE_AN_OUTPUT)} - found
    return {module for module in found if has_code(module)}


def paths(step: str, *kinds: str) -> list[str]:
    entries = [entry for kind in kinds for entry in STAGES[step]["do"].get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def code_dependencies(step: str) -> list[str]:
    return [path for path in paths(step, "deps") if path.split("/")[0] in PACKAGES]


def data_dependencies(step: str) -> set[str]:
    return set(paths(step, "deps")) - set(code_dependencies(step))


def test_there_is_one_stage_for_every_step_in_their_order():
    assert tuple(STAGES) == STEPS
    assert all(STAGES[step]["do"]["cmd"] == f"python -m tasks.{step} ${{item}}" for step in STEPS)


@pytest.mark.parametrize("step", STEPS)
def test_every_file_that_a_step_imports_is_a_dependency_of_its_stage(step: str):
    listed = tuple(code_dependencies(step))
    missing = sorted(str(module) for module in code_of(step) if not under(module, listed))
    assert not missing, f"dvc.yaml: add to the deps of {step}: {missing}"


@pytest.mark.parametrize("step", STEPS)
def test_a_stage_depends_on_no_code_that_its_step_leaves_alone(step: str):
    code = code_of(step)
    idle = [listed for listed in code_dependencies(step) if not any(under(module, (listed,)) for module in code)]
    assert not idle, f"dvc.yaml: remove from the deps of {step}: {idle}"


def test_only_evaluate_depends_on_the_sealed_test_set():
    sealed = in_template(Layout("item").test)
    assert [step for step in STEPS if sealed in data_dependencies(step)] == ["evaluate"]
    whole = [step for step in STEPS if str(Path(sealed).parent) in data_dependencies(step)]
    assert not whole, "a stage that depends on the folder of both parts depends on the sealed one too"


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_stage_depends_on_its_own_settings_and_on_no_other_step_s(step: str):
    settings = {path for path in data_dependencies(step) if "/settings/" in path}
    assert settings == {in_template(Layout("item").settings(step))}


def test_define_writes_a_settings_file_for_every_step():
    layout = Layout("item")
    files = [layout.local_files, *map(layout.settings, STEP_SETTINGS)]
    assert set(paths("define", "outs")) == set(map(in_template, files))


def test_only_define_depends_on_the_files_of_all_problems():
    assert [step for step in STEPS if "data/local" in data_dependencies(step)] == ["define"]


def test_every_file_a_stage_reads_is_another_stage_s_output_or_the_user_s():
    made = {path for step in STEPS for path in paths(step, "outs", "metrics", "plots")}
    users = {"data/local", "data/expectations"}
    for step in STEPS:
        assert data_dependencies(step) <= made | users

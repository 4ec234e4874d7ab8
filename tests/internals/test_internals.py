"""The modules that depend on undocumented parts of other projects, and that no others do."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version

import pytest

from src.core.steps import STEPS
from tasks.graph import code_dependencies
from tests.workspaces import ROOT

FOLDER = ROOT / "src" / "internals"
MODULES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
OUTSIDE = sorted(
    path for top in ("src", "tasks", "flows") for path in (ROOT / top).rglob("*.py") if path.parent != FOLDER
)
OURS = {"src", "tasks", "flows"}
# What has no leading underscore and yet is documented nowhere. Of DVC all but these two is its own business.
UNDOCUMENTED = re.compile(r"dvc\.(?!api$|cli$).*|mlflow\.(store|server)(\..*)?")
MLFLOW_TABLES = re.compile(
    r"\b(FROM|JOIN|UPDATE|INTO)\s+(experiments|experiment_tags|runs|tags|params|metrics|latest_metrics"
    r"|registered_models|registered_model_aliases|model_versions|model_version_tags|logged_models)\b"
)


# A share, a number of things, or a measured quantity.
FIGURE = re.compile(r"\d+ of \d+|\d (s|ms|MB|GB)\b")


def written_for(module: str) -> dict[str, str]:
    return import_module(f"src.internals.{module}").WRITTEN_FOR


def check_version(module: str, project: str, known: str) -> None:
    installed = version(project).partition("+")[0]  # without the kind of build
    assert installed == known, (
        f"src/internals/{module}.py was written for {project} {known}, and {installed} is installed: read what it uses "
        f"there, run the tests of whoever imports it, then change its WRITTEN_FOR"
    )


@pytest.mark.parametrize("module", [path.stem for path in MODULES])
def test_the_installed_version_is_the_one_that_the_module_was_written_for(module: str):
    assert written_for(module)
    for project, known in written_for(module).items():
        check_version(module, project, known)


def test_another_version_is_told_with_the_module_and_both_versions():
    with pytest.raises(AssertionError, match=r"dvc_steps\.py was written for dvc 1\.0, and \d+\.\d+\.\d+ is installed"):
        check_version("dvc_steps", "dvc", "1.0")


@pytest.mark.parametrize("module", [path.stem for path in MODULES])
def test_the_version_is_the_one_that_is_pinned(module: str):
    pinned = (ROOT / "requirements.in").read_text().splitlines()
    for project, known in written_for(module).items():
        assert f"{project}=={known}" in pinned, f"src/internals/{module}.py: requirements.in pins another {project}"


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def internals_in(source: str) -> Iterator[str]:
    """What a module uses that only `src/internals` may: private names, undocumented modules, patches, SQL."""
    tree = ast.parse(source)
    foreign: set[str] = set()  # names in the module that stand for another project's modules, classes and functions
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] not in OURS | sys.stdlib_module_names:
            foreign |= {alias.asname or alias.name for alias in node.names}
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name for name in names if is_private(name))
            yield from names[:1] if UNDOCUMENTED.fullmatch(names[0]) else ()
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            foreign |= {alias.asname or alias.name.split(".")[0] for alias in node.names} - sys.stdlib_module_names
            yield from (name for name in names if is_private(name) or UNDOCUMENTED.fullmatch(name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node).split(".")[0] in foreign:
            if is_private(node.attr) or isinstance(node.ctx, ast.Store):
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (" ".join(found.group().split()) for found in MLFLOW_TABLES.finditer(node.value))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from prefect.runner._state_proposer import StateProposer", "prefect.runner._state_proposer"),
        ("from dvc.rwlock import _edit_rwlock", "dvc.rwlock._edit_rwlock"),
        ("def f():\n    import dvc.repo", "dvc.repo"),
        ("from mlflow.store.db.utils import table", "mlflow.store.db.utils"),
        ("import torch\ntorch.nn.modules._private(1)", "torch.nn.modules._private"),
        ("from prefect.server.api import server\nserver.subprocess = None", "server.subprocess"),
        ("QUERY = 'SELECT name\\n  FROM  runs'", "FROM runs"),
    ],
)
def test_the_search_for_them_finds_each_kind(source: str, found: str):
    assert found in list(internals_in(source))


def test_nothing_outside_of_the_folder_uses_them():
    used = {str(path.relative_to(ROOT)): list(internals_in(path.read_text())) for path in OUTSIDE}
    assert not {path: names for path, names in used.items() if names}, "move it to src/internals"


@pytest.mark.parametrize("module", [path.stem for path in MODULES])
def test_each_of_them_says_in_figures_why(module: str):
    text = " ".join(str(import_module(f"src.internals.{module}").__doc__).split())
    assert FIGURE.search(text), f"src/internals/{module}.py: why was no documented way enough, in figures?"


def test_no_step_depends_on_the_whole_folder():
    deps = {path for step in STEPS for path in code_dependencies(step) if path.startswith("src/internals")}
    assert deps == {"src/internals/torch_kernels.py"}

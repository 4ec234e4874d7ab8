"""The rooms of `src/`: each has one reason to exist, imports point one way, and names say what they hold."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.workspaces import ROOT

# From the ground up: a room imports from those before it.
ROOMS = (
    "core",
    "internals",
    "inputs",
    "networks",
    "models",
    "problem",
    "results",
    "datasets",
    "tables",
    "kinds",
    "validation",
    "preparation",
    "training",
    "judging",
    "search",
    "saved",
    "tracking",
    "scoring",
    "plots",
    "report",
)
FLOORS = {"src": 0, "tasks": 1, "flows": 2}
MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
    for top in FLOORS
    for path in (ROOT / top).rglob("*.py")
}


def imported(module: str) -> Iterator[str]:
    """The modules of the repository that `module` names in an import, inside of functions too."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


GRAPH = {module: {name for name in imported(module) if name in MODULES} - {module} for module in MODULES}


def test_every_module_has_a_room():
    assert {path.name for path in (ROOT / "src").glob("*.py")} == {"__init__.py"}
    assert {path.parent.name for path in (ROOT / "src").glob("*/__init__.py")} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_in_one_line_what_it_is_for(room: str):
    text = ast.get_docstring(ast.parse((ROOT / "src" / room / "__init__.py").read_text())) or ""
    assert text.splitlines()[0].endswith(".")


def test_imports_point_one_way():
    upward = []
    for module, names in GRAPH.items():
        top, *rest = module.split(".")
        for name in names:
            other, *inside = name.split(".")
            up = FLOORS[other] > FLOORS[top]
            if top == other == "src" and rest and inside:
                up = ROOMS.index(inside[0]) > ROOMS.index(rest[0])
            if up:
                upward.append(f"{module} -> {name}")
    assert not upward


def test_no_modules_import_each_other_in_a_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


# Words that say nothing of what a variable holds.
EMPTY_NAMES = {"of", "found", "own", "told", "said", "which"}
NAMED = [path for room in ("benchmarks", "docs", "flows", "src", "tasks") for path in (ROOT / room).rglob("*.py")]


def names_given(source: str) -> Iterator[str]:
    """The names of all variables, attributes and parameters that a module assigns."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


@pytest.mark.parametrize(
    "source", ["own = 1", "def f(own): ...", "self.own = 1", "[own for own in x]", "with x as own: ...", "(own := 1)"]
)
def test_every_way_to_give_a_name_is_seen(source: str):
    assert "own" in names_given(source)


def test_names_say_what_they_hold():
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in NAMED}
    empty = {name: sorted(EMPTY_NAMES & {*names_given(text)}) for name, text in texts.items()}
    assert {name: words for name, words in empty.items() if words} == {}

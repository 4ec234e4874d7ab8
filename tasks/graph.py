"""Write into dvc.yaml what each stage depends on: the files of `src.core.steps`, and the code that its step imports.

The imports are read from the source, those inside of functions too. Run `python -m tasks.graph` after adding, moving or
removing one.
"""

import argparse
import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from src.core.imports import imported
from src.core.steps import GRAPH, KINDS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("src", "tasks", "flows")
# They record, print, lock and keep what was there; no output depends on what they do.
NEVER_DECIDE_AN_OUTPUT = (
    "tasks/cli.py",
    "tasks/kept_results.py",
    "src/core/closed_output.py",
    "src/core/progress.py",
    "src/tracking",
)
# `KINDS` stands for it: the step that makes it depends on the whole folder, the steps that read it on no code there.
KINDS_FOLDER = Path("src/kinds")
# Its modules have nothing in common: a change to one for a server is none to a step.
NEVER_WHOLE = Path("src/internals")
WIDTH = 120
_DEPS = re.compile(r"^      deps:.*\n(?:        .*\n)*", re.MULTILINE)


def dependencies(step: str) -> list[str]:
    """What the stage of `step` lists as `deps` in dvc.yaml: the files that it reads, then the code."""
    files = [path.format(problem="${item}") for path in GRAPH[step].reads if not path.endswith(".yaml")]
    return files + code_dependencies(step)


def code_dependencies(step: str) -> list[str]:
    """The modules that decide what `step` writes; where these are all of a folder of `src`, or it goes by folders, that
    folder, `NEVER_WHOLE` excepted."""
    code = code_of(step)
    if KINDS in GRAPH[step].reads:
        code = {module for module in code if KINDS_FOLDER not in module.parents}
    folders = {folder for module in code for folder in module.parents if len(folder.parts) > 1} - {NEVER_WHOLE}
    for folder in sorted(folders, key=lambda folder: len(folder.parts)):
        modules = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")}
        whole = len(folder.parts) == 2 if GRAPH[step].by_folder else {m for m in modules if has_code(m)} <= code
        if whole:
            code = code - modules | {folder}
    return sorted(map(str, code), key=lambda path: (not path.startswith("tasks"), path))


def code_of(step: str) -> set[Path]:
    """Every module whose text can change what `step` writes."""
    modules = {*reached([step_module(step)], never=NEVER_DECIDE_AN_OUTPUT)}
    if KINDS in GRAPH[step].makes:
        modules |= {path.relative_to(ROOT) for path in (ROOT / KINDS_FOLDER).rglob("*.py")}
    return {module for module in modules if has_code(module)}


def step_module(step: str) -> Path:
    return Path("tasks", f"{step}.py")


def reached(modules: Iterable[Path], at_once: bool = False, never: tuple[str, ...] = ()) -> dict[Path, set[str]]:
    """The repository's modules that running `modules` imports, themselves included, with the names that each imports.

    at_once: what is imported while they are imported, only. never: files and folders that are left out.
    """
    imports: dict[Path, set[str]] = {}
    todo = {file for module in modules for file in files_of(".".join(module.with_suffix("").parts))}
    while todo:
        module = todo.pop()
        imports[module] = {*imported((ROOT / module).read_text(), at_once)}
        files = {file for name in imports[module] for file in files_of(name)}
        todo |= {file for file in files if not under(file, never)} - imports.keys()
    return imports


def files_of(name: str) -> Iterator[Path]:
    """The files that importing `name` executes: its packages' `__init__.py` and the module itself."""
    if name.split(".")[0] not in PACKAGES:
        return
    path = Path(*name.split("."))
    packages = [parent / "__init__.py" for parent in (path, *path.parents)]
    yield from (file for file in (*packages, path.with_suffix(".py")) if (ROOT / file).is_file())


def has_code(module: Path) -> bool:
    """Whether there is more than a docstring in it."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse((ROOT / module).read_text()).body)


def under(path: Path, names: Iterable[str]) -> bool:
    return any(path == Path(name) or Path(name) in path.parents for name in names)


def with_dependencies(text: str) -> str:
    """The text of dvc.yaml with the `deps` of every stage written anew."""
    before, *stages = re.split(r"(?m)^(?=  \w+:\n)", text)
    return before + "".join(_DEPS.sub(lambda _, stage=stage: _deps(stage), stage, count=1) for stage in stages)


def _deps(stage: str) -> str:
    """The `deps` of a stage as a list in lines of at most `WIDTH` characters, files and code apart."""
    step = stage.split(":", 1)[0].strip()
    lines: list[str] = []
    indent = " " * 9
    for path in dependencies(step):
        item = f'"{path}"' if "$" in path else path
        starts_code = path == "tasks/__init__.py"
        if not lines or starts_code or len(f"{lines[-1]} {item},") > WIDTH:
            lines.append(indent + item + ",")
        else:
            lines[-1] += f" {item},"
    lines[0] = f"{indent[1:]}[{lines[0].lstrip()}"
    return "      deps:\n" + "\n".join(lines).removesuffix(",") + "]\n"


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m tasks.graph", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    file = ROOT / "dvc.yaml"
    file.write_text(with_dependencies(file.read_text()))


if __name__ == "__main__":
    main()

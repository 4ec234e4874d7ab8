"""A first problem file for your own data: `make new name=churn csv=path/to.csv target=left`.

Looks at the data, writes problems/<name>.yaml with every guess explained, copies the file to data/local/ and adds the
problem to params.yaml. Several targets are separated by commas.
"""

import argparse
import filecmp
import re
import shutil
import sys
from itertools import takewhile
from pathlib import Path

import yaml

from src.datasets import FORMATS, read_local
from src.datasets.delimited import SEPARATORS
from src.datasets.encoding import check_encoding
from src.datasets.fetching import full_disk_told
from src.errors import UserError
from src.files import Layout, atomic_file, write_text
from src.names import plain_name
from src.problem.load import listed_problems, load_problem
from src.problem.sources import Reading
from src.problem.steps import Problem
from src.proposal import propose, scalar
from src.yaml_file import parse_yaml
from tasks.cli import told

TEXT_FORMATS = ("csv", "tsv", "jsonl")


def new(layout: Layout, file: Path, target: str) -> Problem:
    """Write `problems/<name>.yaml` for the table in `file` and return the problem it describes.

    `target` names a column, or several separated by commas.
    Nothing is written unless all can be: raises UserError where the name is taken or unfit, the file cannot be read, a
    target is not there, or data/local/ holds another file of that name.
    """
    _check_name(layout)
    if not file.is_file():
        raise UserError(f"csv: {file} does not exist; give the path of a table file, relative to {Path.cwd()}")
    path = _path_below(layout.local, file)
    reading = _reading(file)
    table = read_local(file, Reading.model_validate(reading))
    data = ", ".join(f"{key}: {scalar(value)}" for key, value in {"source": "file", "path": path, **reading}.items())
    targets = [target] if target in table.columns else [name.strip() for name in target.split(",") if name.strip()]
    text = propose(table, targets, f"{{{data}}}", seed=0)
    listed = _with_problem(layout)
    with full_disk_told(layout.local / path):
        if not (layout.local / path).exists():
            with atomic_file(layout.local / path) as partial:
                shutil.copyfile(file, partial)
        write_text(layout.problem_file, text)
    problem = load_problem(layout)
    write_text(layout.params_file, listed)
    return problem


def _check_name(layout: Layout) -> None:
    name = layout.problem
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or yaml.safe_load(name) != name:
        raise UserError(f"name: {name!r} does not suit; use letters, digits and _, beginning with a letter: name=churn")
    if layout.problem_file.exists():
        raise UserError(f"{layout.problem_file} exists and stays as it is; remove it first, or choose another name")


def _path_below(local: Path, file: Path) -> str:
    """The path below data/local/ where the file lies or will lie."""
    if file.resolve().is_relative_to(local.resolve()):
        return file.resolve().relative_to(local.resolve()).as_posix()
    copy = local / plain_name(file.name, "csv")
    if copy.exists() and not filecmp.cmp(file, copy, shallow=False):
        raise UserError(f"{copy} exists with other content and stays as it is; rename your file or remove that one")
    return file.name


def _reading(file: Path) -> dict[str, str]:
    """The options of `data` without which the file would not be read right."""
    format = next((name for name, one in FORMATS.items() if file.suffix.lower() in one.endings), None)
    options = {} if format else {"format": "csv"}
    if (format or "csv") not in TEXT_FORMATS:
        return options
    try:
        check_encoding(file, str(file), "utf-8")
    except UserError:
        options["encoding"] = "latin-1"
    if (format or "csv") == "csv":
        with file.open(encoding=options.get("encoding", "utf-8-sig")) as stream:
            header = stream.readline()
        separator = max(SEPARATORS, key=header.count)
        if separator != "," and header.count(separator):
            options["separator"] = separator
    return options


def _with_problem(layout: Layout) -> str:
    """The text of params.yaml with the problem in its list, comments and all else kept."""
    path, name = layout.params_file, layout.problem
    listed = listed_problems(path)
    text = path.read_text(encoding="utf-8")
    if name in listed:
        return text
    lines = text.splitlines(keepends=True)
    head = next((i for i, line in enumerate(lines) if line.startswith("problems:")), None)
    if head is None:
        raise UserError(f"{path}: needs a line `problems:` for the list of problems")
    inside = takewhile(lambda i: lines[i].strip()[:1] in ("", "#", "-"), range(head + 1, len(lines)))
    items = [i for i in inside if lines[i].lstrip().startswith("-")]
    if items:
        last = lines[items[-1]]
        lines.insert(items[-1] + 1, f"{last[: len(last) - len(last.lstrip())]}- {name}\n")
    else:
        lines[head] = re.sub(r"\[(.*?),?\s*\]", lambda m: f"[{m[1]}{', ' if m[1] else ''}{name}]", lines[head])
    changed = "".join(lines)
    if parse_yaml(changed.encode(), str(path)).get("problems") != [*listed, name]:
        raise UserError(f"{path}: cannot add {name} to the list 'problems'; write it as lines of the form '  - {name}'")
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tasks.new", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", required=True, help="the problem's name: letters, digits and _")
    parser.add_argument("--csv", required=True, help="the table file: CSV, TSV, Parquet, JSON Lines or ARFF")
    parser.add_argument("--target", required=True, help="the column to predict, or several separated by commas")
    parser.add_argument("--traceback", action="store_true", help="show where in the code an error came from")
    options = parser.parse_args()
    try:
        missing = [key for key in ("name", "csv", "target") if not getattr(options, key).strip()]
        if missing:
            raise UserError(f"{missing[0]} is not given; type: make new name=churn csv=path/to.csv target=left")
        layout = Layout(options.name)
        problem = new(layout, Path(options.csv), options.target.strip())
    except (UserError, OSError) as error:
        message, code = told(error, "new")
        if options.traceback or message is None:
            raise
        print(message, file=sys.stderr)
        return code
    print(f"Wrote {layout.problem_file} ({problem.type}, {problem.measure}, {problem.protocol}); it is in params.yaml.")
    print("Next:")
    print(f"  1. read {layout.problem_file}: rewrite the question, check the lines with a comment")
    print(f"  2. make repro         or for this problem alone: .venv/bin/dvc repro report@{layout.problem}")
    print(f"  3. open {layout.results / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

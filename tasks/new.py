"""A first problem file for your own data: `make new name=churn csv=path/to.csv target=left`.

Looks at the data, writes problems/<name>.yaml with every guess explained, copies the file to data/local/ and adds the
problem to params.yaml. Separate several targets by commas. Without a target the rows are described by short codes. A
single column of texts, or a .txt file, makes a language model.

`make new name=churn` lists a problem again that has a file but is not in the list of params.yaml.
"""

import argparse
import filecmp
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import yaml

from src.core.errors import UserError
from src.core.files import Layout, atomic_file, write_text
from src.core.names import plain_name
from src.datasets.fetching import full_disk_told
from src.preparation.proposal import conclusions, names_pictures, propose, propose_text
from src.preparation.sniffing import encoding_of, look_at
from src.problem.load import listed_problems, load_problem
from src.problem.sources import LocalSource
from src.problem.steps import Problem
from tasks.cli import told
from tasks.problem_list import with_problem

# The ending of a file that is one long text, where there is no target.
TEXT = ".txt"
# So many pictures are looked for beside their table.
FIRST_PICTURES = 20


def new(layout: Layout, file: Path, target: str) -> Problem:
    """Write `problems/<name>.yaml` for the table in `file` and return the problem it describes.

    target: a column, several separated by commas, or empty where there is nothing to predict.
    Writes everything or nothing. Raises UserError where the name is taken or invalid, the file cannot be read, a target
    is missing, or data/local/ holds another file of that name.
    """
    _check_name(layout)
    if layout.problem_file.exists():
        raise UserError(f"{layout.problem_file} exists and stays as it is; remove it first, or choose another name")
    if not file.is_file():
        raise UserError(f"csv: {file} does not exist; give the path of a table file, relative to {Path.cwd()}")
    path = _path_below(layout.local, file)
    if file.suffix.lower() == TEXT and not target:
        encoding = encoding_of(file)
        options = {} if encoding == "utf-8" else {"encoding": encoding}
        text = propose_text(len(file.read_text(encoding=encoding)), {"source": "file", "path": path} | options)
    else:
        looked = look_at(file, target)
        targets = [target] if target in looked.table.columns else _targets(target)
        pictures = _pictures(looked.table, file) if (layout.local / path).exists() else {}
        source = LocalSource.model_validate({"source": "file", "path": path} | looked.settings | pictures)
        notes = [*looked.notes, *(f"{name} names pictures, which are read." for name in pictures.values())]
        text = propose(looked.table, targets, source, notes, seed=0)
    listed = with_problem(layout)
    with full_disk_told(layout.local / path):
        if not (layout.local / path).exists():
            with atomic_file(layout.local / path) as partial:
                shutil.copyfile(file, partial)
        write_text(layout.problem_file, text)
    problem = load_problem(layout)
    write_text(layout.params_file, listed)
    return problem


def take_back(layout: Layout, file: Path | None, target: str) -> Problem | None:
    """List the problem in params.yaml again where it has a file but is not listed; None where it has no file.

    Raises UserError where the problem is listed, or where `file` or `target` is given and differs from the problem's.
    """
    _check_name(layout)
    if not layout.problem_file.exists():
        return None
    stays = f"{layout.problem_file} exists and stays as it is"
    if layout.problem in listed_problems(layout.params_file):
        raise UserError(f"{stays}, in the list of params.yaml; remove it first, or choose another name")
    problem = load_problem(layout)
    path = getattr(problem.data, "path", problem.data.source)
    asks_else = [
        f"its data are {path!r}" if file and file.name != Path(path).name else "",
        f"its target is {', '.join(problem.targets)!r}"
        if target and problem.targets not in ([target], _targets(target))
        else "",
    ]
    if any(asks_else):
        raise UserError(
            f"{stays}, but {' and '.join(filter(None, asks_else))}; choose another name, or take it back as it is: "
            f"make new name={layout.problem}"
        )
    write_text(layout.params_file, with_problem(layout))
    return problem


def _pictures(table: pd.DataFrame, file: Path) -> dict[str, str]:
    """The setting of the column whose picture files lie beside the table; none where there is no such column."""
    for name in table.columns:
        paths = table[name].dropna().head(FIRST_PICTURES)
        if names_pictures(paths) and all((file.parent / path).is_file() for path in paths):
            return {"pictures": str(name)}
    return {}


def _targets(target: str) -> list[str]:
    return [name.strip() for name in target.split(",") if name.strip()]


def _check_name(layout: Layout) -> None:
    name = layout.problem
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or yaml.safe_load(name) != name:
        raise UserError(f"name: {name!r} does not suit; use letters, digits and _, beginning with a letter: name=churn")


def _path_below(local: Path, file: Path) -> str:
    """The path below data/local/ where the file lies or will lie."""
    if file.resolve().is_relative_to(local.resolve()):
        return file.resolve().relative_to(local.resolve()).as_posix()
    copy = local / plain_name(file.name, "csv")
    if copy.exists() and not filecmp.cmp(file, copy, shallow=False):
        raise UserError(f"{copy} exists with other content and stays as it is; rename your file or remove that one")
    return file.name


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tasks.new", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", required=True, help="the problem's name: letters, digits and _")
    parser.add_argument("--csv", default="", help="the table file: CSV, TSV, Parquet, JSON Lines or ARFF; or a .txt")
    parser.add_argument(
        "--target",
        default="",
        help="the column to predict, or several separated by commas; none: rows are described by codes, texts read on",
    )
    parser.add_argument("--traceback", action="store_true", help="show where in the code an error came from")
    options = parser.parse_args()
    try:
        layout = Layout(options.name)
        taken_back = take_back(layout, Path(options.csv) if options.csv else None, options.target.strip())
        missing = [key for key in ("name", "csv") if not getattr(options, key).strip()]
        if missing and not taken_back:
            raise UserError(f"{missing[0]} is not given; type: make new name=churn csv=path/to.csv target=left")
        problem = taken_back or new(layout, Path(options.csv), options.target.strip())
    except (UserError, OSError) as error:
        message, code = told(error, "new")
        if options.traceback or message is None:
            raise
        print(message, file=sys.stderr)
        return code
    done = "Took back" if taken_back else "Wrote"
    print(
        f"{done} {layout.problem_file} ({problem.type}, {problem.measure}, {problem.protocol}); it is in params.yaml."
    )
    if not taken_back:
        print("\n".join(f"  - {line}" for line in conclusions(layout.problem_file.read_text(encoding="utf-8"))))
    print("Next:")
    print(f"  1. read {layout.problem_file}: rewrite the question, check the lines with a comment")
    print(f"     and see the columns as they will be read: make look name={layout.problem}")
    print("  2. make repro")
    print(f"     or for this problem alone: source .venv/bin/activate; dvc repro report@{layout.problem}")
    print(f"  3. open {layout.results / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

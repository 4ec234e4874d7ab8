"""The flow `predict`: score the rows of a table in this repository's folder, from the Prefect UI.

From the shell, `python -m flows.predict` does the same with any file and without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.commands.predict import main

    sys.exit(main(sys.argv[1:]))

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed, State

from flows.arguments import ProblemName, check_problem
from flows.running.artifacts import MLFLOW_URL, Progress, key
from flows.running.outcome import outcome_as_state
from src.report.markdown import literal
from src.scoring.output import refused_path
from src.scoring.paths import inside

if TYPE_CHECKING:
    from src.scoring.table import Scored


class Options(NamedTuple):
    """How rows are scored, in the order of `src.scoring.table.Order`."""

    model: str
    refused: Literal["report", "stop"]
    strict: bool
    keep: tuple[str, ...]
    overwrite: bool
    reconstruct: bool


def check(problem: str, table: str, output: str, **options: object) -> None:
    """Raise UserError for files outside the repository's folder."""
    home = Path(os.environ.get("WORKFLOW_HOME", ""))
    inside(table, home, "table")
    inside(output, home, "output")


@flow(name="predict", flow_run_name="{problem}: {table}", persist_result=False)
@outcome_as_state
def predict(
    problem: ProblemName,
    table: str,
    output: str,
    model: str = "champion",
    refused: Literal["report", "stop"] = "report",
    strict: bool = False,
    keep: list[str] = [],  # noqa: B006 - read only
    overwrite: bool = False,
    reconstruct: bool = False,
) -> State:
    """Score the rows of a table file with a trained model.

    Args:
        problem: one of the files in problems/.
        table: the rows, a .csv, .tsv, .parquet or .jsonl file; its path inside the repository's folder.
        output: a .csv or .parquet file for the predictions; its path inside the repository's folder.
        model: champion, or the number of a version.
        refused: report scores the rows that pass the data checks; stop scores none if any row is refused.
        strict: also refuse rows with a warning: a gap, a category or a range that the model did not see in training.
        keep: columns of the table to carry into the output.
        overwrite: replace an existing output.
        reconstruct: also write each row as rebuilt from its code, where the model has one.
    """
    options = Options(model, refused, strict, tuple(keep), overwrite, reconstruct)
    return answered("predict", problem, table, output, options)


def answered(question: str, problem: str, table: str, output: str, options: Options) -> State:
    """Ask the model about every row of a file, see `src.scoring.table.Order`. question: `predict` or `encode`."""
    from src.scoring.table import QUESTIONS, Order, score_table

    home = Path(os.environ.get("WORKFLOW_HOME", ""))
    logger = get_run_logger()
    check_problem(problem)
    paths = inside(table, home, "table"), inside(output, home, "output")
    given = options._asdict() | {"question": QUESTIONS[question]}
    with Progress(f"{question}-{problem}", ["score"]) as progress:

        def tell(line: str) -> None:
            logger.info("%s", line)
            progress.line(line)

        with _heard(tell):
            scored = score_table(Order(problem, *paths, **given), home)
        progress.complete()
    lines = scored.lines()
    for line in lines:
        logger.info("%s", line)
    create_markdown_artifact(_page(scored), key(question, problem), lines[0])
    return Completed(message=lines[0]) if scored.scored else Failed(message=lines[0])


@contextmanager
def _heard(tell: Callable[[str], None]) -> Iterator[None]:
    """Forward the workflow's log lines to `tell`."""

    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tell(record.getMessage())

    workflow, handler = logging.getLogger("workflow"), Forward()
    workflow.addHandler(handler)
    workflow.setLevel(logging.INFO)
    try:
        yield
    finally:
        workflow.removeHandler(handler)


def _page(scored: "Scored") -> str:
    """The counts, a link to the model, the first refused rows and the warnings, as Markdown."""
    from src.scoring.table import DOUBTFUL

    model, server = scored.model, os.environ.get(MLFLOW_URL)
    version = f"version {model.version}{' (champion)' if model.is_champion else ''}"
    if server:
        version = f"[{version}]({server.rstrip('/')}/#/models/{model.problem}/versions/{model.version})"
    counts = [
        ("model", f"{literal(model.problem)} {version}"),
        ("rows", f"{scored.rows:,}"),
        (scored.question.done, f"{scored.scored:,}"),
        ("refused", f"{scored.refused_rows:,}"),
        (scored.question.answers, literal(str(scored.output)) if scored.scored else "none were written"),
    ]
    parts = [_table(("what", "value"), counts)]
    if scored.first:
        refused_rows = [(each.where, literal(each.column), literal(each.reason)) for each in scored.first]
        where = literal(str(refused_path(scored.output)))
        parts += ["## Refused rows", _table(("row", "column", "reason"), refused_rows), f"All of them: {where}"]
    if scored.doubts:
        doubts = [tuple(map(literal, doubt)) for doubt in scored.doubtful]
        parts += [
            "## Warnings",
            f"{scored.question.done.capitalize()}, though {DOUBTFUL}:",
            _table(("column", "what", "rows"), doubts),
        ]
    if scored.left_out:
        parts += ["## Not checked", "\n".join(f"- {literal(promise)}" for promise in scored.left_out)]
    return "\n\n".join(parts)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))

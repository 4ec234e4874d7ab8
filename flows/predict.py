"""The flow `predict`: score the rows of a table in this repository's folder, from the Prefect UI.

From the shell, `python -m flows.predict` does the same with any file and without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.predict_command import main

    sys.exit(main(sys.argv[1:]))

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.states import Completed, Failed, State

from flows.arguments import ProblemName, check_problem
from src.errors import UserError
from src.scoring.output import refused_path
from src.scoring.paths import inside

if TYPE_CHECKING:
    from src.scoring.table import Scored


@flow(name="predict", flow_run_name="{problem}: {table}", persist_result=False)
def predict(
    problem: ProblemName,
    table: str,
    output: str,
    model: str = "champion",
    refused: Literal["report", "stop"] = "report",
    strict: bool = False,
    keep: list[str] = [],  # noqa: B006 - read only
    overwrite: bool = False,
) -> State:
    """Score the rows of a table file with a trained model.

    Args:
        problem: one of the files in problems/.
        table: the rows, a .csv, .tsv, .parquet or .jsonl file; its path inside the repository's folder.
        output: a .csv or .parquet file for the predictions; its path inside the repository's folder.
        model: champion, or the number of a version.
        refused: report scores the rows that pass the data checks; stop scores none when any row is refused.
        strict: refuse also rows with a gap or a category that the model never learnt the meaning of.
        keep: columns of the table to carry into the output.
        overwrite: replace an output that exists.
    """
    from src.scoring.table import Order, score_table

    home = Path(os.environ.get("WORKFLOW_HOME", ""))
    logger = get_run_logger()
    try:
        check_problem(problem)
        paths = inside(table, home, "table"), inside(output, home, "output")
        with _shown(logger.info):
            scored = score_table(Order(problem, *paths, model, refused, strict, tuple(keep), overwrite), home)
    except UserError as error:
        return Failed(message=str(error))
    for line in scored.lines():
        logger.info("%s", line)
    _publish(scored)
    first = scored.lines()[0]
    return Completed(message=first) if scored.scored else Failed(message=first)


@contextmanager
def _shown(log: Callable[[str], None]) -> Iterator[None]:
    """Show the workflow's own log in the run's."""

    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log(record.getMessage())

    workflow, handler = logging.getLogger("workflow"), Forward()
    workflow.addHandler(handler)
    workflow.setLevel(logging.INFO)
    try:
        yield
    finally:
        workflow.removeHandler(handler)


def _publish(scored: "Scored") -> None:
    """The counts with the way to the model, and the refused rows, as artifacts of the run."""
    key = f"predict-{scored.model.problem.replace('_', '-')}"
    server = os.environ.get("WORKFLOW_MLFLOW_URL")
    version = f"version {scored.model.version}{' (champion)' if scored.model.is_champion else ''}"
    if server:
        version = f"[{version}]({server}/#/models/{scored.model.problem}/versions/{scored.model.version})"
    create_markdown_artifact(
        "| | |\n|---|---|\n"
        f"| model | {scored.model.problem} {version} |\n"
        f"| rows | {scored.rows:,} |\n"
        f"| scored | {scored.scored:,} |\n"
        f"| refused | {scored.refused_rows:,} |\n"
        f"| predictions | {f'`{scored.output}`' if scored.scored else 'none were written'} |\n",
        key=key,
        description=scored.lines()[0],
    )
    if scored.first:
        create_table_artifact(
            [{"row": row, "column": column, "reason": reason} for row, column, reason in scored.first],
            key=f"{key}-refused",
            description=f"The first refused rows; all of them: `{refused_path(scored.output)}`",
        )

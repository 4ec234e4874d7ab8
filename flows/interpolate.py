"""The flow `interpolate`: from one row of a table to another by the codes of a trained model, from the Prefect UI.

From the shell, `python -m flows.interpolate` does the same without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.commands.interpolate import main

    sys.exit(main(sys.argv[1:]))

import os
from pathlib import Path
from typing import Annotated

from prefect import flow
from prefect.states import Completed, State
from pydantic import Field

from flows.arguments import ProblemName, check_problem
from flows.running.artifacts import rows_artifact
from flows.running.outcome import outcome_as_state
from src.scoring.paths import inside


def check(problem: str, table: str, **options: object) -> None:
    """Raise UserError for a file outside the repository's folder."""
    inside(table, Path(os.environ.get("WORKFLOW_HOME", "")), "table")


@flow(name="interpolate", flow_run_name="{problem}: {first} to {second} of {table}", persist_result=False)
@outcome_as_state
def interpolate(
    problem: ProblemName,
    table: str,
    first: Annotated[int, Field(ge=0)] = 0,
    second: Annotated[int, Field(ge=0)] = 1,
    model: str = "champion",
    steps: Annotated[int, Field(ge=2, le=100)] = 8,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> State:
    """Go from one row of a table to another in equal steps between their codes.

    Args:
        problem: one of the files in problems/.
        table: a .csv, .tsv, .parquet or .jsonl file with both rows; its path inside the repository's folder.
        first: the number of the row to begin with, from 0.
        second: the number of the row to end with.
        model: champion, or the number of a version.
        steps: how many rows, with both ends.
        seed: of what is drawn; the same gives the same rows.
    """
    from src.saved.codes import Interpolation
    from src.saved.generator import as_json
    from src.scoring.two_rows import TwoRows, between

    check_problem(problem)
    home = Path(os.environ.get("WORKFLOW_HOME", ""))
    asked = Interpolation.of({"steps": steps, "seed": seed})
    registered, rows = between(TwoRows(problem, inside(table, home, "table"), first, second, model), asked, home)
    line = f"{len(rows)} rows by {registered}"
    rows_artifact(as_json(rows), "interpolate", problem, line)
    return Completed(message=line)

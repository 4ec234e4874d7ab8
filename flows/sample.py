"""The flow `sample`: a trained model of type density or generate draws new rows, from the Prefect UI.

From the shell, `python -m flows.sample` does the same without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.commands.sample import main

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


@flow(name="sample", flow_run_name="{problem}: {n} rows", persist_result=False)
@outcome_as_state
def sample(
    problem: ProblemName,
    model: str = "champion",
    n: Annotated[int, Field(ge=1, le=1000)] = 8,
    seed: Annotated[int, Field(ge=0)] = 0,
    given: str | None = None,
    nearest: bool = False,
) -> State:
    """Draw new rows from a trained model of type density or generate.

    Args:
        problem: one of the files in problems/.
        model: champion, or the number of a version.
        n: how many rows.
        seed: the same gives the same rows.
        given: rows of this class, of a model that was given classes.
        nearest: tell for each row the nearest training row: its number in the data file, and the distance.
    """
    from src.saved.generator import Drawing, as_json
    from src.saved.generator import sample as drawn
    from src.scoring.registered import find_model

    check_problem(problem)
    asked = Drawing.of({"n": n, "seed": seed, "given": given, "nearest": nearest})
    registered = find_model(problem, model, Path(os.environ.get("WORKFLOW_HOME", "")))
    rows = as_json(drawn(registered.load(), asked))
    line = f"{len(rows)} rows by {registered}"
    rows_artifact(rows, "sample", problem, line)
    return Completed(message=line)

"""The flow `promote`: a person makes a version of a problem's model the champion, from the Prefect UI.

From the shell, `python -m flows.promote` does the same without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.commands.promote import main

    sys.exit(main(sys.argv[1:]))

import os
from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.states import Completed, State
from pydantic import Field

from flows.arguments import ProblemName, check_problem
from flows.running.outcome import outcome_as_state
from src.tracking.provenance import user

MOST_VERSIONS = 2**31 - 1  # the column of the registry's database


@flow(name="promote", flow_run_name="{problem}: version {version}", persist_result=False)
@outcome_as_state
def promote(problem: ProblemName, version: Annotated[int, Field(ge=1, le=MOST_VERSIONS)], reason: str = "") -> State:
    """Make a version of a model the champion, whatever the evidence says. The registry records who did it and why.

    Args:
        problem: one of the files in problems/.
        version: the number of a version in MLflow's registry of models.
        reason: why this version, for anyone who asks later.
    """
    from src.tracking.promotion import promote as promoted

    check_problem(problem)
    home = Path(os.environ.get("WORKFLOW_HOME", ""))
    line = promoted(home, problem, version, f"{user()} in the Prefect UI", reason)
    get_run_logger().info("%s", line)
    return Completed(message=line)

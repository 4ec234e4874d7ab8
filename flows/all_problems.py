"""Run every problem of params.yaml, one after the other; after a failure the others still run.

    python -m flows.all_problems

Each problem is a subflow of this run: a universal workflow of its own. At the end a table shows how each went.
"""

import sys

if __name__ == "__main__":
    from flows.arguments import parse_all
    from flows.running import guard

    OPTIONS = parse_all(sys.argv[1:], __doc__ or "")
    guard.start()

import os

import psutil
from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.states import Cancelled, Completed, Failed, State

from flows.arguments import StepName, check_problem, known_problems
from flows.running import guard, shell_runs
from flows.running.outcome import outcome_as_state
from flows.universal_workflow import TRIGGER, exit_code, trigger, universal_workflow
from src.core.errors import UserError
from src.core.files import Layout
from tasks.summary import HEADINGS, rows
from tasks.workspace import locked_by

ARTIFACT = "all-problems"


def _name() -> str:
    try:
        return f"all problems ({len(known_problems())})"
    except UserError:  # the run reports it
        return "all problems"


def check(force: bool, until: StepName) -> None:
    """Raise UserError where params.yaml lists no problems."""
    if not known_problems():
        raise UserError("params.yaml: problems: the list is empty; add the name of a file in problems/")


@flow(name="all-problems", flow_run_name=_name, persist_result=False)
@outcome_as_state
def all_problems(force: bool = False, until: StepName = "report") -> State:
    """Run the workflow for every problem of params.yaml; after a failure the others still run.

    Args:
        force: run every step, even where nothing has changed.
        until: the last step to run.
    """
    guard.start()
    os.environ[TRIGGER] = trigger()
    problems = known_problems()
    get_run_logger().info("%s; trigger: %s, in the workspace", ", ".join(problems), trigger())
    outcomes: dict[str, State] = {}
    with locked_by(psutil.Process()):
        for problem in problems:
            outcomes[problem] = _outcome(problem, force, until)
            if outcomes[problem].is_cancelled():
                return Cancelled(message=f"{problem}: {outcomes[problem].message}")
    create_table_artifact(
        key=ARTIFACT,
        table=[_row(problem, state, until) for problem, state in outcomes.items()],
        description="How each problem of `params.yaml` went, with the scores of the finished ones.",
    )
    failed = {problem: state for problem, state in outcomes.items() if not state.is_completed()}
    if failed:
        reasons = "\n".join(f"{problem}: {state.message}" for problem, state in failed.items())
        return Failed(message=f"{len(problems) - len(failed)} of {len(problems)} problems are done\n{reasons}")
    return Completed(message=f"{len(problems)} problems: every step up to {until} is done")


def _outcome(problem: str, force: bool, until: StepName) -> State:
    try:
        check_problem(problem)
    except UserError as error:
        return Failed(message=f"params.yaml: {error}")
    return universal_workflow(problem, force=force, until=until, return_state=True)


def _row(problem: str, state: State, until: str) -> dict[str, str]:
    """The row of the table. It has scores only if this run got that far, even if an earlier run has some."""
    row = {"problem": problem, "state": state.name or state.type.value, "message": state.message or ""}
    if state.is_completed() and until in ("evaluate", "report"):
        scores, measured = rows(Layout(problem))
        row |= dict(zip(HEADINGS[1:], scores[1:], strict=True)) | {"measure": measured[0].strip()}
    return row


if __name__ == "__main__":
    with shell_runs.from_the_shell():
        outcome = all_problems(OPTIONS.force, OPTIONS.until, return_state=True)
    print(outcome.message, file=sys.stdout if outcome.is_completed() else sys.stderr)
    sys.exit(exit_code(outcome))

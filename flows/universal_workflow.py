"""The universal workflow as a Prefect flow: one task per step, each asking DVC whether and how to run it.

    python -m flows.universal_workflow breast_cancer

needs no server: Prefect starts one for the length of the run. DVC stays the only cache: after a flow run `dvc repro`
has nothing to do, and after `dvc repro` every task here is `Cached`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # before Prefect, which takes a second to import: help and a misspelt name answer at once
    from flows import guard
    from flows.arguments import parse

    OPTIONS = parse(sys.argv[1:])
    guard.start()

import psutil
from prefect import flow, get_run_logger, task
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, State

from flows import stages
from flows.arguments import ProblemName, StepName, check_problem, is_isolated
from flows.overrides import Overrides
from src.errors import UserError
from src.files import STEPS
from tasks.workspace import locked_by


@task(task_run_name="{step}", persist_result=False)
def run_stage(step: str, problem: str, force: bool, root: Path) -> State:
    """Bring one stage up to date. `Cached`: nothing had changed; `Completed`: it ran; `Failed`: with the reason."""
    stage, logger = stages.name(step, problem), get_run_logger()
    try:
        changes = ["forced"] if force else stages.changes(stage, root)
        if not changes:
            return Completed(name="Cached", message=f"{stage} is up to date")
        logger.info("%s runs: %s", stage, ", ".join(changes))
        output = stages.reproduce(stage, root, force, logger.info, str(flow_run.id))
    except UserError as error:
        return Failed(message=str(error))
    if stages.was_restored(output):
        return Completed(name="Cached", message=f"{stage} ran on these inputs before: its outputs are restored")
    return Completed(message=f"{stage} ran")


@flow(name="universal-workflow", flow_run_name="{problem}", persist_result=False)
def universal_workflow(
    problem: ProblemName,
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
    force: bool = False,
    until: StepName = "report",
) -> State:
    """Run the workflow for one problem.

    Args:
        problem: one of the files in problems/.
        overrides: settings for this run only; with any of them the run happens in a copy and becomes a DVC experiment.
        force: run every step, even where nothing has changed.
        until: the last step to run.
    """
    try:
        check_problem(problem)
        if is_isolated({"problem": problem, "overrides": overrides}):
            raise UserError("runs with overrides are being built")
        with locked_by(psutil.Process()):
            for step in STEPS[: STEPS.index(until) + 1]:
                state = run_stage.with_options(name=step)(step, problem, force, Path(), return_state=True)
                if not state.is_completed():
                    return Failed(message=f"{step}: {state.message}")
    except UserError as error:
        return Failed(message=str(error))
    return Completed(message=f"{problem}: every step up to {until} is done")


if __name__ == "__main__":
    outcome = universal_workflow(OPTIONS.problem, OPTIONS.overrides, OPTIONS.force, OPTIONS.until, return_state=True)
    print(outcome.message, file=sys.stdout if outcome.is_completed() else sys.stderr)
    sys.exit(0 if outcome.is_completed() else 1)

"""The universal workflow as a Prefect flow: one task per step, each asking DVC whether and how to run it.

    python -m flows.universal_workflow breast_cancer

needs no server: Prefect starts one for the duration of the run. DVC stays the only cache: after a flow run `dvc repro`
has nothing to do, and after `dvc repro` every task here is `Cached`.

    python -m flows.universal_workflow breast_cancer --set folds=3 --set search.budget=9

runs with settings of its own and leaves the files here as they are (see `flows.experiments`).
"""

import sys

if (
    __name__ == "__main__"
):  # before Prefect, which takes a second to import: help and misspelt names get an answer at once
    from flows.arguments import parse
    from flows.running import guard

    OPTIONS = parse(sys.argv[1:])
    guard.start()

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from prefect import flow, get_run_logger, task
from prefect.client.schemas.objects import TaskRun
from prefect.context import FlowRunContext, TagsContext
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed, State

from flows.arguments import ProblemName, StepName, check_problem, is_isolated
from flows.experiments import copies, experiment
from flows.experiments.experiment import Experiment
from flows.overrides import Overrides
from flows.running import guard, shell_runs
from flows.running.artifacts import Progress, publish
from flows.running.outcome import outcome_as_state
from flows.running.stages import Stages, shortened, was_restored
from src.core.errors import PassingError, UserError
from src.core.files import Layout
from src.core.steps import STEPS
from src.problem.load import load_problem
from src.tracking.identity import workflow_name
from src.tracking.provenance import git_commit
from tasks.cli import FAILED, INTERRUPTED
from tasks.workspace import locked_by

# Seconds to wait before the second, third, ... attempt at a step that failed for a temporary reason.
RETRY_SECONDS: list[float] = [10, 60, 300]
TRIGGER = "WORKFLOW_TRIGGER"
KEPT = "finished steps are kept, and the next run goes on from there"


def may_pass(task: Any, task_run: TaskRun, state: State) -> bool:
    return isinstance(state.data, PassingError)


@task(
    task_run_name="{step}",
    persist_result=False,
    retries=len(RETRY_SECONDS),
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=may_pass,
)
def run_stage(step: str, stages: Stages, force: bool, progress: Progress) -> State:
    """Bring one stage up to date: `Cached` if nothing had changed, `Completed` if it ran, `Failed` with the reason."""
    logger = get_run_logger()

    def log(line: str) -> None:
        logger.info(line)
        progress.line(line)

    try:
        changes = ["forced"] if force else stages.changes(step)
        if not changes:
            return Completed(name="Cached", message=f"{step} is up to date")
        logger.info("%s runs: %s", step, shortened(changes))
        output = stages.reproduce(step, force, log)
    except UserError as error:
        return Failed(message=str(error), data=error)
    except (KeyboardInterrupt, TerminationSignal):  # Prefect would call it a crash
        return Cancelled(message=f"{step} was stopped; {KEPT}")
    if was_restored(output):
        return Completed(name="Cached", message=f"{step} ran on these inputs before: its outputs are restored")
    return Completed(message=f"{step} ran")


def check(problem: str, overrides: Overrides, force: bool, until: StepName) -> None:
    """Raise UserError for arguments that have the right types and still cannot run."""
    check_problem(problem)
    if is_isolated({"problem": problem, "overrides": overrides}):
        experiment.check(problem, overrides, Path())
    else:
        load_problem(Layout(problem))


@dataclass(frozen=True)
class Plan:
    """The run's name, and the experiment that it becomes; None if it happens in the workspace."""

    name: str
    experiment: Experiment | None = None


@cache
def _plan(flow_run_id: str, problem: str, overrides: Overrides) -> Plan:
    """The flow run's plan, made once: its name is set before it starts, and by then there may be a new commit."""
    check_problem(problem)
    if is_isolated({"problem": problem, "overrides": overrides}):
        planned = experiment.planned(problem, overrides, Path())
        return Plan(planned.name, planned)
    return Plan(workflow_name(Layout(problem)))


def _name() -> str:
    """The run's name in Prefect, DVC and MLflow; just the problem's if the run is about to fail with a reason."""
    parameters = flow_run.parameters
    try:
        return _plan(str(flow_run.id), parameters["problem"], parameters["overrides"]).name
    except UserError:
        return str(parameters["problem"])


def trigger() -> str:
    """Who or what started the run; the runs that it starts itself get the same answer."""
    context = FlowRunContext.get()
    assert context is not None
    run = context.flow_run
    if run is None or run.deployment_id is None:
        return os.environ.get(TRIGGER, "command line")
    return "prefect schedule" if run.auto_scheduled else "prefect ui"


@flow(name="universal-workflow", flow_run_name=_name, persist_result=False)
@outcome_as_state
def universal_workflow(
    problem: ProblemName,
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
    force: bool = False,
    until: StepName = "report",
) -> State:
    """Run the workflow for one problem.

    Args:
        problem: one of the files in problems/.
        overrides: settings for this run only; with any set, the run happens in a copy and becomes a DVC experiment.
        force: run every step, even where nothing has changed.
        until: the last step to run.
    """
    guard.start()
    plan = _plan(str(flow_run.id), problem, overrides)
    with _place(plan) as root:
        with Progress(plan.name, STEPS[: STEPS.index(until) + 1]) as progress:
            ended = _run_steps(problem, root, force, progress, _environment(plan))
        if ended:
            return ended
        if plan.experiment:
            plan.experiment.save(root, until)
        home = plan.experiment.home if plan.experiment else Path()
        publish(Layout(problem, root), plan.name, home, progress.steps)
    hint = f"; experiment {plan.name}: `make apply run={plan.name}` brings it home" if plan.experiment else ""
    return Completed(message=f"{problem}: every step up to {until} is done{hint}")


def exit_code(outcome: State) -> int:
    """The exit code of a run from the shell."""
    return INTERRUPTED if outcome.is_cancelled() else 0 if outcome.is_completed() else FAILED


@contextmanager
def _place(plan: Plan) -> Iterator[Path]:
    """The folder in which the steps run; the first log line names it, its commit and the trigger."""
    logger = get_run_logger()
    if plan.experiment:
        logger.info("%s, trigger: %s, in a copy of commit %s", plan.name, trigger(), plan.experiment.commit[:7])
    else:
        commit = git_commit(Path()) or "no commit"
        files = f"commit {commit[:7]}" + (" and edits since" if commit.endswith("-dirty") else "")
        logger.info("%s, trigger: %s, in the workspace (%s)", plan.name, trigger(), files)
    for name in copies.remove_leftovers(Path()):
        logger.info("removed the copy that a killed run of %s had left behind", name)
    if plan.experiment:
        with plan.experiment.copy(logger.info) as root:
            yield root
    else:
        with locked_by(psutil.Process()):
            yield Path()


def _environment(plan: Plan) -> dict[str, str]:
    """The environment variables for the steps and their records."""
    variables = {"PREFECT__FLOW_RUN_ID": str(flow_run.id), TRIGGER: trigger()}
    if plan.experiment:
        variables |= {"WORKFLOW_HOME": str(plan.experiment.home.absolute()), "DVC_EXP_NAME": plan.name}
    return variables


def _run_steps(problem: str, root: Path, force: bool, progress: Progress, environment: dict[str, str]) -> State | None:
    """Run the steps one after the other. Return the flow's final state if one fails or is stopped, else None."""
    before: list[State] = []
    # Without the run's tags: before every step Prefect would look up a concurrency limit for each tag, and may wait.
    with Stages(problem, root, environment) as stages, TagsContext(current_tags=set()):
        for step in progress.steps:
            progress.begin(step)
            named = run_stage.with_options(name=step)
            state = named(step, stages, force, progress, wait_for=before, return_state=True)
            if state.is_cancelled():
                return Cancelled(message=state.message)
            if not state.is_completed():
                return Failed(message=f"{step}: {state.message}")
            before = [state]
    progress.complete()
    return None


if __name__ == "__main__":
    with shell_runs.from_the_shell():
        outcome = universal_workflow(
            OPTIONS.problem, OPTIONS.overrides, OPTIONS.force, OPTIONS.until, return_state=True
        )
    print(outcome.message, file=sys.stdout if outcome.is_completed() else sys.stderr)
    sys.exit(exit_code(outcome))

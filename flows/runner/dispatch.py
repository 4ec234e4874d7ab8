"""Starts flow runs as the queue decides, ends those that are cancelled, and marks dead ones as crashed.

Prefect's own runner and work pools start whatever is due, up to a single limit, and do not show what a run waits for.
Here `flows.runner.queue` decides, and a waiting run says what it waits for. A run that cannot happen fails before it
waits (see `flows.runner.admission`).
"""

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from uuid import UUID

import anyio
import anyio.abc
import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import OrchestrationResult, SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.states import Cancelled, Crashed, Failed, Pending, Scheduled

from flows import ROOT
from flows.runner import queue
from flows.runner.admission import Admission
from flows.runner.flow_processes import Files, Spares, end, kill_all
from flows.runner.flow_run import DEPLOYMENT, FLOW_RUN
from flows.runner.remains import mark_remains
from flows.running import shell_runs
from flows.serving.readiness import say_ready
from flows.serving.service import how_it_ended
from src.core.errors import UserError
from tasks import workspace

QUEUED, SKIPPED = "Queued", "Skipped"
_POLL_SECONDS = 0.5
_RENEW_SECONDS = 1.0
_MOMENT = 0.05
# A query by the workers' route marks the deployments as ready; the server forgets that after a minute.
_SHOWN_SECONDS = 20.0
_BURIAL_SECONDS = 5.0
_SHUTDOWN_SECONDS = 5.0
_OPEN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_AGAIN = "Finished steps are kept: run it again."
_DIED = f"The process of this run is gone: it, `make serve` or the machine was stopped. {_AGAIN}"
_ENDED = "Its process has ended."
_STOPPED = f"`make serve` was stopped. {_AGAIN}"

logger = get_logger("runner")


async def serve(places: int, stop: asyncio.Event) -> None:
    """Run flows until `stop` is set, then end those still running. Raises UserError if the flows cannot be served."""
    async with get_client() as client, anyio.create_task_group() as runs:
        dispatcher = Dispatcher(client, places)
        try:
            async with anyio.create_task_group() as loops:
                loops.start_soon(dispatcher.keep_spare)
                loops.start_soon(dispatcher.poll, runs)
                await stop.wait()
                loops.cancel_scope.cancel()
        finally:
            await dispatcher.shut_down()
            runs.cancel_scope.cancel()


class Dispatcher:
    """Tracks the served deployments and the current runs.

    places: how many runs may happen at once besides the one that uses the workspace.
    """

    def __init__(self, client: PrefectClient, places: int) -> None:
        self.client = client
        self.places = places
        self.names: dict[UUID, str] = {}
        self.registered = asyncio.Event()
        self.running: dict[UUID, queue.Run] = {}
        self.cancelling: set[UUID] = set()
        self.asking: set[UUID] = set()
        self.files: Files = frozenset()
        self.admitted: dict[UUID, tuple[Files, Admission]] = {}
        self.news = anyio.Event()
        self.shown_until = self.buried_until = 0.0
        self.processes: dict[UUID, anyio.abc.Process] = {}
        self.spares = Spares()

    async def keep_spare(self) -> None:
        """Keep a process ready for the next run, and the deployments in line with the files."""
        registered = tried = None
        self.files = await self.spares.renew()
        while await self.client.api_healthcheck():
            await anyio.sleep(_POLL_SECONDS)
        while True:
            self.files = await self.spares.renew()
            if self.files != tried:
                tried = self.files
                try:
                    self.names |= await self.spares.register()
                    registered = self.files
                    self.registered.set()
                except UserError as error:
                    if registered is None:
                        raise
                    logger.error("%s; the deployments stay as they were", error)
            await anyio.sleep(_RENEW_SECONDS)

    async def poll(self, runs: anyio.abc.TaskGroup) -> None:
        """Start, queue, cancel and mark runs as needed, again and again. The tasks of `runs` may outlive this one."""
        await self.registered.wait()
        answers = True
        while True:
            try:
                await self._look(runs)
                if not answers:
                    logger.info("The Prefect server answers again")
                answers = True
                say_ready()
            except httpx.HTTPError as error:
                if answers:
                    logger.warning("The Prefect server does not answer; nothing starts until it does: %r", error)
                answers = False
            with anyio.move_on_after(_POLL_SECONDS):
                await self.news.wait()
            self.news = anyio.Event()

    async def shut_down(self) -> None:
        """End every run, report its end if the server answers, and leave no process behind."""
        try:
            with anyio.move_on_after(_SHUTDOWN_SECONDS):
                async with anyio.create_task_group() as endings:
                    for run in await self._open_runs():
                        self._end(run, endings, _STOPPED)
                while self.running:
                    await anyio.sleep(_MOMENT)
                for run in await self._open_runs():
                    await self._bury(run)
        except* httpx.HTTPError as errors:
            logger.warning("The Prefect server could not be told how the runs ended: %r", errors.exceptions[0])
        finally:
            with anyio.CancelScope(shield=True):
                for process in self.processes.values():
                    kill_all(process)
                await self.spares.close()

    async def _look(self, runs: anyio.abc.TaskGroup) -> None:
        running_before = set(self.running)
        opened = await self._open_runs()
        for id_ in running_before - {run.id for run in opened} - self.cancelling:
            process = self.processes.get(id_)  # its run may end by itself while the server is asked
            if process is not None and await self._is_deleted(id_):
                self.cancelling.add(id_)
                runs.start_soon(self._end_deleted, id_, process)
        for run in opened:
            if run.id in self.running:
                self.running[run.id] = replace(self.running[run.id], name=run.name)
                if run.state and run.state.is_cancelling():
                    self._end(run, runs)
            elif run.id not in running_before:
                with _by_itself(run):
                    await self._bury(run)
        if time.monotonic() >= self.buried_until:
            self.buried_until = time.monotonic() + _BURIAL_SECONDS
            for run in await self._dead_shell_runs():
                with _by_itself(run):
                    await self._bury(run)
        due = {run.id: run for run in await self._due_runs() if run.id not in self.running}
        waiting = self._admitted(due, runs)
        skipped = queue.repeated(waiting)
        for run_id, reason in skipped.items():
            with _by_itself(due[run_id]):
                await self.client.set_flow_run_state(run_id, Cancelled(name=SKIPPED, message=reason), force=True)
        starting, reasons = queue.decide(
            [run for run in waiting if run.id not in skipped],
            list(self.running.values()),
            self.places,
            workspace.holder(ROOT),
        )
        for start in starting:
            self.running[start.id] = start
            runs.start_soon(self._run, due[start.id])
        for run_id, reason in reasons.items():
            with _by_itself(due[run_id]):
                await show_queued(self.client, due[run_id], reason)

    def _admitted(self, due: Mapping[UUID, FlowRun], asks: anyio.abc.TaskGroup) -> list[queue.Run]:
        """The runs known to be possible with the present files, in order, up to the first that is not checked yet.

        No run starts before an earlier one. Tasks of `asks` check the others.
        """
        self.admitted = {
            id_: (files, admission)
            for id_, (files, admission) in self.admitted.items()
            if id_ in due and files == self.files
        }
        for id_ in due.keys() - self.admitted.keys() - self.asking:
            self.asking.add(id_)
            asks.start_soon(self._ask, due[id_])
        admitted = takewhile(self.admitted.__contains__, due)
        return [self._in_queue(due[id_], self.admitted[id_][1]) for id_ in admitted]

    async def _ask(self, run: FlowRun) -> None:
        """Check whether the run can happen; if not, let it fail with the reason."""
        files = self.files
        try:
            admission = await self.spares.admit(self._name(run), run.parameters)
            if admission is not None and admission.refusal is not None:
                with _by_itself(run):
                    await self._refuse(run, admission.refusal)
            elif admission is not None:
                self.admitted[run.id] = files, admission
                self.news.set()
        except httpx.HTTPError as error:
            logger.warning("The Prefect server could not be told that run %s cannot happen: %r", run.name, error)
        finally:
            self.asking.discard(run.id)

    async def _refuse(self, run: FlowRun, reason: str) -> None:
        """Let the run fail with the reason, which its log has first: nobody comes back to a run that has ended."""
        line = LogCreate(
            name=logger.name, level=logging.ERROR, message=reason, timestamp=datetime.now(UTC), flow_run_id=run.id
        )
        await self.client.create_logs([line])
        await self.client.set_flow_run_state(run.id, Failed(message=reason), force=True)
        _tell(await self.client.read_flow_run(run.id))

    async def _due_runs(self) -> list[FlowRun]:
        """The runs whose start time has come, earliest first."""
        if time.monotonic() >= self.shown_until:
            self.shown_until = time.monotonic() + _SHOWN_SECONDS
            return await self.client.get_scheduled_flow_runs_for_deployments(list(self.names), datetime.now(UTC))
        return await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=list(self.names)),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
                next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=datetime.now(UTC)),
            ),
            sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
        )

    async def _open_runs(self) -> list[FlowRun]:
        """The runs that are pending, running or cancelling, according to the server."""
        return await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=list(self.names)),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_OPEN)),
            )
        )

    async def _dead_shell_runs(self) -> list[FlowRun]:
        """The runs started from the shell that look open although their process is gone."""
        runs = await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(is_null_=True),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_OPEN)),
            )
        )
        return [run for run in runs if run.parent_task_run_id is None and shell_runs.has_died(run.tags)]

    async def _run(self, run: FlowRun) -> None:
        try:
            with _by_itself(run):
                answer: OrchestrationResult = await self.client.set_flow_run_state(run.id, Pending())
                if answer.status == SetStateStatus.ACCEPT:
                    await self._run_in_process(run)
                _tell(await self.client.read_flow_run(run.id))
        except httpx.HTTPError as error:
            logger.warning("The Prefect server could not be told of run %s: %r", run.id, error)
        finally:
            del self.running[run.id]

    async def _run_in_process(self, run: FlowRun) -> None:
        """Run it and wait for its process and any cancellation. A run that has no final state then has crashed."""
        environment = {DEPLOYMENT: self._name(run), FLOW_RUN: str(run.id)}
        async with self.spares.process(environment) as process:
            self.processes[run.id] = process
            try:
                await process.wait()
            finally:
                del self.processes[run.id]
        while run.id in self.cancelling:
            await anyio.sleep(_MOMENT)
        state = (await self.client.read_flow_run(run.id)).state
        if state is None or state.type in _OPEN:
            assert process.returncode is not None
            message = f"The process of this run {how_it_ended(process.returncode)}. {_AGAIN}"
            await self._end_with(run, Crashed(message=message))

    def _end(self, run: FlowRun, group: anyio.abc.TaskGroup, message: str | None = None) -> None:
        """Cancel the run in a task of `group`, unless it is being cancelled already or has no process yet."""
        if run.id not in self.cancelling and run.id in self.processes:
            self.cancelling.add(run.id)
            group.start_soon(self._cancel, run, self.processes[run.id], message)

    async def _cancel(self, run: FlowRun, process: anyio.abc.Process, message: str | None) -> None:
        try:
            await end(process)
            with _by_itself(run):
                state = (await self.client.read_flow_run(run.id)).state
                if state is None or not (state.is_completed() or state.is_failed()):  # it may finish first
                    reason = message or (state.message if state and state.is_cancelled() else _ENDED)
                    await mark_remains(self.client, run.id, Cancelled(message=reason), [*_OPEN, StateType.CRASHED])
                    await self.client.set_flow_run_state(run.id, Cancelled(message=reason), force=True)
        except httpx.HTTPError as error:  # _bury ends it once the server answers again
            logger.warning("The Prefect server could not be told that run %s was cancelled: %r", run.name, error)
        finally:
            self.cancelling.discard(run.id)

    async def _is_deleted(self, run: UUID) -> bool:
        try:
            await self.client.read_flow_run(run)
        except ObjectNotFound:
            return True
        return False

    async def _end_deleted(self, run: UUID, process: anyio.abc.Process) -> None:
        logger.warning("Run %s was deleted while it was running; ending it", run)
        try:
            await end(process)
        finally:
            self.cancelling.discard(run)

    async def _bury(self, run: FlowRun) -> None:
        """Give a run that has no process a final state."""
        is_cancelled = run.state is not None and run.state.is_cancelling()
        state: State = Cancelled(message=_ENDED) if is_cancelled else Crashed(message=_DIED)
        logger.warning("Run %s has no process: %s", run.name, state.name)
        await self._end_with(run, state)

    async def _end_with(self, run: FlowRun, state: State) -> None:
        await self.client.set_flow_run_state(run.id, state, force=True)
        await mark_remains(self.client, run.id, state, _OPEN)

    def _in_queue(self, run: FlowRun, admission: Admission) -> queue.Run:
        schedule = f"{run.deployment_id} {json.dumps(run.parameters, sort_keys=True)}" if run.auto_scheduled else None
        return queue.Run(run.id, run.name, admission.needs_workspace, schedule)

    def _name(self, run: FlowRun) -> str:
        assert run.deployment_id is not None
        return self.names[run.deployment_id]


@contextmanager
def _by_itself(run: FlowRun) -> Iterator[None]:
    """Log what the server refuses for one run, such as a change of a deleted run, and go on with the others."""
    try:
        yield
    except (ObjectNotFound, httpx.HTTPStatusError) as error:
        logger.warning("Run %s is left alone: %s", run.name, error)


async def show_queued(client: PrefectClient, run: FlowRun, reason: str) -> None:
    """Show what the run waits for. Otherwise Prefect calls it late, like any run that stays `Scheduled`."""
    if run.state and (run.state.name, run.state.message) == (QUEUED, reason):
        return
    state: State = Scheduled(name=QUEUED, message=reason, scheduled_time=run.next_scheduled_start_time)
    await client.set_flow_run_state(run.id, state)
    for since in await client.read_flow_run_states(run.id):
        unseen = run.state is None or since.timestamp > run.state.timestamp
        if unseen and not since.is_scheduled():  # somebody cancelled it in between
            await client.set_flow_run_state(run.id, Cancelled(message=since.message), force=True)
            return


def _tell(run: FlowRun) -> None:
    """One line for the terminal of `make serve`."""
    if run.state is not None:
        reason = f": {run.state.message}" if run.state.message and not run.state.is_completed() else ""
        print(f"{run.name}: {run.state.name}{reason}", flush=True)

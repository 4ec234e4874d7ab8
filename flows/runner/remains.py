"""What a flow run leaves behind when its process ends early: steps and subflows that seem to go on for ever."""

from uuid import UUID

import anyio
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Crashed

_OPEN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
# What the process said last is on its way to the server for a moment.
_LAST_WORDS_SECONDS = 1.0


class Remains:
    """Marks them; called by the parts of Prefect's runner in the place of a flow's hooks."""

    def __init__(self, client: PrefectClient) -> None:
        self.client = client

    async def run_cancellation_hooks(self, flow_run: FlowRun, state: State) -> None:
        """A step that was ended in an orderly way calls itself crashed; it was cancelled, too."""
        await self._mark(flow_run.id, Cancelled(message=state.message), [*_OPEN, StateType.CRASHED])

    async def run_crashed_hooks(self, flow_run: FlowRun, state: State) -> None:
        await self.mark(flow_run.id, Crashed(message=state.message))

    async def mark(self, flow_run: UUID, state: State) -> None:
        """Give `state` to the steps and subflows of the run that seem to go on."""
        await anyio.sleep(_LAST_WORDS_SECONDS)
        await self._mark(flow_run, state, _OPEN)

    async def _mark(self, flow_run: UUID, state: State, types: list[StateType]) -> None:
        for task_run in await self.client.read_task_runs(
            task_run_filter=TaskRunFilter(
                flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run]),
                state=TaskRunFilterState(type=TaskRunFilterStateType(any_=types)),
            )
        ):
            await self.client.set_task_run_state(task_run.id, state, force=True)
        for subflow in await self.client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*types, StateType.CANCELLED])),
            )
        ):
            if subflow.state_type in types:
                await self.client.set_flow_run_state(subflow.id, state, force=True)
            await self._mark(subflow.id, state, types)

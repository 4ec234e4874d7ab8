"""What a flow run leaves behind when its process ends early: steps and subflows that seem to go on for ever."""

from collections.abc import Sequence
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
from prefect.client.schemas.objects import State, StateType

# What the process said last is on its way to the server for a moment.
_LAST_WORDS_SECONDS = 1.0


async def mark_remains(client: PrefectClient, flow_run: UUID, state: State, types: Sequence[StateType]) -> None:
    """Give `state` to the steps and subflows of the run, and to theirs, whose state is one of `types`."""
    await anyio.sleep(_LAST_WORDS_SECONDS)
    await _mark(client, flow_run, state, list(types))


async def _mark(client: PrefectClient, flow_run: UUID, state: State, types: list[StateType]) -> None:
    for task_run in await client.read_task_runs(
        task_run_filter=TaskRunFilter(
            flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run]),
            state=TaskRunFilterState(type=TaskRunFilterStateType(any_=types)),
        )
    ):
        await client.set_task_run_state(task_run.id, state, force=True)
    for subflow in await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[flow_run]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*types, StateType.CANCELLED])),
        )
    ):
        if subflow.state_type in types:
            await client.set_flow_run_state(subflow.id, state, force=True)
        await _mark(client, subflow.id, state, types)

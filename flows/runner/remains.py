"""Ends the steps and subflows that seem to run for ever after the process of their flow run has died."""

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

# The process's last messages may take this long to reach the server.
_LAST_WORDS_SECONDS = 1.0


async def mark_remains(client: PrefectClient, flow_run: UUID, state: State, types: Sequence[StateType]) -> None:
    """Set `state` for all steps and subflows below the run whose state is one of `types`."""
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

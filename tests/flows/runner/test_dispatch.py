"""The runner outlives its server: it ends what it has to end, also when nobody can be told."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import anyio
import anyio.abc
import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun

from flows.runner.dispatch import Dispatcher


class SilentServer:
    """A client whose server is gone."""

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: object, **options: object) -> None:
            raise httpx.ConnectError("All connection attempts failed")

        return call


async def dispatcher_with_run(run: UUID) -> tuple[Dispatcher, anyio.abc.Process]:
    dispatcher = Dispatcher(cast(PrefectClient, SilentServer()), places=2)
    process = await anyio.open_process(["sleep", "60"], start_new_session=True)
    dispatcher.processes[run] = process
    return dispatcher, process


def test_a_run_that_is_cancelled_ends_although_the_server_is_gone():
    run = cast(FlowRun, SimpleNamespace(id=uuid4(), name="tiny"))

    async def cancel() -> int:
        dispatcher, process = await dispatcher_with_run(run.id)
        async with anyio.create_task_group() as runs:
            dispatcher._end(run, runs)
        assert not dispatcher.cancelling
        return await process.wait()

    assert anyio.run(cancel) < 0


def test_the_runner_shuts_down_although_the_server_is_gone():
    async def shut_down() -> int:
        dispatcher, process = await dispatcher_with_run(uuid4())
        await dispatcher.shut_down()
        return await process.wait()

    assert anyio.run(shut_down) < 0

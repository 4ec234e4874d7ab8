"""The runner outlives its server: it ends what it has to end, also when nobody can be told."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import anyio
import anyio.abc
import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from flows.runner import queue
from flows.runner.dispatch import Dispatcher


class SilentServer:
    """A client whose server is gone."""

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: object, **options: object) -> None:
            raise httpx.ConnectError("All connection attempts failed")

        return call


class Forgetful:
    """A client whose server has no runs left. While it answers, the process of the run that it is asked for ends."""

    def __init__(self) -> None:
        self.dispatcher: Dispatcher | None = None

    async def read_flow_run(self, run: UUID) -> None:
        assert self.dispatcher is not None
        del self.dispatcher.processes[run]
        raise ObjectNotFound(http_exc=LookupError())

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: object, **options: object) -> list[object]:
            return []

        return call


SILENT = cast(PrefectClient, SilentServer())


async def dispatcher_with_run(run: UUID, client: PrefectClient = SILENT) -> tuple[Dispatcher, anyio.abc.Process]:
    dispatcher = Dispatcher(client, places=2)
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


def test_a_deleted_run_that_ends_by_itself_meanwhile_is_no_error():
    async def look() -> int:
        server = Forgetful()
        run = uuid4()
        server.dispatcher, process = await dispatcher_with_run(run, cast(PrefectClient, server))
        server.dispatcher.running[run] = queue.Run(run, "tiny", needs_workspace=True)
        async with anyio.create_task_group() as runs:
            await server.dispatcher._look(runs)
        return await process.wait()

    assert anyio.run(look) < 0


def test_the_runner_shuts_down_although_the_server_is_gone():
    async def shut_down() -> int:
        dispatcher, process = await dispatcher_with_run(uuid4())
        await dispatcher.shut_down()
        return await process.wait()

    assert anyio.run(shut_down) < 0

"""The processes that flow runs happen in, seen from the runner: started in advance, ended with all they started."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream
from prefect.runner._control_channel import ControlChannel
from prefect.runner._process_manager import ProcessHandle, ProcessManager

from flows import ROOT
from flows.runner.admission import Admission
from flows.runner.flow_run import ADMIT, REGISTER, RUN
from src.core.errors import UserError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.05
_LONGEST_ANSWER = 1 << 16

# What a process has read by the time it waits: the code, the names in the problem form, the settings of Prefect.
_READ_AT_START = ("flows/**/*.py", "tasks/**/*.py", "src/**/*.py", "problems/*.yaml", "params.yaml", "prefect.toml")
_BROKEN = (
    "the flows cannot be loaded as the files are now; .workflow/logs/runner.log tells why. Mend that, then run again"
)

Files = frozenset[tuple[str, int, int]]


def state_of_files(root: Path = ROOT) -> Files:
    """What a process started now would read, compared by names, sizes and times."""
    return frozenset(_facts(root))


def _facts(root: Path) -> Iterator[tuple[str, int, int]]:
    for pattern in _READ_AT_START:
        for path in root.glob(pattern):
            with suppress(FileNotFoundError):
                stat = path.stat()
                yield str(path), stat.st_size, stat.st_mtime_ns


class FlowProcesses(ProcessManager):
    """The running ones, by flow run. Ended within seconds: DVC, steps and workers go down with their flow."""

    async def kill(self, flow_run_id: UUID, grace_seconds: float = GRACE_SECONDS, *, force: bool = False) -> None:
        handle = self.get(flow_run_id)
        if handle is None or handle.returncode is not None:
            return
        if not force:
            with suppress(ProcessLookupError):
                handle.graceful_kill()
            with anyio.move_on_after(min(grace_seconds, GRACE_SECONDS)):
                while handle.returncode is None:
                    await anyio.sleep(_POLL_SECONDS)
        with suppress(ProcessLookupError):
            handle.hard_kill()


class _Session:
    """A flow process is asked to end alone, so that it can end the others in order; what is left is killed."""

    wait_after_graceful_kill = True

    def is_alive(self, pid: int) -> bool:
        with suppress(ProcessLookupError):
            os.killpg(pid, 0)
            return True
        return False

    def graceful_kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGTERM)

    def hard_kill(self, pid: int) -> None:
        os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        pass


@dataclass
class _Spare:
    process: anyio.abc.Process
    files: Files

    async def ask(self, order: str, argument: object = None) -> Any:
        """Its answer; None where it has ended."""
        assert self.process.stdout is not None
        try:
            await _tell(self.process, [order, argument])
            answer = await BufferedByteReceiveStream(self.process.stdout).receive_until(b"\n", _LONGEST_ANSWER)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.IncompleteRead, anyio.EndOfStream):
            return None
        return json.loads(answer)

    def is_of_use(self) -> bool:
        return self.process.returncode is None and self.files == state_of_files()


class Spares:
    """Keeps one process ready for the next flow run, and starts flow runs in it (a Prefect `ProcessStarter`).

    environment: of a flow run, beside that of the runner.
    """

    def __init__(self, control: ControlChannel, environment: Callable[["FlowRun"], Mapping[str, str]]) -> None:
        self.control = control
        self.environment = environment
        self.ready: _Spare | None = None
        self._one_question = anyio.Lock()

    async def renew(self) -> Files:
        """Have a spare that has read the files as they are now; return their state.

        A spare that has ended by itself is left at that until the files have changed: the next would, too.
        """
        files = state_of_files()
        async with self._one_question:
            if self.ready is None or self.ready.files != files:
                await self.close()
                self.ready = await self._started(files)
        return files

    async def register(self) -> dict[UUID, str]:
        """Let the spare register the deployments; return their names by id. UserError when it cannot."""
        async with self._one_question:
            answer = await self.ready.ask(REGISTER) if self.ready else None
        if answer is None:
            raise UserError("the flows cannot be loaded or registered; the error above tells why")
        return {UUID(id_): name for id_, name in answer.items()}

    async def admit(self, deployment: str, parameters: Mapping[str, object]) -> Admission | None:
        """Let the spare look at a run of the deployment; None where it cannot be asked just now."""
        async with self._one_question:
            asked = self.ready
            if asked is not None and asked.process.returncode is not None:
                asked = self.ready = await self._started(state_of_files())
            answer = await asked.ask(ADMIT, [deployment, parameters]) if asked else None
            if answer is not None:
                return Admission(**answer)
            return Admission(_BROKEN) if asked is not None and asked is self.ready else None

    async def start(
        self, flow_run: "FlowRun", task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Run `flow_run` in the spare and wait for its end, and for that of everything it started."""
        port, token = self.control.register(flow_run.id)
        taken, self.ready = self.ready, None
        if taken is None or not taken.is_of_use():
            if taken is not None:
                await _end(taken.process)
            taken = await self._started(state_of_files())
        process = taken.process
        try:
            await _tell(
                process,
                [
                    RUN,
                    {
                        **self.environment(flow_run),
                        "PREFECT__FLOW_RUN_ID": str(flow_run.id),
                        "PREFECT__CONTROL_PORT": str(port),
                        "PREFECT__CONTROL_TOKEN": token,
                        # The runner marks what a flow leaves behind.
                        "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
                    },
                ],
            )
            task_status.started(ProcessHandle(process, _Session()))
            await process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.aclose()

    async def close(self) -> None:
        if self.ready is not None:
            taken, self.ready = self.ready, None
            await _end(taken.process)

    async def _started(self, files: Files) -> _Spare:
        process = await anyio.open_process(
            [sys.executable, "-m", "flows.runner.flow_run"], cwd=ROOT, stderr=None, start_new_session=True
        )
        return _Spare(process, files)


async def _tell(process: anyio.abc.Process, order: object) -> None:
    assert process.stdin is not None
    await process.stdin.send(json.dumps(order).encode() + b"\n")


async def _end(process: anyio.abc.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()

"""The processes of flow runs, as the runner sees them: started in advance, ended with everything they started."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from flows import ROOT
from flows.runner.admission import Admission
from flows.runner.flow_run import ADMIT, REGISTER, RUN
from src.core.errors import UserError

_GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.05
_LONGEST_ANSWER = 1 << 16

# What a waiting process has already read: the code, the names in the problem form, the Prefect settings.
_READ_AT_START = ("flows/**/*.py", "tasks/**/*.py", "src/**/*.py", "problems/*.yaml", "params.yaml", "prefect.toml")
_BROKEN = (
    "the flows cannot be loaded as the files are now; .workflow/logs/runner.log says why. Fix that, then run again"
)

Files = frozenset[tuple[str, int, int]]


def state_of_files(root: Path = ROOT) -> Files:
    """The names, sizes and times of the files that a process started now would read."""
    return frozenset(_facts(root))


def _facts(root: Path) -> Iterator[tuple[str, int, int]]:
    for pattern in _READ_AT_START:
        for path in root.glob(pattern):
            with suppress(FileNotFoundError):
                stat = path.stat()
                yield str(path), stat.st_size, stat.st_mtime_ns


async def end(process: anyio.abc.Process) -> None:
    """Ask the process to end, so that it can stop its children in order; after a few seconds kill what is left."""
    with suppress(ProcessLookupError):
        process.terminate()
    with anyio.move_on_after(_GRACE_SECONDS):
        while process.returncode is None:
            await anyio.sleep(_POLL_SECONDS)
    kill_all(process)


def kill_all(process: anyio.abc.Process) -> None:
    """Kill everything in the session that the process leads."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@dataclass
class _Spare:
    process: anyio.abc.Process
    files: Files

    async def ask(self, order: str, argument: object = None) -> Any:
        """Its answer; None if it has ended."""
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
    """Keeps one process ready for the next flow run."""

    def __init__(self) -> None:
        self.ready: _Spare | None = None
        self._one_question = anyio.Lock()

    async def renew(self) -> Files:
        """Make sure that the spare has read the files as they are now; return their state.

        A spare that ended by itself is replaced only after the files have changed: the next one would end, too.
        """
        files = state_of_files()
        async with self._one_question:
            if self.ready is None or self.ready.files != files:
                await self.close()
                self.ready = await self._started(files)
        return files

    async def register(self) -> dict[UUID, str]:
        """Let the spare register the deployments; return their names by id. Raises UserError if it cannot."""
        async with self._one_question:
            answer = await self.ready.ask(REGISTER) if self.ready else None
        if answer is None:
            raise UserError("the flows cannot be loaded or registered; the error above says why")
        return {UUID(id_): name for id_, name in answer.items()}

    async def admit(self, deployment: str, parameters: Mapping[str, object]) -> Admission | None:
        """Let the spare check a run of the deployment; None if it cannot answer just now."""
        async with self._one_question:
            spare = self.ready
            if spare is not None and spare.process.returncode is not None:
                spare = self.ready = await self._started(state_of_files())
            answer = await spare.ask(ADMIT, [deployment, parameters]) if spare else None
            if answer is not None:
                return Admission(**answer)
            return Admission(_BROKEN) if spare is not None and spare is self.ready else None

    @asynccontextmanager
    async def process(self, environment: Mapping[str, str]) -> AsyncIterator[anyio.abc.Process]:
        """Make the spare execute the flow run that `environment` names; after the block kill all that it started."""
        spare, self.ready = self.ready, None
        if spare is None or not spare.is_of_use():
            if spare is not None:
                await _end_spare(spare.process)
            spare = await self._started(state_of_files())
        try:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # it has just ended
                await _tell(spare.process, [RUN, environment])
            yield spare.process
        finally:
            kill_all(spare.process)
            await spare.process.aclose()

    async def close(self) -> None:
        if self.ready is not None:
            spare, self.ready = self.ready, None
            await _end_spare(spare.process)

    async def _started(self, files: Files) -> _Spare:
        process = await anyio.open_process(
            [sys.executable, "-m", "flows.runner.flow_run"], cwd=ROOT, stderr=None, start_new_session=True
        )
        return _Spare(process, files)


async def _tell(process: anyio.abc.Process, order: object) -> None:
    assert process.stdin is not None
    await process.stdin.send(json.dumps(order).encode() + b"\n")


async def _end_spare(process: anyio.abc.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()

"""Answer requests in batches: those that arrive while others are answered wait, and are then answered together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from src.scoring.requests import Request
from src.scoring.service import Reply

# The most bytes of a batch, unless a single request has more.
MOST_TOGETHER = 2**22


class Waiting:
    """Passes all waiting requests to `answers`, which runs in its own thread, one call at a time."""

    def __init__(self, answers: Callable[[Sequence[Request]], list[Reply]]) -> None:
        self.answers = answers
        self.queue: deque[tuple[Request, asyncio.Future[Reply]]] = deque()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self.work: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Reply:
        """The answer to one request."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self.queue.append((request, future))
        if self.work is None or self.work.done():
            self.work = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self.queue:
            batch, size = [self.queue.popleft()], 0
            while self.queue and (size := size + len(batch[-1][0].body)) <= MOST_TOGETHER:
                batch.append(self.queue.popleft())
            await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[Request, asyncio.Future[Reply]]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self.thread, self.answers, [request for request, _ in batch])
        except Exception as error:
            if len(batch) > 1:  # one request that meets a bug must not fail the others
                for each in batch:
                    await self._answer([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():  # otherwise the client has left
                future.set_result(answer)

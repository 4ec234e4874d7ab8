"""Requests that wait while others are answered, and are then answered together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from src.scoring.requests import Request
from src.scoring.service import Answer

# What is answered together has at most so many bytes, unless one request alone has more.
MOST_TOGETHER = 2**22


class Waiting:
    """Hands all that waits to `answers`, which runs in a thread of its own, one call at a time."""

    def __init__(self, answers: Callable[[Sequence[Request]], list[Answer]]) -> None:
        self.answers = answers
        self.queue: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        self.work: asyncio.Task[None] | None = None

    async def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self.queue.append((request, future))
        if self.work is None or self.work.done():
            self.work = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self.queue:
            taken, size = [self.queue.popleft()], 0
            while self.queue and (size := size + len(taken[-1][0].body)) <= MOST_TOGETHER:
                taken.append(self.queue.popleft())
            await self._answer(taken)

    async def _answer(self, taken: Sequence[tuple[Request, asyncio.Future[Answer]]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            answers = await loop.run_in_executor(self.thread, self.answers, [request for request, _ in taken])
        except Exception as error:
            if len(taken) > 1:  # a request that meets a bug does not take the others with it
                for one in taken:
                    await self._answer([one])
            elif not taken[0][1].done():
                taken[0][1].set_exception(error)
            return
        for (_, future), answer in zip(taken, answers, strict=True):
            if not future.done():  # else the client has left
                future.set_result(answer)

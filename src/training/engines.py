"""Where shards are trained: in this process, in processes of this machine, or on a Dask or Ray cluster.

    engine: {backend: dask, address: "tcp://scheduler:8786"}        # pip install -r requirements-engines.txt
    engine: {backend: ray, address: "ray://head:10001"}

A cluster's workers need this repository at the same path, or on their PYTHONPATH, and the same requirements. Shards are
returned as they finish. Those of a worker that died run elsewhere, with the same result, because everything random
comes from the members' own seeds. Dask and Ray are called through their own clients: with joblib, a lost worker would
lose the results of all.
"""

import multiprocessing
import os
import pickle
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from src.core.errors import UserError
from src.core.processes import die_with_parent
from src.problem.training import Engine

T = TypeVar("T")
Call = Callable[[], T]

REPOSITORY = Path(__file__).resolve().parents[2]
# How often workers may die before the remaining shards are given up.
LOSSES = 3
SECONDS_TO_CONNECT = 20


class Pool(ABC):
    """Runs calls, `workers` at a time."""

    workers: int

    @abstractmethod
    def run(self, calls: Sequence[Call[T]]) -> Iterator[tuple[int, T]]:
        """The results of all calls with their numbers, in the order in which they finish."""


@contextmanager
def pool_of(engine: Engine, worth_workers: bool) -> Iterator[Pool]:
    """The pool in which the engine runs shards. worth_workers: whether the job is long enough for worker processes."""
    if engine.backend == "dask":
        with _dask(engine) as dask:
            yield dask
    elif engine.backend == "ray":
        with _ray(engine) as ray:
            yield ray
    else:
        # Members that are spread over devices use them one after another.
        alone = engine.spreads or not worth_workers
        workers = (1 if alone else cores()) if engine.workers == "auto" else engine.workers
        yield Processes(workers) if workers > 1 else Here()


class Here(Pool):
    """In this process."""

    workers = 1

    def run(self, calls: Sequence[Call[T]]) -> Iterator[tuple[int, T]]:
        yield from ((number, call()) for number, call in enumerate(calls))


class Processes(Pool):
    """In processes of this machine. If one is killed, all end, and the remaining calls start again."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, calls: Sequence[Call[T]]) -> Iterator[tuple[int, T]]:
        left = dict(enumerate(calls))
        for _ in range(LOSSES):
            with ProcessPoolExecutor(
                min(self.workers, len(left)), process_context(), initializer=die_with_parent, initargs=(os.getpid(),)
            ) as pool:
                try:
                    numbers = {pool.submit(call): number for number, call in left.items()}
                    for future in as_completed(numbers):
                        result = future.result()
                        del left[numbers[future]]
                        yield numbers[future], result
                    return
                except BrokenProcessPool:
                    continue
                except BaseException:
                    # Ctrl-C reaches the workers, too. Without this, the pool would wait for one that missed it.
                    for worker in multiprocessing.active_children():
                        worker.kill()
                    raise
        raise UserError(
            f"worker processes were killed {LOSSES} times while they trained; if memory ran out, lower engine.memory "
            "or engine.workers"
        )


def process_context() -> multiprocessing.context.BaseContext:
    """Fork if possible: forked workers need no imports, which take seconds. A GPU's state cannot be forked."""
    import torch

    forks = sys.platform == "linux" and not torch.cuda.is_initialized()
    return multiprocessing.get_context("fork" if forks else "spawn")


def cores() -> int:
    """The number of workers for this machine: one per GPU, or one per core."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.device_count()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Dask(Pool):
    """On a Dask cluster, which runs the calls of a lost worker on another."""

    def __init__(self, client: Any, workers: int) -> None:
        self.client, self.workers = client, workers

    def run(self, calls: Sequence[Call[T]]) -> Iterator[tuple[int, T]]:
        from distributed import as_completed as dask_as_completed
        from distributed.scheduler import KilledWorker

        futures = {self.client.submit(_by_value(), pickle.dumps(call), pure=False): n for n, call in enumerate(calls)}
        try:
            for future in dask_as_completed(list(futures), loop=self.client.loop):
                yield futures[future], future.result()
        except KilledWorker as error:
            raise UserError(f"Dask workers died while they trained a shard: {error}") from None
        finally:
            self.client.cancel(list(futures))


@contextmanager
def _dask(engine: Engine) -> Iterator[Dask]:
    try:
        from distributed import Client
    except ImportError:
        raise _missing("dask") from None
    wanted = 1 if engine.workers == "auto" else engine.workers
    try:
        client = Client(engine.address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except OSError as error:
        raise UserError(f"engine.address: no Dask scheduler answers at {engine.address} ({error})") from None
    with client:
        try:
            client.wait_for_workers(wanted, timeout=SECONDS_TO_CONNECT)
        except TimeoutError:
            raise UserError(f"engine.workers: the Dask scheduler at {engine.address} has fewer than {wanted}") from None
        threads = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        yield Dask(client, threads if engine.workers == "auto" else engine.workers)


class Ray(Pool):
    """On a Ray cluster, which repeats the calls of a lost worker."""

    def __init__(self, ray: Any, workers: int) -> None:
        self.ray, self.workers = ray, workers

    def run(self, calls: Sequence[Call[T]]) -> Iterator[tuple[int, T]]:
        train = self.ray.remote(num_cpus=1, max_retries=LOSSES)(_by_value())
        numbers = {train.remote(pickle.dumps(call)): number for number, call in enumerate(calls)}
        waiting = list(numbers)
        try:
            while waiting:
                [done], waiting = self.ray.wait(waiting, num_returns=1)
                yield numbers[done], self.ray.get(done)
        except self.ray.exceptions.WorkerCrashedError as error:
            raise UserError(f"Ray workers died while they trained a shard: {error}") from None


@contextmanager
def _ray(engine: Engine) -> Iterator[Ray]:
    # Otherwise Ray reports its usage over the network.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError:
        raise _missing("ray") from None
    try:
        ray.init(address=engine.address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError) as error:
        raise UserError(f"engine.address: no Ray cluster answers at {engine.address} ({error})") from None
    try:
        yield Ray(ray, int(ray.cluster_resources()["CPU"]) if engine.workers == "auto" else engine.workers)
    finally:
        ray.shutdown()


def _missing(backend: str) -> UserError:
    return UserError(
        f"engine.backend: {backend} is not installed; `pip install -r requirements-engines.txt`, or choose local"
    )


def _by_value() -> Callable[[bytes], Any]:
    """A function that is pickled by value, not by its name, because it tells a worker where this repository is."""
    repository = str(REPOSITORY)

    def call(pickled: bytes) -> Any:
        import pickle
        import sys

        if repository not in sys.path:
            sys.path.insert(0, repository)
        return pickle.loads(pickled)()  # noqa: S301 - sent by this very run

    return call

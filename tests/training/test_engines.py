"""Shards on worker processes, a real Dask cluster and a real Ray cluster: the same results, also when a worker dies."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest

from src.core.errors import UserError
from src.models.measures import TABLE
from src.problem.training import Engine
from src.training import fit as fit_module
from src.training.fit import fit
from tests.training.dying import Dying
from tests.training.examples import candidate, table_of
from tests.training.test_backends import ALONE, assert_same_bits, members_of

INSTALL = "pip install -r requirements-engines.txt"
needs_dask = pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason=f"no dask: {INSTALL}")
needs_ray = pytest.mark.skipif(not importlib.util.find_spec("ray"), reason=f"no ray: {INSTALL}")

BARE = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def free_port() -> int:
    # Ray's own workers take ports from 10002 to 19999.
    for port in range(20100 + os.getpid() % 5000, 65000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


@contextmanager
def running(*command: str, cwd: os.PathLike, ending: signal.Signals = signal.SIGKILL, **environment: str):
    with subprocess.Popen(
        command, cwd=cwd, env=BARE | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(ending)


def wait_for(port: int, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing answers on port {port}")


def same_everywhere(engine: Engine, monkeypatch, tmp_path) -> None:
    """Two shards: as in this process; then with a worker that dies in the middle of one."""
    table = table_of("binary", rows=60)
    members = members_of(table, [candidate(dropout=0.2), candidate(units=[300])])
    expected = fit(members, table, TABLE["mse"], ALONE, "here")
    for a, b in zip(fit(members, table, TABLE["mse"], engine, "there"), expected, strict=True):
        assert_same_bits(a, b)
    mark = tmp_path / "died"
    monkeypatch.setattr(fit_module, "train_shard", Dying(str(mark)))
    survived = fit(members, table, TABLE["mse"], engine, "there")
    assert mark.exists(), "a worker was killed"
    for a, b in zip(survived, expected, strict=True):
        assert_same_bits(a, b)


def test_worker_processes(monkeypatch, tmp_path):
    same_everywhere(Engine(workers=2, accelerator="cpu"), monkeypatch, tmp_path)


def test_workers_that_always_die_are_told(monkeypatch, tmp_path):
    table = table_of("binary")

    class AlwaysDying(Dying):
        def __call__(self, *_):
            os._exit(9)

    monkeypatch.setattr(sys.modules[Dying.__module__], "AlwaysDying", AlwaysDying, raising=False)
    AlwaysDying.__module__, AlwaysDying.__qualname__ = Dying.__module__, "AlwaysDying"
    monkeypatch.setattr(fit_module, "train_shard", AlwaysDying(""))
    with pytest.raises(UserError, match=r"killed 3 times.*lower engine\.memory or engine\.workers"):
        fit(members_of(table, [candidate()]), table, TABLE["mse"], Engine(workers=2, accelerator="cpu"), "dying")


@pytest.fixture
def dask_address(tmp_path):
    """A scheduler and two workers, processes of their own that meet at a TCP address. They start outside the
    repository, and without a nanny: a worker that was killed stays dead."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    python = (sys.executable, "-m")
    with ExitStack() as stack:
        scheduler = (*python, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        stack.enter_context(running(*scheduler, "--no-dashboard", "--no-jupyter", cwd=tmp_path))
        wait_for(port)
        worker = (*python, "distributed.cli.dask_worker", address, "--host", "127.0.0.1", "--nthreads", "1")
        for _ in range(2):
            stack.enter_context(running(*worker, "--no-nanny", "--no-dashboard", cwd=tmp_path))
        yield address


@needs_dask
@pytest.mark.slow
def test_a_dask_cluster(dask_address, monkeypatch, tmp_path):
    engine = Engine(backend="dask", address=dask_address, workers=2, accelerator="cpu")
    same_everywhere(engine, monkeypatch, tmp_path)
    monkeypatch.setattr("src.training.engines.SECONDS_TO_CONNECT", 2)
    with pytest.raises(UserError, match=r"engine\.workers: the Dask scheduler at .* has fewer than 2"):
        same_everywhere(engine, monkeypatch, tmp_path)


@needs_dask
def test_a_dask_scheduler_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr("src.training.engines.SECONDS_TO_CONNECT", 1)
    table = table_of("binary")
    engine = Engine(backend="dask", address=f"tcp://127.0.0.1:{free_port()}", accelerator="cpu")
    with pytest.raises(UserError, match=r"engine\.address: no Dask scheduler answers at tcp://127\.0\.0\.1"):
        fit(members_of(table, [candidate()]), table, TABLE["mse"], engine, "nowhere")


@needs_ray
@pytest.mark.slow
def test_a_ray_cluster(monkeypatch, tmp_path):
    port = free_port()
    head = (sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus=2", f"--port={port}")
    quiet = ("--node-ip-address=127.0.0.1", "--include-dashboard=false", "--disable-usage-stats")
    with running(*head, *quiet, cwd=tmp_path, ending=signal.SIGTERM, RAY_TMPDIR="/tmp"):
        wait_for(port)
        engine = Engine(backend="ray", address=f"127.0.0.1:{port}", workers=2, accelerator="cpu")
        same_everywhere(engine, monkeypatch, tmp_path)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_backend_that_is_not_installed_is_told_with_the_way_out(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, {"dask": "distributed", "ray": "ray"}[backend], None)
    table = table_of("binary")
    engine = Engine(backend=backend, address="tcp://127.0.0.1:1", accelerator="cpu")
    with pytest.raises(UserError, match=rf"engine\.backend: {backend} is not installed.*requirements-engines\.txt"):
        fit(members_of(table, [candidate()]), table, TABLE["mse"], engine, "missing")


def test_a_cluster_needs_an_address_and_a_machine_has_none():
    for wrong in ({"backend": "dask"}, {"address": "tcp://127.0.0.1:1"}):
        with pytest.raises(ValueError, match="give an address with backend dask or ray, and none with local"):
            Engine(**wrong)

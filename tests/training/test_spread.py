"""A member on several devices: two processes on this CPU, which meet by gloo, learn what one learns."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from src.core.errors import UserError
from src.models.measures import TABLE
from src.problem.training import Engine
from src.training.fit import fit
from src.training.members import Trained
from tests.training.examples import candidate, table_of
from tests.training.test_backends import ALONE, assert_equal, members_of
from tests.training.test_engines import free_port


def trained(engine: Engine) -> list[Trained]:
    """With dropout, weights, penalties, a clipped gradient, and a last minibatch of one row for two processes."""
    table = table_of("binary", rows=50, weights=True)
    options = {"dropout": 0.3, "l2": 1e-3, "clip_norm": 0.5, "patience": 2, "units": [16, 8]}
    return fit(members_of(table, [candidate(**options)])[:2], table, TABLE["mse"], engine, "spread")


def test_a_member_spread_over_two_devices_comes_out_as_on_one(caplog):
    with caplog.at_level("INFO", logger="workflow"):
        spread = trained(Engine(accelerator="cpu", devices=2, strategy="ddp"))
    assert "2 looped: each on 2 devices" in caplog.text
    for one, alone in zip(spread, trained(ALONE), strict=True):
        assert len(one.member.training) % 8 == 1
        assert_equal(one, alone, 1e-5)


def on_node(rank: int, port: int) -> list[Trained]:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), NODE_RANK=str(rank))
    return trained(Engine(accelerator="cpu", num_nodes=2))


def test_a_member_spread_over_two_machines_comes_out_on_both_as_on_one():
    port = free_port()
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        nodes = list(pool.map(on_node, range(2), [port] * 2))
    for node in nodes:
        for one, alone in zip(node, trained(ALONE), strict=True):
            assert_equal(one, alone, 1e-5)


def test_several_machines_need_a_place_to_meet(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    for name in ("MASTER_PORT", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"engine\.num_nodes: set MASTER_PORT, NODE_RANK on each machine"):
        trained(Engine(accelerator="cpu", num_nodes=2))


def test_a_strategy_for_a_single_device_is_refused():
    with pytest.raises(ValueError, match="a strategy is for several devices or num_nodes"):
        Engine(strategy="ddp")


def test_a_process_that_is_killed_is_told(monkeypatch):
    monkeypatch.setattr("src.training.looped.EpochPerStep.on_train_epoch_end", lambda self: os._exit(9))
    with pytest.raises(UserError, match=r"engine\.devices: a process was killed while it trained a member"):
        trained(Engine(accelerator="cpu", devices=2))

"""Learning rates that follow a schedule: stacked as alone, and over the epochs that the schedule was made for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from src.models.schedules import SCHEDULES
from src.training import shards
from tests.training.examples import candidate, table_of
from tests.training.test_backends import assert_equal, assert_same_bits, both_ways, members_of
from tests.training.test_stacks import OPTIMIZERS, fit_here


@given(
    optimizer=st.sampled_from(OPTIMIZERS),
    varied=st.lists(
        st.tuples(st.sampled_from(list(SCHEDULES)), st.sampled_from([None, 3, 9]), st.sampled_from([0.0, 2.0])),
        min_size=2,
        max_size=4,
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=10, deadline=None)
def test_stacked_equals_looped_with_rates_that_change_side_by_side(optimizer, varied, seed):
    table = table_of("binary", 41, seed)
    shared = {"optimizer": optimizer, "epochs": 5, "learning_rate": 0.03}
    candidates = [candidate(schedule=s, schedule_epochs=over, weight_decay=d, **shared) for s, over, d in varied]
    members = [m for m in members_of(table, candidates, 2, seed) if m.fold == 0]
    for one, alone in both_ways(table, members, torch.float64):
        assert_equal(one, alone, 1e-12)


def test_members_of_folds_with_fewer_steps_have_schedules_of_their_own():
    table = table_of("regression", 49)
    members = members_of(table, [candidate(schedule="coslog4"), candidate(schedule="cosine", epochs=3)], parts=2)
    assert {m.steps_of_epoch for m in members} == {3, 4}
    for one, alone in both_ways(table, members, torch.float64):
        assert_equal(one, alone, 1e-12)


@pytest.mark.parametrize("name", ["linear", "cosine", "coslog4"])
def test_members_with_a_schedule_are_stacked_and_the_schedule_decides_what_they_learn(name, monkeypatch):
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("looped")

    monkeypatch.setattr("src.training.looped.train_looped", refuse)
    table = table_of("regression")
    constant, changing = (fit_here(table, members_of(table, [candidate(**more)])) for more in ({}, {"schedule": name}))
    for one, other in zip(constant, changing, strict=True):
        assert not np.array_equal(one.predictions, other.predictions)
    mixed = fit_here(table, members_of(table, [candidate(), candidate(schedule=name)]))
    for one, beside in zip([*constant, *changing], mixed, strict=True):
        assert_same_bits(one, beside)


@pytest.mark.parametrize("backend", ["stacked", "looped"])
def test_a_training_of_fewer_epochs_than_its_schedule_leaves_it_early_and_goes_on_as_planned(backend, monkeypatch):
    if backend == "looped":
        monkeypatch.setattr(shards, "WIDEST_STACKED", 1)
    table = table_of("binary")
    long = {"schedule": "coslog4", "schedule_epochs": 6}
    whole, short = (fit_here(table, members_of(table, [candidate(epochs=e, **long)])) for e in (6, 4))
    paused = fit_here(table, members_of(table, [candidate(epochs=6, **long)]), until=4)
    resumed = fit_here(table, members_of(table, [candidate(epochs=6, **long)]), resumed=paused)
    for one, early, at_pause, on in zip(whole, short, paused, resumed, strict=True):
        assert np.array_equal(one.history.training_loss[:4], early.history.training_loss)
        assert_same_bits(early, at_pause)
        assert_same_bits(one, on)

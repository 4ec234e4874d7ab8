"""What training chooses by itself."""

from dataclasses import replace

import pandas as pd
import pytest

from src.problem.training import Training
from src.training.settings import batch_size, epochs, schedule
from tests.training.examples import table_of


@pytest.mark.parametrize(("rows", "size"), [(10, 32), (2_000, 32), (2_100, 64), (30_000, 512), (10_000_000, 1024)])
def test_an_epoch_has_about_64_steps(rows, size):
    assert batch_size(Training(), replace(table_of("binary", 10), frame=pd.DataFrame(index=range(rows)))) == size


@pytest.mark.parametrize(("rows", "most"), [(100, 200), (800, 200), (1_600, 100), (30_000, 84)])
def test_many_rows_take_fewer_epochs(rows, most):
    assert epochs(Training(), table_of("binary", rows)) == most
    assert epochs(Training(epochs=7), table_of("binary", rows)) == 7


def test_there_are_20_epochs_however_many_steps_they_have():
    assert epochs(Training(batch_size=1), table_of("binary", 3_000)) == 20


def test_the_schedule_that_is_asked_for_has_its_epochs_and_comes_before_that_of_the_network():
    assert schedule(Training(), 30) == {}
    assert schedule(Training(), 30, falls=True) == {"schedule": "linear"}
    for falls in (False, True):
        assert schedule(Training(schedule="cosine"), 30, falls) == {"schedule": "cosine", "schedule_epochs": 30}

"""Schedules of the learning rate, against values computed by hand."""

from typing import get_args

import pytest

from src.models.schedules import SCHEDULES, Schedule
from src.problem.training import Training


@pytest.mark.parametrize(
    ("name", "shares"),
    [("constant", [1, 1, 1, 1]), ("linear", [1, 0.5, 0, 0]), ("cosine", [1, 0.5, 0, 0])],
)
def test_a_falling_rate_is_whole_at_first_and_zero_after_its_last_step(name, shares):
    assert [Schedule(name, 4).share(taken) for taken in (0, 2, 4, 5)] == pytest.approx(shares)


def test_coslog4_has_four_cycles_each_twice_as_long_as_the_one_before_and_no_step_without_a_rate():
    schedule = Schedule("coslog4", 15_000)
    shares = [schedule.share(taken) for taken in range(15_000)]
    low = [n for n in range(1, 14_999) if shares[n] < 1e-3 and shares[n - 1] >= shares[n] <= shares[n + 1]]
    assert [round(n / 1000) for n in low] == [1, 3, 7]
    assert max(shares) == pytest.approx(1)
    assert 0 < shares[0] < 1e-4
    assert schedule.share(15_000) == schedule.share(40_000) == pytest.approx(0)
    assert Schedule("coslog4", 1).share(0) > 0


def test_every_schedule_can_be_asked_for():
    assert get_args(Training.model_fields["schedule"].annotation) == tuple(SCHEDULES)

"""The variance of a cross-validated estimate by halves of the rows: what they share, and what they find out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.judging.half_samples import PAIRS, half_sample_variance, half_samples
from src.judging.held_out import HeldOut
from src.models.measures import TABLE
from tests.training.examples import table_of

MAE = TABLE["mae"]


@given(
    rows=st.integers(30, 120),
    folds=st.integers(2, 6),
    seed=st.integers(0, 99),
    kind=st.sampled_from(["binary", "regression"]),
)
@settings(max_examples=25, deadline=None)
def test_two_halves_share_no_row_and_are_cross_validated_apart(rows, folds, seed, kind):
    table = table_of(kind, rows, seed)
    found = half_samples(folds, table, seed)
    assert len(found) == 2 * PAIRS
    assert len({split.repeat for half in found for split in half}) == 2 * PAIRS
    for one, other in zip(found[::2], found[1::2], strict=True):
        held = [np.sort(np.concatenate([split.validation for split in half])) for half in (one, other)]
        assert (np.sort(np.concatenate(held)) == np.arange(rows)).all()
        assert abs(len(held[0]) - len(held[1])) <= 2
        for half, of_half in zip((one, other), held, strict=True):
            for split in half:
                assert (np.sort(np.concatenate([split.training, split.validation])) == of_half).all()


def test_groups_are_in_one_half_and_one_fold():
    groups = np.array([f"g{i % 30}" for i in range(120)])
    table = table_of("binary", 120)
    table = replace(table, frame=table.frame.assign(g=groups), schema=table.schema.model_copy(update={"groups": "g"}))
    for half in half_samples(3, table, 0):
        for split in half:
            assert not set(groups[split.training]) & set(groups[split.validation])
    first = half_samples(3, table, 0)[:2]
    assert not set(groups[first[0][0].training]) & set(groups[first[1][0].training])


def test_of_a_mean_over_rows_it_is_that_of_the_mean():
    """A model that never changes: the estimate is a mean over independent rows, whose variance is known."""
    table = table_of("unit_interval_regression", 400)
    errors = np.random.default_rng(0).exponential(size=(400, 1))
    halves = [HeldOut(half, [(table.y_NT + errors)[s.validation] for s in half]) for half in half_samples(5, table, 0)]
    found = half_sample_variance(halves, table, MAE)
    assert found == pytest.approx(errors.var(ddof=1) / 400, rel=0.5)


def test_what_differs_from_training_to_training_counts():
    """Models whose errors have a part of their own that all of their rows share."""
    table = table_of("unit_interval_regression", 400)
    splits, found = half_samples(5, table, 0), []
    for seed in range(30):
        shift_H = 0.3 * np.random.default_rng(seed).normal(size=len(splits))
        halves = [
            HeldOut(half, [table.y_NT[s.validation] + 1 + shift for s in half])
            for half, shift in zip(splits, shift_H, strict=True)
        ]
        found.append(half_sample_variance(halves, table, MAE))
    assert np.mean(found) == pytest.approx(0.3**2 / 2, rel=0.15)


def test_pairs_in_which_a_training_diverged_are_left_out():
    table = table_of("unit_interval_regression", 60)
    splits = half_samples(3, table, 0)
    whole = [HeldOut(half, [table.y_NT[s.validation] + s.repeat % 3 for s in half]) for half in splits]
    lost = [HeldOut(half, [np.full((len(s.validation), 1), np.nan) for s in half]) for half in splits]
    assert half_sample_variance([*whole[:4], lost[4], whole[5]], table, MAE) == half_sample_variance(
        whole[:4], table, MAE
    )
    assert half_sample_variance(lost, table, MAE) is None

"""The learning curve over the number of training rows: nested shares, nothing of the held-out rows, a fair verdict."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.judging.held_out import HeldOut
from src.judging.sample_sizes import FEWEST_ROWS, PARTS, SHARES, Trial, learning_curve, parts_of, trials
from src.models.measures import TABLE
from src.problem.training import Engine
from src.tables.protocols import Folds, Split
from src.tables.table import Table
from src.training.fit import fit
from tests.training.examples import candidate, folds_of, table_of

MAE = TABLE["mae"]


def with_column(table: Table, role: str, values: list) -> Table:
    frame = table.frame.assign(extra=values)
    return replace(table, frame=frame, schema=table.schema.model_copy(update={role: "extra"}))


@given(
    rows=st.integers(40, 200), seed=st.integers(0, 1000), kind=st.sampled_from(["binary", "multiclass", "regression"])
)
@settings(max_examples=25, deadline=None)
def test_shares_lie_within_each_other_and_within_their_fold(rows, seed, kind):
    table, folds = table_of(kind, rows, seed), folds_of(rows, seed=seed)
    splits = {split.fold: split for split in folds}
    before: dict[int, set[int]] = {}
    for trial in trials(candidate(), list(splits.values()), table, start=seed):
        for member in trial.members:
            own = splits[member.fold]
            assert set(member.training) <= set(own.training)
            assert before.get(member.fold, set()) <= set(member.training)
            assert (member.validation == own.validation).all()
            assert abs(len(member.training) - trial.share * len(own.training)) <= PARTS
            assert len(member.training) >= FEWEST_ROWS
            before[member.fold] = set(member.training)


def test_every_share_has_its_part_of_each_class():
    table = table_of("binary", 800)
    rows = np.arange(800)
    part_N = parts_of(rows, table, 0)
    for share in SHARES:
        chosen = part_N < share * PARTS
        assert table.y_NT[chosen].mean() == pytest.approx(table.y_NT.mean(), abs=0.01)


def test_groups_come_whole():
    groups = [f"g{i % 40}" for i in range(200)]
    table = with_column(table_of("binary", 200), "groups", groups)
    part_of = pd.Series(parts_of(np.arange(200), table, 0)).groupby(groups).nunique()
    assert (part_of == 1).all()


def test_in_time_order_the_latest_rows_come_first():
    days = pd.date_range("2026-01-01", periods=160).to_numpy()[np.random.default_rng(0).permutation(160)]
    table = with_column(table_of("regression", 160), "time", list(days))
    part_N = parts_of(np.arange(160), table, 0)
    assert days[part_N == 0].min() > days[part_N == 1].max()
    assert np.bincount(part_N).tolist() == [20] * 8


def test_a_share_is_trained_for_as_many_epochs_and_for_as_many_steps_up_to_four_times_the_epochs():
    splits = list(folds_of(192, parts=3))  # 128 rows learn, 16 batches of 8
    found = {
        (of.share, of.pace): of.members[0] for of in trials(candidate(epochs=10), splits, table_of("binary", 192), 0)
    }
    assert {pair: m.candidate.epochs for pair, m in found.items()} == {
        (1 / 8, "same epochs"): 10, (1 / 8, "same steps"): 40, (1 / 4, "same epochs"): 10,
        (1 / 4, "same steps"): 40, (1 / 2, "same epochs"): 10, (1 / 2, "same steps"): 20,
    }  # fmt: skip
    assert len({member.seed for member in found.values()}) == 1


def test_shares_too_small_to_learn_from_are_left_out():
    assert trials(candidate(), list(folds_of(40)), table_of("binary", 40), 0) == []
    assert {of.share for of in trials(candidate(), list(folds_of(54)), table_of("binary", 54), 0)} == {1 / 2}


def test_nothing_of_the_held_out_rows_reaches_a_network_on_a_share():
    """Change everything about the held-out rows: shares, preprocessing and weights stay the same bit by bit."""
    table, split = table_of("binary", 60), next(iter(folds_of(60)))
    frame = table.frame.copy()
    frame.loc[split.validation, ["x", "z", "colour"]] = [1e5, np.nan, "violet"]
    y_NT = table.y_NT.copy()
    y_NT[split.validation] = 1 - y_NT[split.validation]
    changed = replace(table, frame=frame, y_NT=y_NT)

    def trained(of: Table):
        members = [m for trial in trials(candidate(dropout=0.2), [split], of, 3) for m in trial.members]
        return fit(members, of, TABLE["accuracy"], Engine(workers=1), "leak")

    for one, other in zip(trained(table), trained(changed), strict=True):
        assert (one.member.training == other.member.training).all()
        assert one.vectorizer == other.vectorizer
        assert all(one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights)


def predictions(table: Table, splits: list[Split], noise: float, seed: int) -> HeldOut:
    rng = np.random.default_rng(seed)
    return HeldOut(splits, [table.y_NT[s.validation] + noise * rng.normal(size=(len(s.validation), 1)) for s in splits])


def curve(half: tuple[float, float], whole: float, folds: Folds, table: Table):
    splits = list(folds)
    tried = [
        (Trial(1 / 2, pace, splits, []), predictions(table, splits, noise, seed))
        for seed, (pace, noise) in enumerate(zip(("same epochs", "same steps"), half, strict=True))
    ]
    return learning_curve(tried, predictions(table, splits, whole, 9), folds, table, MAE, seed=0)


@pytest.mark.parametrize(("half", "whole", "holds"), [((0.5, 0.4), 0.05, True), ((0.1, 0.1), 0.1, False)])
def test_more_data_would_help_where_all_rows_beat_half_of_them(half, whole, holds):
    table, folds = table_of("unit_interval_regression", 90), folds_of(90)
    points, [verdict] = curve(half, whole, folds, table)
    assert (verdict.name, verdict.holds) == ("more_data_would_help", holds)
    assert ": a single network on all training rows " in verdict.evidence
    assert f"{points[1].rows} and {points[0].rows} rows" in verdict.evidence
    assert [point.share for point in points] == [1 / 2, 1.0]


def test_the_better_pace_of_a_share_counts_and_one_that_diverged_does_not():
    table, folds = table_of("unit_interval_regression", 90), folds_of(90)
    assert curve((0.5, 0.1), 0.1, folds, table)[0][0].pace == "same steps"
    assert curve((0.1, 0.5), 0.1, folds, table)[0][0].pace == "same epochs"
    assert curve((np.nan, 0.5), 0.1, folds, table)[0][0].pace == "same steps"
    points, verdicts = curve((np.nan, np.nan), 0.1, folds, table)
    assert [point.share for point in points] == [1.0]
    assert verdicts == []

"""Splits that keep their promises: every row held out once, units whole, strata even, time in order."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.problem.steps import ProtocolSettings
from src.results.data import Protocol
from src.tables import protocols
from src.tables.protocols import HOLD_OUT_SHARE, Folds, choose_protocol, deal, draw_folds, read_folds, seal, write_folds

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=40)
SEEDS = st.integers(0, 2**31)


def units_of(sizes: list[int], seed: int = 0) -> np.ndarray:
    """Unit numbers of rows in random order, units of the given sizes."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))


def protocol(method: str = "k_fold", folds: int = 5, repeats: int = 1, order: str = "shuffled") -> Protocol:
    return Protocol(method=method, folds=folds, repeats=repeats, order=order)


def equal(parts: int) -> list[float]:
    return [1 / parts] * parts


@given(sizes=SIZES, huge=st.sampled_from([0, 50, 400]), parts=st.integers(2, 7), seed=SEEDS)
@settings(max_examples=80, deadline=None)
def test_units_never_straddle_and_parts_differ_by_at_most_the_largest_unit(sizes, huge, parts, seed):
    sizes = [*sizes, huge] if huge else sizes
    units_N = units_of(sizes)
    part_N = deal(units_N, None, equal(parts), seed)
    assert all(len(set(part_N[units_N == unit])) == 1 for unit in range(len(sizes)))
    assert np.ptp(np.bincount(part_N, minlength=parts)) <= max(sizes)


@given(sizes=SIZES, share=st.floats(0.05, 0.5), strata=st.integers(1, 3), seed=SEEDS)
@settings(max_examples=80, deadline=None)
def test_the_sealed_rows_hold_whole_units_and_the_wanted_share_within_the_largest_unit(sizes, share, strata, seed):
    units_N = units_of(sizes)
    strata_N = units_N % strata
    sealed = seal(units_N, strata_N, None, share, seed)
    assert set(units_N[sealed]).isdisjoint(units_N[np.setdiff1d(np.arange(len(units_N)), sealed)])
    assert abs(len(sealed) - share * len(units_N)) <= max(sizes) * strata
    if strata == 1:
        assert abs(len(sealed) - share * len(units_N)) <= max(sizes)


@given(sizes=SIZES, share=st.sampled_from([0.1, 0.2, 0.5, 0.8]), seed=SEEDS)
@settings(max_examples=80, deadline=None)
def test_each_part_gets_its_share_of_the_large_units_as_of_the_small_ones(sizes, share, seed):
    units_N = units_of(sizes * 10)
    size_N = np.bincount(units_N)[units_N]
    part_N = deal(units_N, None, [share, 1 - share], seed)
    for smallest in set(sizes):
        large_N = size_N >= smallest
        assert abs((part_N[large_N] == 0).sum() - share * large_N.sum()) <= max(sizes)


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    shares=st.sampled_from([equal(2), equal(5), equal(10), [0.3, 0.7], [0.15, 0.85], [0.12, 0.88], [0.5, 0.5]]),
    seed=SEEDS,
)
@settings(max_examples=120, deadline=None)
def test_single_rows_are_dealt_within_one_row_of_the_share_of_every_stratum_and_of_the_whole(counts, shares, seed):
    strata_N = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    part_N = deal(np.arange(len(strata_N)), strata_N, shares, seed)
    for stratum, rows in enumerate(counts):
        found_P = np.bincount(part_N[strata_N == stratum], minlength=len(shares))
        assert np.abs(found_P - rows * np.array(shares)).max() < 1
    found_P = np.bincount(part_N, minlength=len(shares))
    assert np.abs(found_P - len(strata_N) * np.array(shares)).max() <= 1


@given(classes=st.integers(1, 200), share=st.sampled_from([0.15, 0.2, 0.3]), seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_roundings_of_many_small_classes_do_not_add_up(classes, share, seed):
    strata_N = np.repeat(np.arange(classes), 3)
    sealed = seal(np.arange(len(strata_N)), strata_N, None, share, seed)
    assert abs(len(sealed) - share * len(strata_N)) <= 1


@pytest.mark.parametrize("share", [0.05, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5])
def test_a_rare_class_gives_the_test_set_no_more_than_its_share(share):
    strata_N = np.repeat([0, 1, 2], [10, 985, 5])
    sealed = seal(np.arange(1000), strata_N, None, share, seed=1)
    assert len(sealed) == pytest.approx(1000 * share, abs=1)
    assert (np.abs(np.bincount(strata_N[sealed], minlength=3) - share * np.array([10, 985, 5])) < 1).all()


def test_a_group_that_is_larger_than_the_test_set_stays_in_training():
    units_N = np.r_[np.zeros(600, dtype=int), np.arange(1, 401)]
    sealed = seal(units_N, None, None, 0.2, seed=0)
    assert 0 not in units_N[sealed]
    assert len(sealed) == 200
    held_out = next(iter(draw_folds(protocol("hold_out", 1, order="grouped"), units_N, None, None, seed=0))).validation
    assert 0 not in units_N[held_out]
    assert len(held_out) == 200


@given(
    sizes=SIZES,
    method=st.sampled_from(["k_fold", "iterated_k_fold"]),
    folds=st.integers(2, 6),
    repeats=st.integers(1, 3),
    seed=SEEDS,
)
@settings(max_examples=50, deadline=None)
def test_in_every_repeat_each_row_is_held_out_once_and_learnt_from_in_all_other_folds(
    sizes, method, folds, repeats, seed
):
    units_N = units_of(sizes)
    drawn = draw_folds(protocol(method, folds, repeats), units_N, None, None, seed)
    held_out = Counter()
    for split in drawn:
        assert sorted([*split.training, *split.validation]) == list(range(len(units_N)))
        assert set(units_N[split.training]).isdisjoint(units_N[split.validation])
        held_out.update((split.repeat, int(row)) for row in split.validation)
    assert held_out == {(repeat, row): 1 for repeat in range(repeats) for row in range(len(units_N))}


def test_hold_out_is_one_stratified_split_of_a_fifth_of_the_rows():
    strata_N = np.repeat([0, 1], [900, 100])
    (split,) = draw_folds(protocol("hold_out", 1, order="stratified"), np.arange(1000), strata_N, None, seed=3)
    assert np.bincount(strata_N[split.validation]).tolist() == [180, 20]
    assert len(np.union1d(split.training, split.validation)) == 1000


@given(
    moments=st.lists(st.integers(0, 12), min_size=2, max_size=80),
    method=st.sampled_from(["k_fold", "hold_out"]),
    folds=st.integers(2, 5),
)
@settings(max_examples=120, deadline=None)
def test_temporal_folds_only_look_back_and_rows_of_one_moment_stay_together(moments, method, folds):
    time_N = np.array(moments, dtype=float)
    drawn = draw_folds(
        protocol(method, 1 if method == "hold_out" else folds, order="temporal"),
        np.arange(len(time_N)),
        None,
        time_N,
        0,
    )
    splits = list(drawn)
    for split in splits:
        if len(split.training) and len(split.validation):
            assert time_N[split.training].max() < time_N[split.validation].min()
    held_out = np.concatenate([split.validation for split in splits]) if splits else []
    assert len(held_out) == len(set(held_out))
    wanted = 1 if method == "hold_out" else folds
    if len(set(moments)) > wanted:
        assert len(splits) == wanted
        assert all(len(split.training) and len(split.validation) for split in splits)


@given(moments=st.lists(st.integers(0, 30), min_size=2, max_size=80), share=st.floats(0.05, 0.5))
@settings(max_examples=120, deadline=None)
def test_the_sealed_rows_of_a_temporal_problem_are_the_last_and_as_near_the_share_as_moments_allow(moments, share):
    time_N = np.array(moments, dtype=float)
    sealed = seal(np.arange(len(time_N)), None, time_N, share, 0)
    if len(set(moments)) < 2:
        assert len(sealed) == 0
        return
    assert set(sealed) == set(np.flatnonzero(time_N >= time_N[sealed].min()))
    possible = [(time_N >= moment).sum() for moment in sorted(set(moments))[1:]]
    wanted = share * len(time_N)
    assert abs(len(sealed) - wanted) == pytest.approx(min(abs(count - wanted) for count in possible))


def test_equal_rows_in_distinct_moments_give_temporal_folds_of_equal_size():
    drawn = draw_folds(protocol("k_fold", 4, order="temporal"), np.arange(100), None, np.arange(100.0)[::-1], seed=0)
    assert [len(split.validation) for split in drawn] == [20] * 4
    assert [len(split.training) for split in drawn] == [20, 40, 60, 80]


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_same_seed_deals_the_same_way_and_another_seed_another_way(seed):
    one, again, other = (deal(np.arange(200), None, equal(5), s) for s in (seed, seed, seed + 1))
    assert (one == again).all()
    assert (one != other).any()


def test_repeats_are_shuffled_anew():
    first, second, third = draw_folds(protocol("iterated_k_fold", 5, 3), np.arange(100), None, None, seed=0).fold_RN
    assert (first != second).any()
    assert (second != third).any()


def test_the_deal_goes_by_the_order_of_the_units_not_by_their_numbers():
    sizes = [3, 1, 1, 2, 5, 1, 1]
    units_N = units_of(sizes)
    assert (deal(units_N, None, equal(3), 4) == deal(units_N * 10 + 7, None, equal(3), 4)).all()


def test_stored_folds_come_back_the_same_and_are_written_with_the_same_bytes(tmp_path):
    development = draw_folds(protocol(), np.arange(50), None, None, seed=1)
    evaluation = draw_folds(protocol("iterated_k_fold", 5, 3), np.arange(50), None, None, seed=2)
    for name in ("once", "twice"):
        write_folds(tmp_path / name, development, evaluation)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()
    stored = read_folds(tmp_path / "once", 50)
    for name, drawn in (("development", development), ("evaluation", evaluation)):
        assert (stored[name].fold_RN == drawn.fold_RN).all()
        assert stored[name].temporal == drawn.temporal
        assert stored[name].sha256 == drawn.sha256
    assert development.sha256 != Folds(evaluation.fold_RN[:1], temporal=False).sha256


def test_the_stored_folds_of_a_temporal_problem_still_only_look_back(tmp_path):
    drawn = draw_folds(protocol("k_fold", 3, order="temporal"), np.arange(40), None, np.arange(40.0), seed=1)
    write_folds(tmp_path / "folds.npz", drawn, drawn)
    for split in read_folds(tmp_path / "folds.npz", 40)["evaluation"]:
        assert split.training.max() < split.validation.min()


def test_the_held_out_share_is_that_of_a_fold():
    assert draw_folds(protocol(folds=4), np.arange(100), None, None, 0).test_share == pytest.approx(0.25)
    assert draw_folds(protocol("hold_out", 1), np.arange(100), None, None, 0).test_share == HOLD_OUT_SHARE


@pytest.mark.parametrize("unit_size", [1, 2])
def test_the_work_grows_with_the_different_sizes_of_units_not_with_their_number(unit_size, monkeypatch):
    calls = Counter()
    poured = protocols._counts
    monkeypatch.setattr(protocols, "_counts", lambda *given: calls.update(["poured"]) or poured(*given))
    rows = 1_000_000
    units_N = np.repeat(np.arange(rows // unit_size), unit_size)
    units_N[:100] = 0
    deal(units_N, np.arange(rows) % 7, equal(5), seed=0)
    assert calls["poured"] <= 7 * 3


def settings_with(**changes) -> ProtocolSettings:
    return ProtocolSettings(**({"protocol": "auto", "folds": "auto", "repeats": "auto", "seed": 0} | changes))


@pytest.mark.parametrize(
    ("changes", "rows", "order", "expected"),
    [
        ({}, 999, "stratified", ("iterated_k_fold", 5, 3)),
        ({}, 1_000, "stratified", ("k_fold", 5, 1)),
        ({}, 19_999, "shuffled", ("k_fold", 5, 1)),
        ({}, 20_000, "grouped", ("hold_out", 1, 1)),
        ({}, 100, "temporal", ("k_fold", 5, 1)),
        ({"folds": 4}, 100, "shuffled", ("k_fold", 4, 1)),
        ({"repeats": 2}, 50_000, "shuffled", ("iterated_k_fold", 5, 2)),
        ({"protocol": "iterated_k_fold"}, 50_000, "shuffled", ("iterated_k_fold", 5, 3)),
        ({"protocol": "nested"}, 100, "shuffled", ("nested", 5, 1)),
        ({"protocol": "nested", "folds": 3, "repeats": 2}, 100, "grouped", ("nested", 3, 2)),
        ({"protocol": "hold_out"}, 100, "shuffled", ("hold_out", 1, 1)),
        ({"protocol": "k_fold", "folds": 10, "repeats": 1}, 100, "shuffled", ("k_fold", 10, 1)),
    ],
)
def test_the_automatic_protocol_goes_by_the_number_of_rows_and_says_why(changes, rows, order, expected):
    chosen, choices = choose_protocol(settings_with(**changes), rows, order)
    assert (chosen.method, chosen.folds, chosen.repeats) == expected
    assert chosen.order == order
    automatic = {key for key in ("protocol", "folds") if settings_with(**changes).model_dump()[key] == "auto"}
    told = {choice.setting: choice for choice in choices}
    assert automatic - {"folds"} <= set(told)
    assert ("folds" in told) == ("folds" in automatic and chosen.method != "hold_out")
    assert all(choice.reason for choice in choices)

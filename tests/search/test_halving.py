"""Successive halving drops what is behind, and what is left is as if nothing had been dropped."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.models.measures import TABLE
from src.problem.training import Engine
from src.search.candidates import Scored, one_standard_error_rule, score
from src.search.halving import FEWEST, rungs, search
from src.training.fit import fit
from src.training.members import Member
from tests.training.examples import candidate, folds_of, table_of

ROWS, EPOCHS, COUNT = 60, 16, 20
ACCURACY, LOSS = TABLE["accuracy"], TABLE["log_loss"]
ENGINE = Engine(workers=1)
RATES = [1e-9, *np.geomspace(1e-4, 0.1, COUNT - 1)]
CANDIDATES = [candidate(units=[4], dropout=0.1 * (i % 3), epochs=EPOCHS, learning_rate=r) for i, r in enumerate(RATES)]
FOLDS = list(folds_of(ROWS))


@pytest.fixture(scope="module")
def table():
    return table_of("binary", ROWS)


@pytest.fixture(scope="module")
def found(table):
    return search(CANDIDATES, [FOLDS], table, LOSS, ENGINE, 0, "search")[0]


@pytest.fixture(scope="module")
def unpaused(table):
    members = [Member.of_split(of, split, 0) for of in CANDIDATES for split in FOLDS]
    trained = fit(members, table, LOSS, ENGINE, "all")
    return [trained[i : i + len(FOLDS)] for i in range(0, len(trained), len(FOLDS))]


def same(one: Scored, other: Scored) -> bool:
    return one.candidate == other.candidate and one.scores_J.tobytes() == other.scores_J.tobytes()


@given(candidates=st.integers(1, 500), epochs=st.integers(1, 1000))
def test_the_rungs_lead_to_the_last_epoch_and_halve_the_candidates_down_to_a_few(candidates, epochs):
    found = list(rungs(candidates, epochs))
    ends, kept = zip(*found, strict=True)
    assert ends[-1] == epochs
    assert list(ends) == sorted(set(ends))
    if candidates <= FEWEST:
        assert found == [(epochs, candidates)]
    before = candidates
    for now in kept[:-1]:
        assert now == max(-(-before // 2), FEWEST)
        before = now
    assert kept[-1] == before >= min(candidates, FEWEST)


def test_who_is_left_at_the_end_is_as_if_trained_without_a_pause(found, unpaused):
    finalists = [i for i, of in enumerate(found) if not of.dropped]
    assert len(finalists) == FEWEST
    assert EPOCHS in [found[i].trained for i in finalists]
    for i in finalists:
        assert same(found[i], score([_until(of, found[i].trained) for of in unpaused[i]], LOSS))


def test_training_ends_early_where_the_best_epoch_lies_in_the_first_half(found):
    ended = [of for of in found if not of.dropped and of.trained < EPOCHS]
    assert ended
    for of in ended:
        assert 2 * of.candidate.epochs <= of.trained
    for of in found:
        assert of.trained in (4, 8, 16)


def test_the_worse_half_is_dropped_at_each_rung_by_its_score_so_far(found, unpaused):
    first, kept = next(rungs(COUNT, EPOCHS))
    so_far = [score([_until(of, first) for of in of_candidate], LOSS) for of_candidate in unpaused]
    gone = [i for i, of in enumerate(found) if of.dropped and of.trained == first]
    left = set(range(1, COUNT)) - set(gone)
    assert all(same(found[i], so_far[i]) for i in gone)
    assert len(gone) >= COUNT - kept
    assert sum(so_far[i].mean >= max(so_far[j].mean for j in left) for i in gone) >= COUNT - kept


def test_no_more_epochs_are_trained_than_the_rungs_allow(found):
    plan, allowed, before, here = rungs(COUNT, EPOCHS), 0, 0, COUNT
    for epoch, kept in plan:
        allowed += here * (epoch - before)
        before, here = epoch, kept
    assert len(found) == COUNT
    assert sum(of.trained for of in found) <= allowed < COUNT * EPOCHS * 2 / 3


def test_the_candidate_without_regularization_stays_to_the_end_however_bad(found):
    assert not found[0].dropped
    assert found[0].mean > min(of.mean for of in found if of.dropped)


def test_networks_that_learn_slowly_are_not_dropped_for_those_that_learn_fast(table):
    slow = [candidate(units=[3], epochs=8, learning_rate=1e-9 * (1 + i)) for i in range(10)]
    fast = [candidate(units=[4], epochs=8, learning_rate=0.01 * (1 + i)) for i in range(10)]
    found = search(fast + slow, [FOLDS], table, LOSS, ENGINE, 0, "search")[0]
    left = [of.candidate.network.units for of in found if not of.dropped]
    assert (left.count([3]), left.count([4])) == (3, 4 + 1)  # and the one without regularization


def test_searches_at_once_are_as_each_alone_and_the_same_again(found, table):
    other = list(folds_of(ROWS, seed=1))
    together = search(CANDIDATES, [other, FOLDS], table, LOSS, ENGINE, 0, "search")
    alone = search(CANDIDATES, [other], table, LOSS, ENGINE, 0, "search")[0]
    for one, again in zip(together[0] + together[1], alone + found, strict=True):
        assert same(one, again)
        assert (one.dropped, one.trained) == (again.dropped, again.trained)


def test_few_candidates_are_all_trained_to_the_end(table):
    found = search(CANDIDATES[:FEWEST], [FOLDS], table, LOSS, ENGINE, 0, "search")[0]
    assert {(of.trained, of.dropped) for of in found} == {(EPOCHS, False)}


def test_a_dropped_candidate_is_never_chosen(found):
    flattering = [replace(of, scores_J=np.zeros(3)) if of.dropped else of for of in found]
    assert not any(of.dropped for of in one_standard_error_rule(flattering, LOSS)[:2])


def test_with_a_single_fold_its_rows_say_how_sure_a_difference_is(table):
    split = FOLDS[0]
    found = search(CANDIDATES[5:11], [[split]], table, ACCURACY, ENGINE, 0, "search")[0]
    best, chosen, error = one_standard_error_rule(found, ACCURACY)
    members = [Member.of_split(of.candidate, split, 0) for of in (best, chosen)]
    actual_V = table.y_NT[split.validation, 0] == 1
    right = [(of.predictions[:, 0] >= 0.5) == actual_V for of in fit(members, table, ACCURACY, ENGINE, "again")]
    difference_V = right[0].astype(float) - right[1]
    assert [of.mean() for of in right] == pytest.approx([best.mean, chosen.mean])
    assert error == pytest.approx(difference_V.std(ddof=1) / len(difference_V) ** 0.5)
    assert best.mean - chosen.mean <= error


def _until(trained, epoch):
    history = trained.history
    return replace(trained, history=replace(history, validation=history.validation[:epoch]))

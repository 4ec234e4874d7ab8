"""The search tries what its budget allows, and Occam chooses."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.core.errors import UserError
from src.models.measures import TABLE
from src.networks.configurations.mlp import MLPConfiguration
from src.problem.training import Search, Training
from src.results.networks import Candidate
from src.search.candidates import Scored, best_unregularized, one_standard_error_rule, propose, standard_error
from tests.training.examples import table_of

ACCURACY, ERROR = TABLE["accuracy"], TABLE["mae"]
NETWORKS = [MLPConfiguration(units=[units], activation="relu", dropout=0.0) for units in (16, 8, 4)]
VALUES = {"dropout": [0.0, 0.25, 0.5], "l1": [0.0, 0.001], "l2": [0.0, 0.01], "learning_rate": [0.3, 1.0, 3.0]}


def search(budget: int, **changes: list[float]) -> Search:
    return Search(budget=budget, **(VALUES | changes))


def proposed(budget: int, seed: int = 0, **changes: list[float]) -> list[Candidate]:
    return propose(NETWORKS, search(budget, **changes), Training(learning_rate=0.002), 32, 200, seed)


def scored(parameters: int, scores: list[float], **changes: object) -> Scored:
    network = {"architecture": "mlp", "units": [4], "activation": "relu", "dropout": changes.pop("dropout", 0.0)}
    plain = {"optimizer": "rmsprop", "learning_rate": 1e-3, "l1": 0.0, "l2": 0.0, "batch_size": 32, "epochs": 10}
    return Scored(Candidate(network=network, **(plain | changes)), parameters, np.array(scores), trained=10)


@given(
    budget=st.integers(1, 200),
    seed=st.integers(0, 2**31 - 1),
    dropout=st.lists(st.sampled_from([0.0, 0.1, 0.5]), min_size=1, max_size=4),
    l2=st.lists(st.sampled_from([0.0, 0.01, 0.1]), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_the_budget_is_kept_and_spent_on_different_candidates_of_the_space(budget, seed, dropout, l2):
    found = proposed(budget, seed, dropout=dropout, l2=l2)
    texts = [candidate.model_dump_json() for candidate in found]
    assert len(set(texts)) == len(texts)
    penalties = {(0.0, of) for of in l2} | {(0.001, 0.0)}
    grid = {(n, d, p, f) for n in range(3) for d in dropout for p in penalties for f in VALUES["learning_rate"]}
    assert len(found) == min(budget, len(grid | {(0, 0.0, (0.0, 0.0), 1.0)}))
    for candidate in found[1:]:
        assert candidate.network.dropout in dropout
        assert (candidate.l1, candidate.l2) in penalties
        assert candidate.network.units in ([16], [8], [4])
        assert any(candidate.learning_rate == 0.002 * factor for factor in VALUES["learning_rate"])


def test_the_first_candidate_is_the_largest_network_without_regularization():
    first = proposed(1, dropout=[0.5], l2=[0.01])[0]
    assert first.network == NETWORKS[0]
    assert (first.l1, first.l2, first.learning_rate) == (0.0, 0.0, 0.002)
    assert (first.batch_size, first.epochs, first.optimizer) == (32, 200, "rmsprop")


def test_a_small_budget_covers_every_value():
    found = proposed(13)[1:]
    assert {tuple(c.network.units) for c in found} == {(16,), (8,), (4,)}
    assert {c.network.dropout for c in found} == {0.0, 0.25, 0.5}
    assert {c.l1 for c in found} == {0.0, 0.001}
    assert {c.l2 for c in found} == {0.0, 0.01}
    assert len({c.learning_rate for c in found}) == 3


def test_a_larger_budget_keeps_the_candidates_of_a_smaller_one():
    assert proposed(30)[:10] == proposed(10)


def test_the_same_seed_proposes_the_same_and_another_seed_something_else():
    assert proposed(12, seed=1) == proposed(12, seed=1)
    assert proposed(12, seed=1) != proposed(12, seed=2)


def test_the_values_are_met_about_equally_often():
    counts = Counter(candidate.network.dropout for candidate in proposed(60)[1:])
    assert max(counts.values()) - min(counts.values()) <= 6


def test_the_simplest_candidate_within_one_standard_error_of_the_best_is_chosen():
    best = scored(100, [0.90, 0.92, 0.94])
    near = scored(10, [0.89, 0.93, 0.92])
    far = scored(5, [0.80, 0.82, 0.84])
    assert one_standard_error_rule([best, near, far], ACCURACY)[:2] == (best, near)


def test_the_standard_error_is_that_of_the_paired_difference():
    best, chosen = scored(100, [0.5, 0.7, 0.9]), scored(10, [0.48, 0.71, 0.89])
    found = one_standard_error_rule([best, chosen], ACCURACY)
    differences = np.array([0.02, -0.01, 0.01])
    assert found[1] is chosen
    assert found[2] == pytest.approx(differences.std(ddof=1) / 3**0.5)


def test_a_loss_that_is_steady_over_the_folds_counts_although_the_folds_differ_a_lot():
    best, steadily_worse = scored(100, [0.5, 0.7, 0.9]), scored(10, [0.49, 0.69, 0.89])
    assert one_standard_error_rule([best, steadily_worse], ACCURACY)[1] is best


def test_for_a_measure_to_minimize_the_lowest_is_best():
    best, worse = scored(100, [1.0, 1.1]), scored(10, [3.0, 3.1])
    assert one_standard_error_rule([worse, best], ERROR)[:2] == (best, best)


def test_with_a_single_fold_the_rows_say_what_a_standard_error_is():
    best, near, far = scored(100, [0.90]), scored(10, [0.88]), scored(5, [0.80])
    rows = {id(best): [0.90, 0.91, 0.89], id(near): [0.88, 0.87, 0.89], id(far): [0.80, 0.81, 0.79]}
    given = [dataclasses.replace(of, left_out_B=np.array(rows[id(of)])) for of in (best, near, far)]
    found = one_standard_error_rule(given, ACCURACY)
    assert found[:2] == (given[0], given[1])
    assert found[2] == pytest.approx((2 * np.var([0.02, 0.04, 0.0])) ** 0.5)


def test_without_anything_that_tells_a_spread_the_best_is_chosen_and_of_equals_the_simplest():
    best, worse = scored(100, [0.9]), scored(10, [0.8999])
    assert one_standard_error_rule([worse, best], ACCURACY) == (best, best, 0.0)
    equal = scored(10, [0.9])
    assert one_standard_error_rule([best, equal], ACCURACY)[1] is equal


@pytest.mark.parametrize(
    ("simple", "complex"),
    [
        ({}, {"parameters": 11}),
        ({"l2": 0.01}, {"l2": 0.001}),
        ({"l1": 0.01}, {"l1": 0.0}),
        ({"dropout": 0.5}, {"dropout": 0.25}),
        ({"epochs": 5}, {"epochs": 6}),
        ({"parameters": 9, "epochs": 99}, {"l2": 0.01}),
    ],
)
def test_of_equal_scores_the_simpler_one_is_taken(simple, complex):
    one = scored(**({"parameters": 10, "scores": [0.5, 0.6]} | simple))
    other = scored(**({"parameters": 10, "scores": [0.5, 0.6]} | complex))
    for order in ([one, other], [other, one]):
        assert one_standard_error_rule(order, ACCURACY)[1] is one


@given(
    table=st.lists(
        st.tuples(st.integers(1, 50), st.lists(st.floats(0, 1), min_size=4, max_size=4)), min_size=1, max_size=12
    ),
    measure=st.sampled_from([ACCURACY, ERROR]),
)
@settings(max_examples=100, deadline=None)
def test_the_chosen_candidate_is_never_more_complex_than_the_best_nor_worse_by_over_a_standard_error(table, measure):
    candidates = [scored(parameters, scores) for parameters, scores in table]
    best, chosen, error = one_standard_error_rule(candidates, measure)
    assert all(measure.gain(best.mean, of.mean) >= 0 for of in candidates)
    assert chosen.simplicity <= best.simplicity
    assert measure.gain(best.mean, chosen.mean) <= error + 1e-12


def test_a_candidate_whose_training_diverged_is_out_wherever_it_stands():
    diverged, fine = scored(1, [np.nan, 0.9]), scored(100, [0.6, 0.7])
    assert one_standard_error_rule([diverged, fine], ACCURACY)[:2] == (fine, fine)
    assert one_standard_error_rule([fine, diverged], ERROR)[:2] == (fine, fine)
    with pytest.raises(UserError, match=r"training\.learning_rate"):
        one_standard_error_rule([diverged], ACCURACY)


def test_the_standard_error_of_a_single_score_is_zero():
    assert standard_error(np.array([0.5])) == 0.0
    assert standard_error(np.array([1.0, 3.0])) == pytest.approx(1.0)
    assert dataclasses.replace(scored(1, [0.2, 0.4])).mean == pytest.approx(0.3)


def test_the_search_takes_the_chosen_rung_and_two_smaller_ones():
    from src.problem.steps import RegularizeSettings
    from src.results.networks import Rung
    from src.search.candidates import candidates_of

    def rung(units: int) -> Rung:
        judged = {"turning_epoch": 5, "best_validation": 0.5, "final_validation": 0.5, "final_training": 0.5}
        network = {"architecture": "mlp", "units": [units], "activation": "relu", "dropout": 0.0}
        return Rung(network=network, parameters=units, overfits=True, beats_baseline=True, saturated=True, **judged)

    settings = RegularizeSettings(seed=0, training=Training(), search=search(40))
    found = candidates_of([rung(units) for units in (2, 4, 8, 16, 32)], 3, settings, table_of("binary"))
    assert found[0].network.units == [16]
    assert {tuple(of.network.units) for of in found} == {(4,), (8,), (16,)}


def test_the_best_unregularized_candidate_may_have_another_learning_rate_and_may_have_been_dropped():
    start = scored(100, [0.6, 0.6])
    fast = dataclasses.replace(scored(100, [0.8, 0.8], learning_rate=3e-3), dropped=True)
    penalized, dropout = scored(100, [0.9, 0.9], l2=0.01), scored(100, [0.9, 0.9], dropout=0.5)
    diverged = scored(10, [np.nan, 0.9])
    assert best_unregularized([start, penalized, dropout, diverged, fast], ACCURACY) is fast
    assert best_unregularized([start, penalized, dropout, diverged, fast], ERROR) is start
    assert best_unregularized([scored(100, [np.nan, 0.9]), penalized, dropout], ACCURACY) is None


def test_with_a_single_fold_a_dropped_candidate_cannot_be_compared():
    left_out_B = np.array([0.6, 0.6])
    start = dataclasses.replace(scored(100, [0.6]), left_out_B=left_out_B)
    fast = dataclasses.replace(scored(100, [0.8], learning_rate=3e-3), dropped=True)
    assert best_unregularized([start, fast], ACCURACY) is start


def test_all_candidates_have_the_schedule_and_the_chosen_epochs_leave_it_as_it_was():
    found = propose(NETWORKS, search(9), Training(schedule="coslog4"), 32, 200, seed=0)
    assert {(one.schedule, one.schedule_epochs) for one in found} == {("coslog4", 200)}
    plain = proposed(9)
    assert [one.model_copy(update={"schedule": "constant", "schedule_epochs": None}) for one in found] == [
        one.model_copy(update={"learning_rate": one.learning_rate / 2}) for one in plain
    ]
    assert not any("schedule" in one.model_dump_json() for one in plain)
    longer = found[0].model_copy(update={"epochs": 80}).stretched(160)
    assert (longer.epochs, longer.schedule_epochs) == (160, 400)
    assert plain[0].stretched(300).schedule_epochs is None


def test_losses_smoothing_and_decay_vary_where_there_are_several_and_the_first_has_none():
    several = {"loss": ["absolute", "huber"], "label_smoothing": [0.0, 0.1], "weight_decay": [0.0, 0.5]}
    found = proposed(40, **several)
    assert (found[0].loss, found[0].label_smoothing, found[0].weight_decay) == ("absolute", 0, 0)
    for name, values in several.items():
        assert set(Counter(getattr(one, name) for one in found)) == set(values)
    [single] = {(one.loss, one.weight_decay) for one in proposed(40, loss=["huber"], weight_decay=[0.5])[1:]}
    assert single == ("huber", 0.5)
    assert [c.model_copy(update={"loss": "auto"}) for c in proposed(40, loss=["huber"])] == proposed(40)


def test_smoothed_labels_and_decay_regularize_and_are_simpler_than_none():
    plain, smooth, decayed = scored(5, [1.0]), scored(5, [1.0], label_smoothing=0.1), scored(5, [1.0], weight_decay=0.1)
    assert best_unregularized([plain, scored(5, [2.0], weight_decay=0.1)], ACCURACY) is plain
    assert best_unregularized([plain, scored(5, [2.0], label_smoothing=0.1)], ACCURACY) is plain
    assert decayed.simplicity < smooth.simplicity < plain.simplicity

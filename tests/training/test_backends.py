"""A member's result does not depend on how it is trained: stacked or alone, beside whom, in which order."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.problem.training import Engine
from src.results.networks import Candidate
from src.tables.table import Table
from src.training.fit import fit
from src.training.looped import train_looped
from src.training.members import Member, Trained
from src.training.stacked import StackRefused, train_stacked
from tests.training.examples import candidate, folds_of, table_of

KINDS = ["binary", "multiclass", "multilabel", "regression", "unit_interval_regression"]
ALONE = Engine(workers=1, accelerator="cpu")


def members_of(table: Table, candidates: Sequence[Candidate], parts: int = 3, seed: int = 0) -> list[Member]:
    splits = list(folds_of(len(table), parts, seed))
    return [Member.of_split(c, split, seed) for c in candidates for split in splits]


def assert_equal(a: Trained, b: Trained, tolerance: float) -> None:
    for name in a.weights:
        np.testing.assert_allclose(a.weights[name], b.weights[name], rtol=0, atol=tolerance)
    np.testing.assert_allclose(a.predictions, b.predictions, rtol=0, atol=tolerance * 100)
    for curve in ("training_loss", "validation_loss"):
        np.testing.assert_allclose(getattr(a.history, curve), getattr(b.history, curve), rtol=0, atol=tolerance)


def both_ways(table: Table, members: list[Member], dtype: torch.dtype) -> list[tuple[Trained, Trained]]:
    folds = {id(m.training): fit_fold(table, m.training, m.validation) for m in members}
    own = [folds[id(m.training)] for m in members]
    names = {"binary": "log_loss", "multiclass": "log_loss", "autoencode": "reconstruction_mse"}
    measure = TABLE[names.get(table.schema.type, "mse")]
    stacked = train_stacked(members, own, table, measure, ALONE, dtype)
    looped = [train_looped(m, fold, table, measure, ALONE, dtype) for m, fold in zip(members, own, strict=True)]
    return list(zip(stacked, looped, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_stacked_equals_looped_for_every_head(kind):
    table = table_of(kind, weights=True)
    candidates = [candidate(), candidate(dropout=0.4, l1=1e-3), candidate(dropout=0.2, l2=1e-2, learning_rate=0.01)]
    for stacked, looped in both_ways(table, members_of(table, candidates), torch.float64):
        assert_equal(stacked, looped, 1e-12)


@given(
    units=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    activation=st.sampled_from(["relu", "tanh", "gelu"]),
    optimizer=st.sampled_from(["rmsprop", "adam", "adamw", "sgd"]),
    batch_size=st.integers(3, 40),
    rows=st.integers(14, 50),
    parts=st.integers(2, 4),
    varied=st.lists(
        st.tuples(st.sampled_from([0.0, 0.3, 0.6]), st.sampled_from([0.0, 1e-2]), st.sampled_from([1e-3, 1e-2])),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=12, deadline=None)
def test_stacked_equals_looped_over_generated_networks(
    units, activation, optimizer, batch_size, rows, parts, varied, seed
):
    table = table_of("binary", rows, seed)
    shared = {"units": units, "activation": activation, "optimizer": optimizer, "batch_size": batch_size, "epochs": 3}
    candidates = [candidate(dropout=d, l2=l2, learning_rate=rate, **shared) for d, l2, rate in varied]
    members = members_of(table, candidates, parts, seed)
    width = {fit_fold(table, m.training, m.validation).x_AD.shape[1] for m in members}
    if len(width) > 1:  # folds with other inputs are another group; `fit` separates them
        members = [m for m in members if m.fold == 0]
    try:
        pairs = both_ways(table, members, torch.float64)
    except StackRefused as refusal:  # few units may all start dead, and then no weight moves either way
        assume(activation != "relu" or "no weight of a member changed" not in str(refusal))
        raise
    for stacked, looped in pairs:
        assert_equal(stacked, looped, 1e-12)


def test_in_float32_the_backends_agree_to_rounding():
    table = table_of("regression")
    for stacked, looped in both_ways(table, members_of(table, [candidate(epochs=10)]), torch.float32):
        assert_equal(stacked, looped, 1e-4)


def assert_same_bits(a: Trained, b: Trained) -> None:
    assert all(a.weights[name].tobytes() == b.weights[name].tobytes() for name in a.weights)
    assert a.history.training_loss.tobytes() == b.history.training_loss.tobytes()
    assert a.predictions.tobytes() == b.predictions.tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("optimizer", "units", "batch_size"), [("rmsprop", [7, 5], 13), ("adam", [16, 16], 32), ("sgd", [1, 40, 1], 64)]
)
def test_a_member_has_the_same_bits_whatever_is_trained_beside_it(kind, optimizer, units, batch_size):
    """With dropout, penalties, odd sizes and each head's own functions, in the order given or permuted."""
    table = table_of(kind, rows=71)
    shared = {"units": units, "optimizer": optimizer, "batch_size": batch_size, "epochs": 6}
    one = candidate(dropout=0.3, l2=1e-3, **shared)
    others = [candidate(**shared), candidate(l1=1e-3, **shared), candidate(dropout=0.6, l2=0.01, **shared)]
    members = members_of(table, [*others, one])
    measure = TABLE["mse"]
    together = fit(members, table, measure, ALONE, "together")
    order = np.random.default_rng(0).permutation(len(members))
    permuted = fit([members[i] for i in order], table, measure, ALONE, "permuted")
    for position, i in enumerate(order):
        assert permuted[position].member is members[i]
        assert_same_bits(permuted[position], together[i])
    for beside, member in zip(together, members, strict=True):
        [alone] = fit([member], table, measure, ALONE, "alone")
        assert_same_bits(alone, beside)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw", "sgd"])
def test_members_with_very_different_numbers_of_rows_are_each_as_alone(optimizer):
    """Some have no rows left in most steps of an epoch; when a hasty one stops, the others go on."""
    table = table_of("binary", rows=60)
    hasty = candidate(optimizer=optimizer, dropout=0.2, weight_decay=0.1, learning_rate=0.3, patience=1, epochs=8)
    patient = candidate(optimizer=optimizer, l2=1e-3, epochs=8)
    splits = [of.training for of in members_of(table, [patient], 2)]
    rows = [(splits[0], 17), (splits[1], 30), (splits[0], 5), (splits[1], 9), (splits[0], 24)]
    members = [
        Member(c, 0, 0, seed, training[:count], splits[training is splits[0]])
        for seed, (training, count) in enumerate(rows)
        for c in (hasty, patient)
    ]
    table.frame["colour"], table.frame["x"] = "red", table.frame["z"]  # the inputs of all folds are of one width
    for stacked, looped in both_ways(table, members, torch.float64):
        assert len(stacked.history.training) == len(looped.history.training)
        assert_equal(stacked, looped, 1e-12)
    together = fit(members, table, TABLE["mse"], ALONE, "together")
    assert len({len(of.history.training) for of in together}) > 2
    for member, beside in zip(members[::3], together[::3], strict=True):
        assert_same_bits(fit([member], table, TABLE["mse"], ALONE, "alone")[0], beside)


def test_training_moves_every_weight_matrix_and_lowers_the_loss():
    table = table_of("binary", rows=120)
    [first, *_] = fit(members_of(table, [candidate(epochs=40)]), table, TABLE["accuracy"], ALONE, "train")
    assert first.history.training_loss[-1] < 0.7 * first.history.training_loss[0]
    [start, *_] = fit(members_of(table, [candidate(epochs=1)]), table, TABLE["accuracy"], ALONE, "train")
    assert all(np.abs(first.weights[name] - start.weights[name]).max() > 0 for name in first.weights)


def test_the_same_members_give_the_same_bytes():
    table = table_of("regression")
    members = members_of(table, [candidate(dropout=0.5), candidate(l1=1e-3)])
    runs = [fit(members, table, TABLE["mae"], ALONE, "again") for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        assert a.predictions.tobytes() == b.predictions.tobytes()
        assert all(a.weights[name].tobytes() == b.weights[name].tobytes() for name in a.weights)


def test_wide_layers_are_looped_and_the_log_says_so(caplog):
    table = table_of("binary")
    with caplog.at_level("INFO", logger="workflow"):
        fit(members_of(table, [candidate(units=[512], epochs=1)]), table, TABLE["accuracy"], ALONE, "wide")
        fit(members_of(table, [candidate(epochs=1)]), table, TABLE["accuracy"], ALONE, "narrow")
    wide, narrow = (record.getMessage() for record in caplog.records)
    assert "3 looped" in wide
    assert "3 stacked" in narrow


@pytest.mark.slow
def test_worker_processes_give_the_same_results():
    table = table_of("binary", rows=60)
    members = members_of(table, [candidate(), candidate(units=[3])])
    alone = fit(members, table, TABLE["accuracy"], ALONE, "alone")
    shared = fit(members, table, TABLE["accuracy"], Engine(workers=2, accelerator="cpu"), "shared")
    for a, b in zip(alone, shared, strict=True):
        assert_equal(a, b, 1e-6)


def test_the_refit_without_validation_rows_has_no_validation_curve():
    table = table_of("binary")
    everything = np.arange(len(table))
    member = Member(candidate(), 0, 0, 1, everything, everything[:0])
    [refit] = fit([member], table, TABLE["accuracy"], ALONE, "refit")
    assert len(refit.history.training) == 4
    assert len(refit.history.validation) == 0
    assert refit.predictions.shape == (0, 1)

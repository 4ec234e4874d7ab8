"""What a stack does beyond training: members leave it, narrow ones join it, and what it cannot take is looped."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from src.core.errors import UserError
from src.models import updates
from src.models.measures import TABLE
from src.networks import CONFIGURATIONS, configuration_of
from src.preparation.fold import fit_fold
from src.problem.training import Engine
from src.results.networks import Candidate
from src.training import looped, shards, stacked
from src.training.course import CURVE_ROWS
from src.training.fit import fit
from src.training.looped import train_looped
from src.training.members import Member, Trained
from src.training.stacked import train_stacked
from tests.training import networks as test_networks
from tests.training.examples import candidate, folds_of, table_of
from tests.training.test_backends import ALONE, assert_equal, assert_same_bits, both_ways, members_of

OPTIMIZERS = list(updates.OPTIMIZERS)


@pytest.fixture
def kinds(monkeypatch):
    """The networks of `tests.training.networks` as kinds that a configuration may name."""
    for name in test_networks.MODULES:
        monkeypatch.setitem(CONFIGURATIONS, name, test_networks.configuration(name))


def of_kind(kind: str, dropout: float = 0.0, options: dict | None = None, **training: object) -> Candidate:
    plain = candidate(**training)
    return plain.model_copy(
        update={"network": configuration_of({"architecture": kind, "dropout": dropout, **(options or {})})}
    )


def fit_here(table, members, **more) -> list[Trained]:
    return fit(members, table, TABLE["mse"], ALONE, "test", **more)


# Clip norm, decay, patience


@given(
    optimizer=st.sampled_from(OPTIMIZERS),
    varied=st.lists(
        st.tuples(st.sampled_from([None, 0.02, 0.5]), st.sampled_from([0.0, 0.1, 3.0]), st.sampled_from([None, 1, 2])),
        min_size=2,
        max_size=4,
    ),
    seed=st.integers(0, 1000),
)
@settings(max_examples=10, deadline=None)
def test_stacked_equals_looped_with_clipped_gradients_decaying_weights_and_members_that_stop(optimizer, varied, seed):
    table = table_of("binary", 40, seed)
    shared = {"optimizer": optimizer, "epochs": 6, "learning_rate": 0.05}
    candidates = [candidate(clip_norm=clip, weight_decay=d, patience=p, **shared) for clip, d, p in varied]
    members = [m for m in members_of(table, candidates, 2, seed) if m.fold == 0]
    for one, alone in both_ways(table, members, torch.float64):
        assert_equal(one, alone, 1e-12)
        assert len(one.history.training) == len(alone.history.training)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_clip_norm_and_decay_change_what_is_learnt(optimizer):
    table = table_of("binary")
    plain, clipped, decayed = (
        fit_here(table, members_of(table, [candidate(optimizer=optimizer, **more)])[:1])[0]
        for more in ({}, {"clip_norm": 0.01}, {"weight_decay": 5.0})
    )
    assert not np.array_equal(plain.predictions, clipped.predictions)
    norms = [np.linalg.norm(of.weights["layers.0.weight"]) for of in (plain, decayed)]
    assert norms[1] < norms[0]


def test_decoupled_decay_is_that_of_torch_s_adamw():
    table = table_of("regression")
    [member] = members_of(table, [candidate(optimizer="adamw", weight_decay=0.5, epochs=1, batch_size=1000)])[:1]
    fold = fit_fold(table, member.training, member.validation)
    [ours] = train_stacked([member], [fold], table, TABLE["mse"], ALONE, torch.float64)
    head = looped.head_of(member, fold, table, torch.float64)
    weights = [p for p in head.network.parameters() if p.ndim > 1]
    biases = [p for p in head.network.parameters() if p.ndim == 1]
    groups = [{"params": weights, "weight_decay": 0.5}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.003)
    x_AD, y_AT, w_A = (torch.from_numpy(part).double() for part in (fold.x_AD, fold.y_AT, fold.w_A))
    head.loss((x_AD, y_AT, w_A)).backward()
    optimizer.step()
    for name, value in head.network.state_dict().items():
        np.testing.assert_allclose(ours.weights[name], value, rtol=0, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_looped_member_comes_out_as_by_torch_s_own_optimizer(optimizer):
    """With all that a head does before a step, by the optimizer that the head has for everybody else."""
    table = table_of("regression")
    settings = {"l1": 1e-3, "l2": 1e-2, "clip_norm": 0.5, "weight_decay": 0.1, "epochs": 3, "batch_size": 7}
    member = members_of(table, [candidate(optimizer=optimizer, **settings)])[0]
    fold = fit_fold(table, member.training, member.validation)
    ours = train_looped(member, fold, table, TABLE["mse"], ALONE, torch.float64)
    head = looped.head_of(member, fold, table, torch.float64)
    own = head.configure_optimizers()
    rows = [torch.from_numpy(part).double() for part in (fold.x_AD, fold.y_AT, fold.w_A)]
    shuffle = torch.Generator().manual_seed(member.seed)
    for _ in range(3):
        for rows_B in torch.randperm(len(fold.x_AD), generator=shuffle).split(7):
            own.zero_grad()
            head.loss(tuple(part[rows_B] for part in rows)).backward()
            head.on_before_optimizer_step(own)
            own.step()
    for name, value in head.network.state_dict().items():
        np.testing.assert_allclose(ours.weights[name], value, rtol=0, atol=1e-12)


def test_curves_of_very_many_rows_are_measured_on_the_same_of_them_stacked_and_looped():
    table = table_of("binary", 3_301)
    members = members_of(table, [candidate(epochs=2, batch_size=256)])
    assert min(len(m.training) for m in members) > CURVE_ROWS
    for ours, alone in both_ways(table, members, torch.float64):
        assert_equal(ours, alone, 1e-12)
    for checked in fit_here(table, members):  # the self-check cuts the rows of its members
        assert np.isfinite(checked.history.training).all()


def test_progress_counts_all_gradient_steps_those_too_that_an_early_end_saves():
    table = table_of("binary", 60)
    long = {"epochs": 12, "learning_rate": 0.3, "batch_size": 7}
    members = members_of(table, [candidate(**long), candidate(patience=1, **long)], parts=4)
    folds, measure = [fit_fold(table, m.training, m.validation) for m in members], TABLE["accuracy"]
    counted: list[int] = []
    stacked = train_stacked(members, folds, table, measure, ALONE, on_epoch=counted.append)
    assert sum(counted) == sum(m.steps for m in members) == 12 * sum(m.steps_of_epoch for m in members)
    assert min(len(of.history.training) for of in stacked) < 12
    for m, fold in zip(members, folds, strict=True):
        counted.clear()
        train_looped(m, fold, table, measure, ALONE, on_epoch=counted.append)
        assert sum(counted) == m.steps


def test_a_member_out_of_patience_stops_there_and_the_others_do_not_notice():
    table = table_of("binary", 40)
    long = {"epochs": 30, "learning_rate": 0.1, "units": [7]}
    members = members_of(table, [candidate(**long), candidate(patience=2, **long)])
    trained = fit_here(table, members)
    patient, hasty = trained[:3], trained[3:]
    assert any(len(of.history.training) < 30 for of in hasty)
    for of, whole in zip(hasty, patient, strict=True):
        losses = of.history.validation_loss
        assert np.array_equal(losses, whole.history.validation_loss[: len(losses)])
        if len(losses) < 30:
            assert losses[-3] == losses.min()
    for of, alone in zip(patient, fit_here(table, members[:3]), strict=True):
        assert_same_bits(of, alone)


# Losses


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("regression", {"loss": "absolute"}),
        ("regression", {"loss": "huber"}),
        ("binary", {"label_smoothing": 0.1}),
        ("multiclass", {"label_smoothing": 0.1}),
    ],
)
def test_other_losses_learn_something_else_and_are_the_same_stacked_and_looped(kind, changes):
    table = table_of(kind, weights=True)
    own, other = candidate(), candidate(**changes)
    for of_stack, of_loop in both_ways(table, members_of(table, [other, other]), torch.float64):
        assert_equal(of_stack, of_loop, 1e-12)
    alone = fit_here(table, members_of(table, [other]))
    both = fit_here(table, members_of(table, [own, other]))
    for one, beside in zip(alone, both[3:], strict=True):
        assert_same_bits(one, beside)
    assert not np.array_equal(both[0].predictions, both[3].predictions)


# Divergence


@pytest.mark.parametrize("backend", ["stacked", "looped"])
def test_a_member_that_diverges_is_reported_and_the_others_finish_as_without_it(backend, monkeypatch, caplog):
    if backend == "looped":
        monkeypatch.setattr(shards, "WIDEST_STACKED", 1)
    table = table_of("regression")
    calm = [candidate(optimizer="sgd"), candidate(optimizer="sgd", dropout=0.3)]
    wild = candidate(optimizer="sgd", learning_rate=1e6, epochs=4)
    members = members_of(table, [calm[0], wild, calm[1]])
    with caplog.at_level("WARNING", logger="workflow"):
        trained = fit_here(table, members)
    diverged = trained[3:6]
    for of in diverged:
        assert of.diverged is not None
        assert len(of.history.validation) == len(of.history.training_loss) == 4
        assert np.isnan(of.history.validation[of.diverged - 1 :]).all()
        assert np.isfinite(of.history.validation[: of.diverged - 1]).all()
        assert np.isnan(of.predictions).all()
    first = min(of.diverged for of in diverged)
    assert f"3 of 9 trainings diverged, the first in epoch {first}" in caplog.text
    for of, without in zip(trained[:3] + trained[6:], fit_here(table, members[:3] + members[6:]), strict=True):
        assert of.diverged is None
        assert np.isfinite(of.predictions).all()
        assert_same_bits(of, without)


# Pausing, which is how a search drops members by the way


@given(
    optimizer=st.sampled_from(OPTIMIZERS),
    pauses=st.lists(st.integers(1, 5), min_size=1, max_size=2, unique=True).map(sorted),
    keep=st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True).map(sorted),
    backend=st.sampled_from(["stacked", "looped"]),
)
@settings(max_examples=6, deadline=None)
def test_members_that_pause_and_go_on_without_the_others_come_out_as_if_nothing_had_happened(
    optimizer, pauses, keep, backend
):
    table = table_of("binary", 37)
    shared = {"optimizer": optimizer, "epochs": 6}
    candidates = [candidate(dropout=0.3, units=[5, 4], **shared), candidate(l2=0.01, units=[7, 6], **shared)]
    members = members_of(table, candidates)
    with pytest.MonkeyPatch.context() as patch:
        if backend == "looped":
            patch.setattr(shards, "WIDEST_STACKED", 1)
        whole = fit_here(table, members)
        paused = fit_here(table, members, until=pauses[0])
        assert all(of.paused is not None and len(of.history.training) == pauses[0] for of in paused)
        chosen, before = [members[i] for i in keep], [paused[i] for i in keep]
        for pause in [*pauses[1:], None]:
            before = fit_here(table, chosen, until=pause, resumed=before)
    for i, of in zip(keep, before, strict=True):
        assert of.paused is None
        assert_equal(of, whole[i], 1e-5)
        assert len(of.history.validation) == 6
        # Where the wide network of the same fold, and so of the same stack, goes on too, the narrow one has its zeros.
        if any(other >= 3 and other % 3 == i % 3 for other in keep):
            assert_same_bits(of, whole[i])


# Widths


def test_members_of_several_widths_train_as_one_stack_and_as_alone():
    table = table_of("binary", weights=True)
    candidates = [candidate(units=units, dropout=0.2, activation="tanh") for units in ([2, 3], [8, 5], [4, 4])]
    for one, alone in both_ways(table, members_of(table, candidates), torch.float64):
        assert [w.shape for w in one.weights.values()] == [w.shape for w in alone.weights.values()]
        assert_equal(one, alone, 1e-12)


def test_narrow_networks_join_a_wider_stack_only_where_that_pays(caplog):
    table = table_of("binary")
    with caplog.at_level("INFO", logger="workflow"):
        fit_here(table, members_of(table, [candidate(units=[u], epochs=1) for u in (4, 8, 16)]))
        fit_here(table, members_of(table, [candidate(units=[u], epochs=1) for u in (4, 256)]))
    near, far = (record.getMessage() for record in caplog.records)
    assert "9 stacked in 1 shard" in near
    assert "6 stacked in 2 shards" in far


def test_shards_change_no_bit_also_where_the_widest_member_is_in_another():
    table = table_of("binary")
    members = members_of(table, [candidate(units=[u, u], dropout=0.2) for u in (4, 7, 12)])
    whole = fit_here(table, members)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "LARGEST_STACK", 2)
        cut = fit_here(table, members)
    for a, b in zip(whole, cut, strict=True):
        assert_same_bits(a, b)


def test_members_of_one_fold_with_seeds_of_their_own_are_each_as_alone():
    """The committee of a final model: one fold, several random starts."""
    table = table_of("binary")
    split = next(iter(folds_of(len(table))))
    members = [Member.of_split(candidate(dropout=0.3), split, seed) for seed in range(3)]
    together = fit_here(table, members)
    for one, member in zip(together, members, strict=True):
        assert_same_bits(fit_here(table, [member])[0], one)
    assert not np.array_equal(together[0].predictions, together[1].predictions)


# Networks without layers of their own: vmap


@pytest.mark.parametrize(
    ("kind", "options", "dtype"),
    [
        ("Convolutional", {"channels": 3}, torch.float64),
        ("Convolutional", {"channels": 2, "norm": False}, torch.float64),
        ("Embedded", {}, torch.float64),
        ("Recurrent", {"cell": "LSTM"}, torch.float64),
        ("Recurrent", {"cell": "GRU"}, torch.float64),
        ("window", {"lookback": 7, "reader": "gru", "units": [4], "bidirectional": True}, torch.float64),
        ("window", {"lookback": 7, "reader": "lstm", "units": [4, 3], "recurrent_dropout": 0.4}, torch.float64),
        ("window", {"lookback": 7, "reader": "dense", "units": [4], "relative": 1}, torch.float64),
    ],
)
def test_other_networks_stack_by_vmap_and_come_out_as_alone(kinds, kind, options, dtype):
    """Also with unequal folds in the statistics of a batch norm, with dropout, and with a member that leaves."""
    table = table_of("regression", rows=46, weights=True)
    candidates = [
        of_kind(kind, 0.0, options, l2=1e-3),
        of_kind(kind, 0.4, options, learning_rate=0.01, clip_norm=0.1),
        of_kind(kind, 0.2, options, epochs=2),
    ]
    members = members_of(table, candidates)
    assert shards.refusal(members[0], fit_fold(table, members[0].training, members[0].validation), table) is None
    for one, alone in both_ways(table, members, dtype):
        assert list(one.weights) == list(alone.weights)
        assert_equal(one, alone, 1e-11)


@pytest.mark.parametrize(
    "options",
    [
        {"units": [4]},
        {"units": [4], "bits": True},
        {"units": [4], "tied": True, "active": 1},
        {"units": [], "active": 1, "sparsity": "kl"},
        {"units": [], "active": 1, "sparsity": "l1"},
    ],
    ids=str,
)
def test_autoencoders_stack_by_vmap_and_come_out_as_alone_with_noise_of_their_own(options):
    table = table_of("regression", rows=46)
    schema = table.schema.model_copy(update={"type": "autoencode", "targets": [], "code": 2})
    table = replace(table, schema=schema, y_NT=table.y_NT[:, :0])
    candidates = [
        of_kind("autoencoder", dropout, options | {"noise": noise})
        for dropout, noise in [(0.0, 0.0), (0.0, 0.3), (0.3, 0.0), (0.2, 0.1)]
    ]
    members = members_of(table, candidates)
    assert shards.refusal(members[0], fit_fold(table, members[0].training, members[0].validation), table) is None
    pairs = both_ways(table, members, torch.float64)
    for one, alone in pairs:
        assert_equal(one, alone, 1e-11)
    assert not np.array_equal(pairs[0][0].predictions, pairs[1][0].predictions)


def test_batch_norm_with_a_last_minibatch_of_one_row_or_where_it_can_have_none(kinds):
    table = table_of("binary", rows=49)
    members = members_of(table, [of_kind("Convolutional")])
    assert {len(member.training) % 8 for member in members} == {0, 1}
    for one, alone in both_ways(table, members, torch.float64):
        assert_equal(one, alone, 1e-11)
    normed = members_of(table, [of_kind("Normed")])
    for one, alone in both_ways(table, normed[:1], torch.float64):
        assert_equal(one, alone, 1e-11)
    with pytest.raises(
        UserError, match=r"network Normed: a minibatch of a single row.*training\.batch_size 8.*another"
    ):
        fit_here(table, normed)


@pytest.mark.parametrize("kind", ["Convolutional", "Recurrent"])
def test_a_member_unstacked_from_vmap_is_a_network_that_loads_and_answers_alone(kinds, kind):
    table = table_of("binary", weights=True)
    [member, *_] = members = members_of(table, [of_kind(kind, 0.3)])
    [first, *_] = fit_here(table, members)
    fold = fit_fold(table, member.training, member.validation)
    head = looped.head_of(member, fold, table, torch.float32)
    head.network.load_state_dict({name: torch.from_numpy(value) for name, value in first.weights.items()})
    with torch.no_grad():
        p_VK = head.eval().predictions(head(torch.from_numpy(fold.x_VD))).double().numpy()
    np.testing.assert_allclose(p_VK, first.predictions, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Forking", "vmap refuses it"),
        ("PlainDropout", "draws its masks from torch's own stream"),
        ("Bag", "vmap refuses it"),
    ],
)
def test_what_a_stack_cannot_take_is_looped_and_the_log_says_why(kinds, kind, reason, caplog):
    table = table_of("binary")
    with caplog.at_level("INFO", logger="workflow"):
        trained = fit_here(table, members_of(table, [of_kind(kind, epochs=1), candidate(epochs=1)]))
    assert len(trained) == 6
    [line] = [record.getMessage() for record in caplog.records]
    assert "3 stacked in 1 shard, 3 looped" in line
    assert f"3 looped: network {kind}" in line
    assert reason in line


# The self-check


def test_a_stack_that_drops_its_gradients_is_noticed_and_its_members_are_looped(monkeypatch, caplog):
    table = table_of("binary")
    members = members_of(table, [candidate()])
    expected = fit_here(table, members)
    monkeypatch.setattr(stacked.StackedMLP, "backward", lambda self, gradient_MBK: None)
    with caplog.at_level("WARNING", logger="workflow"):
        trained = fit_here(table, members)
    assert "3 trainings looped: self-check: the stack did not change a member's weights" in caplog.text
    for a, b in zip(trained, expected, strict=True):
        assert_equal(a, b, 1e-5)


def test_a_stack_that_learns_something_else_is_noticed(monkeypatch, caplog):
    table = table_of("binary")
    honest = stacked.StackedMLP.backward
    monkeypatch.setattr(stacked.StackedMLP, "backward", lambda self, gradient: honest(self, gradient.abs()))
    with caplog.at_level("WARNING", logger="workflow"):
        fit_here(table, members_of(table, [candidate()]))
    assert "from its value when trained alone" in caplog.text


def test_the_self_check_leaves_the_members_as_they_are(monkeypatch):
    table = table_of("binary")
    members = members_of(table, [candidate(dropout=0.3)])
    checked = fit_here(table, members)
    monkeypatch.setattr("src.training.self_check.check_stack", lambda *_: None)
    for a, b in zip(checked, fit_here(table, members), strict=True):
        assert_same_bits(a, b)


# Memory


def test_running_out_of_memory_halves_the_shard_until_it_fits(monkeypatch, caplog):
    table = table_of("binary")
    members = members_of(table, [candidate(), candidate(l2=0.01)])
    expected = fit_here(table, members)
    honest, sizes = stacked.train_stacked, []

    def small_device(members, *args, **options):
        sizes.append(len(members))
        if len(members) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(members, *args, **options)

    monkeypatch.setattr(stacked, "train_stacked", small_device)
    with caplog.at_level("WARNING", logger="workflow"):
        trained = fit_here(table, members)
    assert sizes == [6, 3, 2, 1, 3, 2, 1]
    assert "out of memory with 6 members in one stack; halved" in caplog.text
    for a, b in zip(trained, expected, strict=True):
        assert_same_bits(a, b)


def test_memory_too_small_for_one_member_is_told_with_the_way_out(monkeypatch):
    def no_device(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(stacked, "train_stacked", no_device)
    table = table_of("binary")
    with pytest.raises(UserError, match=r"too small for a single member.*training\.batch_size"):
        fit_here(table, members_of(table, [candidate()]))


def test_shards_take_no_more_than_the_stated_share_of_memory(monkeypatch):
    table = table_of("binary")
    members = members_of(table, [candidate(l2=0.001 * i) for i in range(20)])
    folds = [fit_fold(table, members[0].training, members[0].validation)] * len(members)
    [group] = shards.groups_of(members, folds, table, "cpu")
    one = shards.bytes_of_a_member(group)
    for workers, memory in product((1, 2), (one, 7 * one, 10**12)):
        cut = list(shards.cut([group], workers, memory, "cpu"))
        assert sorted(i for of in cut for i in of.positions) == list(range(60))
        assert all(len(of.members) * one * workers <= max(memory, one * workers) for of in cut)
    assert len(list(shards.cut([group], 2, 10**12, "cpu"))) == 2


def test_a_member_takes_under_a_fifth_of_a_megabyte_in_a_search_of_the_default_problems():
    table = table_of("binary")
    [group] = shards.groups_of(
        [m := members_of(table, [candidate(units=[32, 32], batch_size=32)])[0]],
        [fit_fold(table, m.training, m.validation)],
        table,
        "cpu",
    )
    assert shards.bytes_of_a_member(group) < 0.2 * 2**20


def test_looped_and_stacked_accept_bf16_where_it_is_asked_for():
    table = table_of("regression")
    members = members_of(table, [candidate()])[:1]
    fold = fit_fold(table, members[0].training, members[0].validation)
    plain = fit_here(table, members)[0]
    engine = Engine(workers=1, accelerator="cpu", precision="bf16")
    [one] = train_stacked(members, [fold], table, TABLE["mse"], engine)
    other = train_looped(members[0], fold, table, TABLE["mse"], engine)
    for of in (one, other):
        assert 0 < np.abs(of.predictions - plain.predictions).max() < 2

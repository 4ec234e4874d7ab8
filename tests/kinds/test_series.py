"""Series: windows that never cross a split, what is learnt from them, and common sense about them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from src.core.errors import UserError
from src.judging.baselines import common_sense
from src.judging.evaluation import compare, estimate
from src.judging.further_targets import score_heads
from src.judging.held_out import HeldOut
from src.kinds.registry import kind_of
from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.problem.training import Engine, OverfitLadder, Search, Training
from src.results.networks import Candidate
from src.saved.network_model import NetworkCard, NetworkModel
from src.scoring import rows as scored_rows
from src.scoring import table as scored_table
from src.search.candidates import propose
from src.tables.protocols import Split
from src.tables.table import Feature, Schema, Table, rows_of
from src.tables.windows import COLUMN, viewed
from src.training.fit import fit
from src.training.members import Member, Trained
from tests.kinds.series import prepared, waves
from tests.kinds.workflow import new_layout
from tests.training.examples import candidate

SMALL = {"lookback": 6, "delay": 1}


def asked_at(table: Table, raw: pd.DataFrame) -> np.ndarray:
    """For each row the position in the prepared table where its prediction is made: the last moment of its window."""
    moments, last_N = viewed(table.frame)
    return pd.Index(raw["__row__"]).get_indexer(moments["__row__"].iloc[last_N])


def inputs_of(rows: pd.DataFrame, lookback: int) -> list[set[int]]:
    """The positions in the raw table of the moments that each row's window holds."""
    return [
        set(view.moments["__row__"].iloc[view.last - lookback + 1 : view.last + 1].tolist()) for view in rows[COLUMN]
    ]


@given(
    moments=st.integers(60, 160),
    lookback=st.integers(1, 6),
    delay=st.integers(1, 5),
    steps=st.integers(1, 3),
    stride=st.integers(1, 3),
    gaps=st.lists(st.integers(5, 150), max_size=2, unique=True),
    missing=st.lists(st.integers(0, 159), max_size=8),
    seed=st.integers(0, 99),
    protocol=st.sampled_from(["k_fold", "hold_out"]),
)
@tries(max_examples=25, deadline=None)
def test_no_window_and_no_target_crosses_a_split(
    moments, lookback, delay, steps, stride, gaps, missing, seed, protocol
):
    frame = waves(moments, seed)
    frame.loc[[row for row in missing if row < moments], "level"] = np.nan
    for gap in gaps:
        frame.loc[gap:, "hour"] += pd.Timedelta("2D")
    frame = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    series = {"lookback": lookback, "delay": delay, "steps": steps, "stride": stride}
    try:
        found, table = prepared(frame, series, protocol=protocol, folds=3 if protocol == "k_fold" else "auto")
    except UserError:  # gaps may leave a fold without windows, which is refused
        return
    time_N = frame["hour"].to_numpy()
    seen, targets = inputs_of(table.frame, lookback), table.rows_N
    test = rows_of(found.test, found.schema)
    sealed = set(found.test["__row__"])
    for row, inputs in enumerate(seen):
        hours = np.sort(time_N[list(inputs)])
        assert len(inputs) == lookback
        assert (np.diff(hours) == np.timedelta64(1, "h")).all()
        assert time_N[targets[row]] - hours[-1] == np.timedelta64(delay + steps - 1, "h")
        asked = frame.set_index("hour")["level"][hours[-1] + np.timedelta64(1, "h") * (delay + np.arange(steps))]
        assert asked.tolist() == table.y_NT[row].tolist()
        assert not inputs & sealed
        assert targets[row] not in sealed
    assert all(inputs <= sealed for inputs in inputs_of(test, lookback))
    assert set(test["__row__"]) <= sealed
    assert max(found.train["hour"]) < min(found.test["hour"])
    for split in found.development:
        known = set().union(*(seen[row] | {targets[row]} for row in split.training))
        asked = set().union(*(seen[row] | {targets[row]} for row in split.validation))
        assert max(time_N[list(known)]) < min(time_N[list(asked)])


def test_the_windows_between_two_folds_are_held_out_by_none_and_learnt_from_later():
    found, table = prepared(waves(125), SMALL)
    splits = list(found.evaluation)
    held = np.concatenate([split.validation for split in splits])
    lost = np.setdiff1d(splits[-1].training, np.concatenate([splits[0].training, held]))
    assert len(held) == len(set(held)) == 3 * (24 - 7 + 1) - 1
    assert len(lost) == 2 * 6
    assert set(lost) <= set(splits[-1].training)
    assert len(table) == 100 - 6


@pytest.mark.parametrize("column", ["level", "wind", "side"])
def test_changing_a_held_out_moment_changes_nothing_that_was_fitted(column):
    frame = waves(125)
    _, table = prepared(frame, SMALL)
    found, _ = prepared(frame, SMALL)
    split = next(iter(found.development))
    fold = fit_fold(table, split.training, split.validation)
    later = frame.copy()
    first = min(min(inputs) for inputs in inputs_of(table.frame.iloc[split.validation], 6))
    later.loc[first:, column] = "x" if column == "side" else 1e9
    _, changed = prepared(later, SMALL | {"relative": False})
    again = fit_fold(changed, split.training, split.validation)
    assert again.vectorizer == fold.vectorizer
    assert again.target_scaler == fold.target_scaler
    np.testing.assert_array_equal(again.x_AD, fold.x_AD)
    assert not np.array_equal(again.x_VD, fold.x_VD)


def test_inputs_are_the_moments_one_after_the_other_standardized_by_the_past_alone():
    _, table = prepared(waves(125), SMALL)
    training = np.arange(40)
    fold = fit_fold(table, training, training)
    x_ALV = fold.x_AD.reshape(40, 6, -1)
    level_N = waves(125)["level"].to_numpy()[:45]
    expected = (np.lib.stride_tricks.sliding_window_view(level_N, 6) - level_N.mean()) / level_N.std()
    np.testing.assert_allclose(x_ALV[:, :, 0], expected, atol=1e-6)
    sine_M = np.sin(2 * np.pi * np.arange(45) / 24)
    expected = (np.lib.stride_tricks.sliding_window_view(sine_M, 6) - sine_M.mean()) / sine_M.std()
    np.testing.assert_allclose(x_ALV[:, :, 5], expected, atol=1e-6)
    dates = fold.vectorizer.columns[1]
    assert [part.name for part in dates.parts] == [
        f"{cycle}_{wave}" for cycle in ("year", "week", "day") for wave in ("sine", "cosine")
    ]


def test_an_unknown_value_is_seen_as_the_last_one_known_and_as_a_gap_and_never_asked_for():
    frame = waves(125)
    frame.loc[20:22, "level"] = np.nan
    _, table = prepared(frame, SMALL)
    assert not {20, 21, 22} & set(table.rows_N)
    fold = fit_fold(table, np.arange(len(table)), np.arange(0))
    x_NLV = fold.x_AD.reshape(len(table), 6, -1)
    [row] = np.flatnonzero(table.rows_N == 23)
    assert x_NLV[row, -4, 0] == x_NLV[row, -3, 0] == x_NLV[row, -1, 0]
    assert x_NLV[row, :, -1].tolist() == [0, 0, 0, 1, 1, 1]


def test_persistence_and_seasonal_naive_say_what_was_true_now_and_a_season_ago():
    frame = waves(125)
    frame.loc[30, "level"] = np.nan
    found, table = prepared(frame, {"lookback": 6, "delay": 2, "season": 6})
    models = common_sense(found.schema)
    rows = np.flatnonzero((table.rows_N >= 25) & (table.rows_N < 40))
    level_N = frame["level"].ffill().to_numpy()
    split = Split(0, 0, np.arange(10), rows)
    np.testing.assert_array_equal(models["persistence"](table, split, 0)[:, 0], level_N[table.rows_N[rows] - 2])
    np.testing.assert_array_equal(models["seasonal_naive"](table, split, 0)[:, 0], level_N[table.rows_N[rows] - 6])
    assert "seasonal_naive" not in common_sense(prepared(frame, {"lookback": 3, "season": 6})[0].schema)


def test_errors_that_last_widen_the_interval_and_are_told_in_the_comparison():
    found, table = prepared(waves(1000), SMALL, protocol="hold_out", folds="auto")
    [split] = found.evaluation
    rows = len(split.validation)
    size_V = np.random.default_rng(0).exponential(size=rows // 8 + 1).repeat(8)[:rows, None]
    model = HeldOut([split], [table.y_NT[split.validation] + size_V])
    alone = replace(table, schema=found.schema.model_copy(update={"features": [Feature(name="wind", type="numeric")]}))
    in_time, one_by_one = (estimate(model, of, TABLE["mae"]) for of in (table, alone))
    assert in_time.value == one_by_one.value
    assert in_time.high - in_time.low > 1.8 * (one_by_one.high - one_by_one.low)
    worse = HeldOut([split], [table.y_NT[split.validation] + 2 * size_V])
    verdict = compare("beats", model, [worse], "twice as far", table, found.evaluation, TABLE["mae"], 0)
    assert verdict.holds
    units = int(table.units(split.validation).max()) + 1
    assert f"paired bootstrap over {rows} rows in {units} stretches of time" in verdict.evidence


def test_several_steps_ahead_are_so_many_outputs_and_baselines():
    found, table = prepared(waves(125), {"lookback": 6, "delay": 2, "steps": 3, "season": 4, "relative": True})
    assert found.schema.targets == ["level", "level+1", "level+2"]
    models, split = common_sense(found.schema), Split(0, 0, np.arange(10), np.arange(30, 40))
    level_N, last_N = waves(125)["level"].to_numpy(), table.rows_N[30:40] - 4
    seasonal = np.stack([level_N[last_N - back] for back in (2, 1, 0)], axis=1)
    np.testing.assert_array_equal(models["seasonal_naive"](table, split, 0), seasonal)
    np.testing.assert_array_equal(models["persistence"](table, split, 0), level_N[last_N][:, None].repeat(3, axis=1))
    features = found.schema.features
    config = candidate(epochs=2).model_copy(
        update={"network": kind_of(features).ladders["predict"](features, OverfitLadder(), Training())[0]}
    )
    [trained] = fit([Member.of_split(config, split, 0)], table, TABLE["mae"], Engine(workers=1), "steps")
    assert trained.predictions.shape == (10, 3)


def test_further_targets_are_forecast_for_the_same_moment_and_compared_with_their_own_past():
    frame = waves(125, drift=1.0)
    frame["tide"] = np.random.default_rng(1).normal(size=125).cumsum()
    frame.loc[50, "side"] = None
    heads = {"tide": {"type": "regression"}, "side": {"type": "binary"}}
    found, table = prepared(frame, {"lookback": 6, "delay": 2}, heads=heads)
    assert found.schema.window.relative
    assert [feature.name for feature in found.schema.features] == ["level", "tide", "side", "hour", "wind"]
    asked = frame.iloc[table.rows_N]
    np.testing.assert_array_equal(table.heads_NH[:, 0], asked["tide"])
    np.testing.assert_array_equal(table.heads_NH[:, 1], asked["side"].map({"n": 0.0, "s": 1.0}))

    features, splits = found.schema.features, list(found.development)
    [first, *_] = kind_of(features).ladders["predict"](features, OverfitLadder(), Training())
    config = candidate(epochs=2).model_copy(update={"network": first})
    learnt = fit([Member.of_split(config, split, 0) for split in splits], table, TABLE["mae"], Engine(workers=1), "")
    model, rows = model_of(learnt[0], found.schema), splits[0].validation
    of_rows = model.raw_predictions(found.train)[asked_at(table, found.train)]
    np.testing.assert_allclose(of_rows[rows, :1], learnt[0].predictions, rtol=1e-5)
    np.testing.assert_allclose(of_rows[rows, 1:], learnt[0].further, rtol=1e-5)

    further = [of.further for of in learnt]
    [tide, side], _ = score_heads(table, table, further, of_rows, found.development, found.development, 0)
    held_out = table.rows_N[np.concatenate([split.validation for split in splits])]
    moved = (frame["tide"] - frame["tide"].shift(2))[held_out]
    assert tide.common_sense == pytest.approx(moved.abs().mean())
    assert (tide.test.rows, side.test.rows) == (len(table), len(table) - 1)


def test_the_season_follows_from_the_distance_of_dates_and_a_drift_from_the_two_halves():
    still, drifting = (prepared(waves(125, drift=drift), SMALL)[0] for drift in (0.0, 1.0))
    assert (still.schema.window.season, still.schema.window.relative) == (24, False)
    assert drifting.schema.window.relative
    chosen = {choice.setting: choice.chosen for choice in drifting.summary.choices}
    assert chosen["what the network forecasts"] == "the change since the last moment"
    months = waves(125).assign(hour=pd.date_range("1950-01-01", periods=125, freq="MS").astype("datetime64[us]"))
    assert prepared(months, SMALL)[0].schema.window.season == 12


def test_rows_that_follow_one_another_count_as_one():
    found, table = prepared(waves(125), {"lookback": 6, "delay": 2})
    units_N = table.units(np.arange(len(table)))
    assert (np.diff(units_N) >= 0).all()
    assert np.bincount(units_N)[:-1].tolist() == [10] * (len(table) // 10)
    assert found.schema.window.stretch(8_000) == 90


@pytest.mark.parametrize(
    ("network", "relative"),
    [("dense", False), ("dense", True), pytest.param("gru", False, marks=pytest.mark.slow)],
)
def test_networks_learn_what_lies_in_a_window(network, relative):
    frame = waves(500, drift=0.02 if relative else 0.0)
    found, table = prepared(
        frame, SMALL | {"relative": relative, "network": network}, protocol="hold_out", folds="auto"
    )
    [split] = found.development
    features = found.schema.features
    networks = kind_of(features).ladders["predict"](features, OverfitLadder(), Training())
    config = candidate(learning_rate=0.01, epochs=40).model_copy(update={"network": networks[2]})
    [trained] = fit([Member.of_split(config, split, 0)], table, TABLE["mae"], Engine(workers=1), "windows")
    naive = common_sense(found.schema)["persistence"](table, split, 0)
    error = TABLE["mae"].value(table.y_NT[split.validation], naive, table.w_N[split.validation])
    assert trained.history.validation[-1] < 0.6 * error


def test_the_search_tries_recurrent_dropout_of_the_networks_that_are_recurrent():
    def tried(**changes: object) -> list[Candidate]:
        found, _ = prepared(waves(100), SMALL | changes, protocol="hold_out", folds="auto")
        features = found.schema.features
        kind = kind_of(features)
        rungs = kind.ladders["predict"](features, OverfitLadder(), Training())
        space = Search(budget=40, dropout=[0.0], l1=[0.0], l2=[0.0], learning_rate=[1.0, 3.0])
        return propose(rungs[:4], space, Training(), 32, 10, 0, kind.options(features))

    shares = {
        (of.network.settings.get("reader"), of.network.settings.get("recurrent_dropout")) for of in tried(network="gru")
    }
    assert shares == {(None, None), ("gru", 0.0), ("gru", 0.25)}
    assert all(not of.network.names("recurrent_dropout") for of in tried(network="convolution"))
    given = tried(network="gru", recurrent_dropout=0.5)
    assert {of.network.recurrent_dropout for of in given if of.network.names("reader")} == {0.5}


def dense() -> Candidate:
    return candidate(epochs=2, units=[4])


def model_of(trained: Trained, schema: Schema) -> NetworkModel:
    """The model as it is read again from its JSON."""
    card = NetworkCard(
        vectorizer=trained.vectorizer,
        target_scaler=trained.target_scaler,
        further_scalers=trained.further_scalers,
        inputs=trained.inputs,
        table=Schema.model_validate_json(schema.model_dump_json()),
        network=trained.member.candidate.network,
    )
    return NetworkModel(NetworkCard.model_validate_json(card.model_dump_json()), [trained.weights])


def test_a_model_forecasts_at_every_moment_with_enough_behind_it_in_any_order_of_rows():
    frame = waves(125)
    found, table = prepared(frame, SMALL)
    asked = asked_at(table, found.train)
    split = list(found.development)[-1]
    [trained] = fit([Member.of_split(dense(), split, 0)], table, TABLE["mae"], Engine(workers=1), "windows")
    model = model_of(trained, found.schema)
    of_rows = model.row_predictions(table.frame)
    order = np.random.default_rng(0).permutation(125)
    raw = model.raw_predictions(frame.iloc[order])
    raw = raw[np.argsort(order)]
    assert np.isnan(raw[:5]).all()
    assert np.isfinite(raw[5:]).all()
    np.testing.assert_array_equal(raw[table.rows_N - 1], of_rows)
    np.testing.assert_array_equal(model.raw_predictions(found.train)[asked], of_rows)
    np.testing.assert_allclose(of_rows[split.validation], trained.predictions, rtol=1e-5)


def test_what_cannot_be_a_series_is_refused():
    texts = waves(125).assign(note=[f"it was rather windy at hour {hour} today" for hour in range(125)])
    with pytest.raises(UserError, match="series: column 'note' is text"):
        prepared(texts, SMALL)
    with pytest.raises(UserError, match="no window of series"):
        prepared(waves(40), {"lookback": 30})
    with pytest.raises(UserError, match="'hour' occur several times"):
        prepared(pd.concat([waves(125)] * 3, ignore_index=True), SMALL)


def test_a_label_can_be_forecast():
    frame = waves(125).assign(rises=lambda of: np.where(of["level"].diff() > 0, "up", "down"))
    frame["rises"] = frame["rises"].astype("str")
    found, table = prepared(frame, SMALL, target="rises", type="binary")
    assert set(found.schema.classes) == {"down", "up"}
    assert "level" in [feature.name for feature in found.schema.features]
    split = list(found.development)[-1]
    before = common_sense(found.schema)["persistence"](table, split, 0)
    was = (frame["rises"].to_numpy()[table.rows_N[split.validation] - 1] == found.schema.positive).astype(float)
    np.testing.assert_array_equal(before[:, 0], was)
    assert replace(found.development, crosses_N=None).sha256 == found.summary.fold_hashes["development"]


def test_a_file_of_any_length_is_scored_as_one_series(tmp_path, monkeypatch):
    """Its rows are read some at a time, but the past of a moment does not end where they were cut."""
    frame = waves(125)
    found, table = prepared(frame, SMALL)
    split = list(found.development)[-1]
    [trained] = fit([Member.of_split(dense(), split, 0)], table, TABLE["mae"], Engine(workers=1), "windows")
    model = model_of(trained, found.schema)
    layout = new_layout("waves", tmp_path)
    problem = {"question": "How high?", "data": {"source": "file", "path": "waves.csv"}, "target": "level"}
    layout.problem_file.write_text(yaml.safe_dump(problem | {"type": "regression", "time": "hour", "series": SMALL}))
    frame.to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.setattr(scored_rows, "ROWS", 20)
    monkeypatch.setattr(scored_table, "find_model", lambda *_: SimpleNamespace(load=lambda: model, version=1))
    scored_table.score_table(scored_table.Order("waves", tmp_path / "new.csv", tmp_path / "out.csv"), tmp_path)
    written = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(written["predicted__level"], model.predict(frame)["predicted__level"], rtol=1e-6)


def test_the_moments_of_a_window_may_be_turned_round_or_shuffled():
    (_, onward), (_, back), (_, mixed) = (
        prepared(waves(60, drift=0.5), {"lookback": 6, "order": order, "relative": relative})
        for order, relative in (("onward", False), ("reversed", "auto"), ("shuffled", "auto"))
    )
    x, turned, shuffled = (
        fit_fold(table, np.arange(20), np.arange(20, 30)).x_AD.reshape(20, 6, -1) for table in (onward, back, mixed)
    )
    np.testing.assert_array_equal(turned, x[:, ::-1])
    order = [int(np.flatnonzero((x[0] == moment).all(1))[0]) for moment in shuffled[0]]
    assert sorted(order) == list(range(6))
    assert order not in ([*range(6)], [*range(6)][::-1])
    np.testing.assert_array_equal(shuffled, x[:, order])
    assert not back.schema.window.relative

"""A finished model: saved and loaded it answers the same, holds no pickle, and names its answers."""

import json
import pickletools
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from src.core.errors import UserError
from src.networks import build_network
from src.preparation.fold import fit_fold
from src.saved.inference import Interval, actual_columns, interval_columns, prediction_columns
from src.saved.network_model import NetworkCard, NetworkModel, Preprocessing
from src.saved.saved_model import load_model
from tests.training.examples import table_of

KINDS = ["binary", "multiclass", "multilabel", "regression", "unit_interval_regression"]
NETWORK = {"architecture": "mlp", "units": [6, 4], "activation": "relu", "dropout": 0.3}


def model_of(kind: str, committee: int = 2, rows: slice = slice(None)) -> tuple[NetworkModel, pd.DataFrame]:
    """A committee of untrained networks on preprocessing fitted to these rows of a table, and the table."""
    table = table_of(kind)
    if rows != slice(None):
        table = replace(table, frame=table.frame.assign(colour="red"))
    rows = np.arange(len(table))[rows]
    fold = fit_fold(table, rows, rows[:0])
    networks = []
    for seed in range(committee):
        torch.manual_seed(seed)
        network = build_network(NETWORK, fold.x_AD.shape[1], table.schema.outputs)
        networks.append({name: value.numpy().copy() for name, value in network.state_dict().items()})
    card = NetworkCard(
        table=table.schema,
        vectorizer=fold.vectorizer,
        target_scaler=fold.target_scaler,
        network=NETWORK,
        inputs=fold.x_AD.shape[1],
    )
    return NetworkModel(card, networks), table.frame


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_model_answers_bit_for_bit_as_the_saved_one(kind, tmp_path):
    model, frame = model_of(kind)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.card == model.card
    assert loaded.raw_predictions(frame).tobytes() == model.raw_predictions(frame).tobytes()
    pd.testing.assert_frame_equal(loaded.predict(frame), model.predict(frame))


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_an_ensemble_of_fold_members_averages_models_with_preprocessing_of_their_own(kind, tmp_path):
    """The second fold saw only rows of one colour, so it has other inputs, scales and statistics."""
    one, frame = model_of(kind)
    other, _ = model_of(kind, rows=slice(10, 30))
    assert one.card.inputs != other.card.inputs
    further = [Preprocessing(**{name: getattr(other.card, name) for name in Preprocessing.model_fields})]
    both = NetworkModel(one.card.model_copy(update={"further": further}), [*one.committee, *other.committee])
    mean = (one.raw_predictions(frame) + other.raw_predictions(frame)) / 2
    np.testing.assert_allclose(both.raw_predictions(frame), mean, rtol=1e-12)
    both.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.card == both.card
    assert loaded.raw_predictions(frame).tobytes() == both.raw_predictions(frame).tobytes()


def test_a_committee_of_more_than_nine_networks_comes_back_in_its_order(tmp_path):
    model, _ = model_of("binary", committee=12)
    model.save(tmp_path / "model")
    for saved, loaded in zip(model.committee, load_model(tmp_path / "model").committee, strict=True):
        assert list(saved) == list(loaded)
        assert all((saved[name] == loaded[name]).all() for name in saved)


def test_the_same_model_is_saved_with_the_same_bytes(tmp_path):
    model, _ = model_of("multiclass")
    for name in ("one", "two"):
        model.save(tmp_path / name)
    for file in ("model.json", "weights.npz"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def is_pickle(content: bytes) -> bool:
    try:
        operations = [operation.name for operation, _, _ in pickletools.genops(content)]
    except ValueError:
        return False
    return operations[-1] == "STOP"


def test_the_folder_holds_json_and_plain_arrays_and_no_pickle(tmp_path):
    model, _ = model_of("regression")
    model.save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "manifest.json",
        "model.json",
        "weights.npz",
    ]
    json.loads((tmp_path / "model" / "model.json").read_text())
    with zipfile.ZipFile(tmp_path / "model" / "weights.npz") as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert name.endswith(".npy")
            assert content.startswith(b"\x93NUMPY")
            assert b"'descr': '<f4'" in content[:128]
            assert not is_pickle(content)


def test_the_scan_for_pickles_would_find_one():
    import pickle

    assert is_pickle(pickle.dumps({"a": np.arange(3)}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_committees_answer_is_the_mean_of_its_networks_answers(kind):
    model, frame = model_of(kind, committee=3)
    alone = [NetworkModel(model.card, [weights]).raw_predictions(frame) for weights in model.committee]
    np.testing.assert_allclose(model.raw_predictions(frame), np.mean(alone, axis=0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_have_the_index_of_the_rows_and_do_not_depend_on_the_rows_beside_them(kind, monkeypatch):
    model, frame = model_of(kind)
    frame = frame.set_index(np.arange(len(frame)) * 3 + 100)
    whole = model.predict(frame)
    assert (whole.index == frame.index).all()
    monkeypatch.setattr("src.saved.network_model.CHUNK", 10)
    pd.testing.assert_frame_equal(model.predict(frame), whole, rtol=1e-5)
    pd.testing.assert_frame_equal(model.predict(frame.iloc[5:9]), whole.iloc[5:9], rtol=1e-5)
    assert len(model.predict(frame.iloc[:0])) == 0


def test_columns_may_come_in_any_order_with_others_among_them_and_in_pythons_own_types():
    model, frame = model_of("binary")
    expected = model.predict(frame)
    shuffled = frame.assign(other="x", t=None)[["other", "t", "colour", "z", "x"]].astype(
        {"x": object, "colour": object}
    )
    pd.testing.assert_frame_equal(model.predict(shuffled), expected)


def test_a_lacking_column_is_named():
    model, frame = model_of("binary")
    with pytest.raises(UserError, match=r"\['x', 'colour'\]"):
        model.predict(frame[["z"]])


def columns_of(kind: str, p_NK: list[list[float]]) -> dict[str, list]:
    return prediction_columns(np.array(p_NK), table_of(kind).schema).to_dict("list")


def test_binary_answers_are_classes_and_both_probabilities():
    assert columns_of("binary", [[0.25], [0.5], [0.75]]) == {
        "predicted": ["no", "yes", "yes"],
        "probability__no": [0.75, 0.5, 0.25],
        "probability__yes": [0.25, 0.5, 0.75],
    }


def test_multiclass_answers_are_the_likeliest_class_and_all_probabilities():
    assert columns_of("multiclass", [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]) == {
        "predicted": ["b", "c"],
        "probability__a": [0.2, 0.1],
        "probability__b": [0.5, 0.1],
        "probability__c": [0.3, 0.8],
    }


def test_multilabel_answers_are_noughts_and_ones_and_their_probabilities():
    assert columns_of("multilabel", [[0.5, 0.4], [0.1, 0.9]]) == {
        "predicted__t": [1, 0],
        "predicted__u": [0, 1],
        "probability__t": [0.5, 0.1],
        "probability__u": [0.4, 0.9],
    }


@pytest.mark.parametrize(("kind", "outputs"), [("binary", 1), ("multiclass", 3), ("multilabel", 2), ("regression", 2)])
def test_where_a_moment_has_too_little_behind_it_nothing_is_predicted(kind: str, outputs: int):
    found = prediction_columns(np.array([[np.nan] * outputs, [0.7] * outputs]), table_of(kind).schema)
    assert found.isna().all(axis=1).tolist() == [True, False]
    assert found.notna().all(axis=1).tolist() == [False, True]


def test_regression_answers_are_values():
    assert columns_of("regression", [[1.0, 2.0]]) == {"predicted__t": [1.0], "predicted__u": [2.0]}
    assert columns_of("unit_interval_regression", [[0.3]]) == {"predicted__t": [0.3]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_stands_beside_every_prediction(kind):
    table = table_of(kind)
    actual = actual_columns(table.frame.iloc[10:14], table.schema)
    predicted = prediction_columns(np.full((4, table.schema.outputs), 0.5), table.schema)
    assert set(actual) == {name.replace("predicted", "actual") for name in predicted if name.startswith("predicted")}
    assert actual.iloc[0].tolist() == table.frame.iloc[10][table.schema.targets].tolist()
    assert actual.index.tolist() == [0, 1, 2, 3]


def test_an_interval_is_put_around_the_values_and_cut_where_the_target_ends():
    for kind, expected in (("regression", [-0.4, 0.8]), ("unit_interval_regression", [0.0, 0.8])):
        schema = table_of(kind).schema
        widths = [0.6] * len(schema.targets)
        found = interval_columns(np.full((1, len(widths)), 0.2), Interval(coverage=0.95, half_widths=widths), schema)
        assert list(found)[:2] == ["low_95__t", "high_95__t"]
        assert found.iloc[0, :2].tolist() == pytest.approx(expected)

"""A saved shallow model of every kind of input and every type answers as the fitted one, and holds no pickle."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from src.judging.baselines import fit_shallow, shallow_models
from src.kinds.registry import KINDS, kind_of
from src.kinds.tabular.encoding import encode
from src.models.types.registry import TYPES
from src.problem.steps import PrepareSettings
from src.saved.estimators import read_estimators, write_estimators
from src.saved.inference import Interval, prediction_columns
from src.saved.saved_model import load_model
from src.saved.shallow_model import ESTIMATORS, ShallowCard, ShallowModel
from src.tables.table import FurtherHead, Table
from tests.kinds import sentences, series, test_image, test_mixed, texts
from tests.saved.test_inference import is_pickle
from tests.training.examples import table_of

TABLES: dict[str, Callable[[], Table]] = {
    "table": lambda: table_of("binary", 60, weights=True),
    "text": lambda: texts.table_of(40, encoding="tf_idf"),
    "text read in order": lambda: texts.table_of(40, encoding="sequence"),
    "pictures": lambda: test_image.table_of(30),
    "sentences": lambda: sentences.table_of(12),
    "series": lambda: series.prepared(series.waves(90), {"lookback": 6, "delay": 1})[1],
    "several kinds": lambda: test_mixed.table_of(40, review="tf_idf", title="sequence"),
}


def asking(table: Table, kind: str, seed: int = 0) -> Table:
    """The same inputs, encoded for another type, with targets of it drawn at random."""
    rng, rows = np.random.default_rng(seed), len(table)
    changes: dict[str, Any] = {"type": kind, "targets": ["t"], "classes": [], "positive": None, "heads": []}
    y_NT = rng.random((rows, 1))
    if kind == "binary":
        changes |= {"classes": ["no", "yes"], "positive": "yes"}
        y_NT = (y_NT > 0.5).astype(float)
    elif kind == "multiclass":
        changes["classes"] = ["a", "b", "c"]
        y_NT = np.floor(3 * y_NT)
    elif TYPES[kind].targets == "none":
        changes |= {"targets": [], "code": 2}
        y_NT = y_NT[:, :0]
    elif kind in ("multilabel", "regression"):
        changes["targets"] = ["t", "u"]
        y_NT = rng.random((rows, 2))
        y_NT = (y_NT > 0.5).astype(float) if kind == "multilabel" else 50 + 9 * y_NT
    if kind_of(table.schema.features) is KINDS["tabular"] and TYPES[kind].networks in KINDS["tabular"].ladders:
        settings = cast(PrepareSettings, SimpleNamespace(problem_type=TYPES[kind], likelihood="auto"))
        changes["features"], _ = encode(table.frame, table.schema.features, settings)
    return replace(table, schema=table.schema.model_copy(update=changes), y_NT=y_NT)


def fitted(table: Table, name: str, seed: int = 0) -> ShallowModel:
    found = fit_shallow(name, table, np.arange(len(table)), seed)
    values = table.schema.type.endswith("regression")
    interval = Interval(coverage=0.95, half_widths=[0.5] * len(table.schema.targets)) if values else None
    return ShallowModel(ShallowCard(**dict(found.setup), interval=interval), found.estimators)


def assert_comes_back(model: ShallowModel, table: Table, folder: Path) -> None:
    model.save(folder)
    loaded = load_model(folder)
    assert isinstance(loaded, ShallowModel)
    assert loaded.card.model_dump_json() == model.card.model_dump_json()
    if table.schema.problem_type.generates:
        assert loaded.drawn(9, 0).tobytes() == model.drawn(9, 0).tobytes()
        return
    expected = model.row_predictions(table.frame)
    assert expected.shape == (len(table), table.schema.outputs)
    assert np.isfinite(expected).all()
    assert loaded.row_predictions(table.frame).tobytes() == expected.tobytes()


def test_every_kind_of_input_is_among_the_tables():
    kinds = {feature.read_as for make in TABLES.values() for feature in make().schema.features}
    assert all(kind.columns & kinds for kind in KINDS.values())


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("inputs", TABLES)
def test_every_shallow_model_of_every_kind_and_type_answers_as_it_did_before_it_was_saved(
    inputs: str, kind: str, tmp_path: Path
):
    table = asking(TABLES[inputs](), kind)
    if table.schema.problem_type.networks not in kind_of(table.schema.features).ladders:
        pytest.skip(f"{kind} does not take {inputs}")
    names = [*shallow_models(table.schema)]
    for name in names if kind == "binary" else [of for of in names if inputs != "several kinds" or "linear" in of]:
        assert_comes_back(fitted(table, name), table, tmp_path / "model")


@given(
    kind=st.sampled_from(list(TYPES)),
    place=st.integers(0, 1),
    rows=st.integers(4, 40),
    seed=st.integers(0, 10**6),
    weights=st.booleans(),
    one_class=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_a_saved_model_of_any_small_table_comes_back_and_the_same_fit_gives_the_same_bytes(
    tmp_path_factory, kind, place, rows, seed, weights, one_class
):
    weights = weights and not TYPES[kind].reads_on  # n-grams are counted whole
    table = asking(table_of("binary", rows, seed, weights), kind, seed)
    if one_class:
        table = replace(table, y_NT=np.ones_like(table.y_NT))
    name = [*shallow_models(table.schema)][-1 - place :][0]
    folder = tmp_path_factory.mktemp("shallow")
    assert_comes_back(fitted(table, name, seed), table, folder / "one")
    fitted(table, name, seed).save(folder / "two")
    for path in (folder / "one").iterdir():
        assert path.read_bytes() == (folder / "two" / path.name).read_bytes(), path.name


def test_raw_rows_are_scored_with_intervals_and_without_further_targets(
    tmp_path: Path,
):
    table = asking(table_of("binary", 60), "regression")
    head = FurtherHead(name="h", type="binary", classes=["no", "yes"], positive="yes", weight=1, measure="accuracy")
    asked = replace(
        table, schema=table.schema.model_copy(update={"heads": [head]}), frame=table.frame.assign(h=["no", "yes"] * 30)
    )
    model = fitted(asked, "linear")
    model.save(tmp_path / "model")
    told = load_model(tmp_path / "model").predict(table.frame[["colour", "x", "z"]], intervals=True)
    assert list(told) == [f"{part}__{name}" for part in ("predicted",) for name in "tu"] + [
        f"{end}_95__{name}" for name in "tu" for end in ("low", "high")
    ]
    assert (told["high_95__u"] - told["predicted__u"]).round(9).eq(0.5).all()
    plain = fitted(table, "linear").predict(table.frame)
    assert told[plain.columns].equals(plain)
    assert len(model.predict(table.frame.iloc[:0])) == 0
    assert list(prediction_columns(model.row_predictions(table.frame), model.schema)) == list(plain)


def test_the_folder_holds_json_and_plain_arrays_and_no_pickle(tmp_path: Path):
    model = fitted(asking(table_of("binary", 60), "multiclass"), "gradient_boosting")
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [ESTIMATORS, "manifest.json", "model.json"]
    with zipfile.ZipFile(tmp_path / ESTIMATORS) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name in archive.namelist():
            content = archive.read(name)
            assert not is_pickle(content), name
            if name == "schema.json":
                json.loads(content)
            else:
                assert content.startswith(b"\x93NUMPY")
                assert b"'descr': '|O'" not in content[:200]


def test_a_chunk_of_rows_is_scored_as_all_of_them_are(monkeypatch: pytest.MonkeyPatch):
    for table in (TABLES["several kinds"](), TABLES["sentences"]()):
        model = fitted(table, "linear")
        whole = model.row_predictions(table.frame)
        with monkeypatch.context() as patch:
            patch.setattr("src.judging.fitted_shallow.CHUNK", 7)
            np.testing.assert_allclose(model.row_predictions(table.frame), whole, rtol=1e-6, atol=1e-9)


class TestEstimators:
    """The file refuses what the shallow models are not made of."""

    def test_another_estimator_is_neither_written_nor_read(self, tmp_path: Path):
        import skops.io
        from sklearn.svm import SVC

        path, other = tmp_path / "other.skops", SVC().fit([[0.0], [1.0]], [0, 1])
        with pytest.raises(ValueError, match=r"sklearn\.svm\._classes\.SVC"):
            write_estimators(path, [other])
        skops.io.dump([other], path)
        with pytest.raises(ValueError, match=r"sklearn\.svm\._classes\.SVC"):
            read_estimators(path)

    def test_a_function_is_not_called(self, tmp_path: Path):
        import skops.io

        path = tmp_path / "function.skops"
        skops.io.dump([zipfile.main], path)
        with pytest.raises(ValueError, match=r"zipfile\.main"):
            read_estimators(path)

    def test_a_file_of_another_version_of_scikit_learn_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        [estimator] = fitted(asking(table_of("binary"), "binary"), "linear").estimators
        path = tmp_path / ESTIMATORS
        with monkeypatch.context() as patch:
            patch.setattr("sklearn.base.__version__", "0.99")
            write_estimators(path, [estimator])
        with pytest.raises(ValueError, match=r"scikit-learn 0\.99 wrote it, and this is "):
            read_estimators(path)

    @pytest.mark.parametrize("name", ["forest", "gradient_boosting"])
    def test_a_tree_whose_nodes_point_outside_of_it_is_refused(self, name: str, tmp_path: Path):
        table = asking(TABLES["pictures" if name == "forest" else "table"](), "binary")
        [estimator] = fitted(table, name).estimators
        if name == "forest":
            estimator.estimators_[3].tree_.children_left[0] = 10**6
        else:
            estimator._predictors[3][0].nodes["feature_idx"][0] = 10**6
        write_estimators(tmp_path / ESTIMATORS, [estimator])
        with pytest.raises(ValueError, match="a tree's nodes point outside it"):
            read_estimators(tmp_path / ESTIMATORS)


def test_few_rows_are_scored_in_one_thread_and_many_in_all(monkeypatch: pytest.MonkeyPatch):
    table = table_of("regression")
    model = fitted(table, "gradient_boosting")
    estimator, *_ = model.estimators
    answers, threads = estimator.predict, []

    def predict(x_ND: Any) -> Any:
        threads.append({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"})
        return answers(x_ND)

    monkeypatch.setattr(estimator, "predict", predict)
    usual = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"}
    few = model.row_predictions(table.frame)
    monkeypatch.setattr("src.judging.fitted_shallow.WORTH_THREADS", len(table))
    many = model.row_predictions(table.frame)
    assert threads == [{1}, usual]
    np.testing.assert_array_equal(few, many)

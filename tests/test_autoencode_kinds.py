"""Texts as bags of words, and windows of a series, are rebuilt from a code, through all steps."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout
from src.judging.baselines import shallow
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.results.networks import Overfit
from src.saved.saved_model import load_model
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from tests.kinds.texts import reviews
from tests.kinds.workflow import STEPS, finished, folder_of, new_layout

SMALL = {
    "type": "autoencode",
    "code": 2,
    "engine": {"workers": 1, "accelerator": "cpu"},
    "protocol": "hold_out",
    "overfit": {"max_rungs": 3},
    "search": {"budget": 2},
}


def of_texts(root: Path, **changes: Any) -> Layout:
    layout = new_layout("films", root)
    reviews(240).drop(columns="stars").to_csv(layout.local / "films.csv", index=False)
    problem = {
        "question": "Which words go together?",
        "data": {"source": "file", "path": "films.csv"},
        "columns": {"review": "text"},
        "reference": "opinion",
        "training": {"epochs": 30, "batch_size": 32, "learning_rate": 0.01},
    }
    layout.problem_file.write_text(yaml.safe_dump(SMALL | problem | changes))
    return layout


def of_series(root: Path, **changes: Any) -> Layout:
    """A wave whose height and phase wander, in a year of days, and one that follows it."""
    layout = new_layout("waves", root)
    rng = np.random.default_rng(0)
    days = np.arange(300)
    height_N = 2 + np.sin(days / 60)
    wave_N = height_N * np.sin(2 * np.pi * days / 12 + np.sin(days / 45)) + 0.1 * rng.normal(size=len(days))
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=len(days)), "wave": wave_N})
    frame["echo"] = frame["wave"].shift(3, fill_value=0.0) ** 2
    frame["high"] = np.where(height_N > 2, "high", "low")
    frame.to_csv(layout.local / "waves.csv", index=False)
    problem = {
        "question": "What shapes does a wave take?",
        "data": {"source": "file", "path": "waves.csv"},
        "time": "day",
        "series": {"lookback": 8, "network": "gru"},
        "reference": "high",
        "training": {"epochs": 6, "batch_size": 32, "learning_rate": 0.01},
    }
    layout.problem_file.write_text(yaml.safe_dump(SMALL | problem | changes))
    return layout


MAKE = {"texts": of_texts, "series": of_series}
LADDERS = {"texts": ["linear", "8", "16"], "series": ["linear", "8", "gru 16"]}


@pytest.fixture(scope="module", params=MAKE)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Layout]:
    layout = MAKE[request.param](tmp_path_factory.mktemp(request.param))
    finished(layout)
    return request.param, layout


@pytest.mark.slow
def test_the_ladder_is_that_of_the_kind_and_the_rivals_are_the_mean_row_and_principal_components(made):
    kind, layout = made
    assert [rung.network.sizes for rung in Overfit.read(layout.result("overfit")).rungs] == LADDERS[kind]
    baseline = Baseline.read(layout.result("baseline"))
    assert (baseline.common_sense.name, baseline.shallow.name) == ("mean_row", "principal_components")
    assert baseline.shallow.evaluation.mean < baseline.common_sense.evaluation.mean
    verdicts = {verdict.name: verdict for verdict in Evaluate.read(layout.result("evaluate")).verdicts}
    assert verdicts["beats_common_sense"].holds


@pytest.mark.slow
def test_saved_models_say_of_raw_rows_what_the_evaluation_said_of_the_sealed_ones(made):
    _, layout = made
    schema = read_schema(layout.train)
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    moments = pd.read_parquet(layout.test / "table.parquet")
    for name in ("network", "shallow"):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == name)].set_index("row")
        scored = load_model(folder_of(layout, name)).predict(moments).set_index(moments["__row__"])
        assert list(scored) == ["reconstruction_error", "code__1", "code__2"]
        assert len(told) == len(read_table(layout.test, schema))
        np.testing.assert_allclose(told[list(scored)], scored.loc[told.index], rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_rows_are_given_as_rebuilt_on_request(made):
    kind, layout = made
    moments = pd.read_parquet(layout.test / "table.parquet")
    for name in ("network", "shallow"):
        told = load_model(folder_of(layout, name)).predict(moments, intervals=True, reconstruct=True)
        known = told[told["reconstruction_error"].notna()]
        if kind == "texts":
            assert list(told)[-1:] == ["rebuilt__review"]
            assert known["rebuilt__review"].nunique() > 1
            continue
        assert list(told)[-2:] == ["rebuilt__wave", "rebuilt__echo"]
        rows = moments.loc[known.index]
        assert np.abs(known["rebuilt__wave"] - rows["wave"]).mean() < np.abs(rows["wave"] - rows["wave"].mean()).mean()
        assert told.iloc[:7].isna().all(axis=None)
        assert len(known) == len(moments) - 7


@pytest.mark.slow
def test_changing_a_held_out_row_changes_nothing_that_was_fitted(made):
    kind, layout = made
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    if kind == "texts":
        frame = table.frame.copy()
        frame.loc[frame.index[split.validation[0]], "review"] = "quite unheard-of words"
        changed = type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N)
    else:
        folder = layout.root / "changed"
        folder.mkdir(exist_ok=True)
        moments = pd.read_parquet(layout.train / "table.parquet").sort_values("day", ignore_index=True)
        moments.loc[len(moments) - 1, ["wave", "echo"]] = 1e5
        moments.to_parquet(folder / "table.parquet")
        changed = read_table(folder, table.schema)
    folds = [fit_fold(rows, split.training, split.validation) for rows in (table, changed)]
    assert folds[0].vectorizer.model_dump() == folds[1].vectorizer.model_dump()
    one, other = (shallow("principal_components", rows, split, 0) for rows in (table, changed))
    place = 0 if kind == "texts" else len(one) - 1
    kept = np.arange(len(one)) != place
    assert one[kept].tobytes() == other[kept].tobytes()
    assert one[place, 0] != other[place, 0]


@pytest.mark.slow
def test_the_report_shows_what_was_rebuilt(made):
    kind, layout = made
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    shown = predictions[predictions["rebuilt"].notna()]
    assert shown.groupby("model")["row"].nunique().to_dict() == {"network": 9, "shallow": 9}
    page = (layout.results / "report.html").read_text()
    assert "Rows of the sealed test, from the best rebuilt to the worst" in page
    if kind == "series":
        assert shown["rebuilt"].str.startswith("data:image/svg+xml;base64,").all()
        assert "data:image/svg+xml;base64," in page
    else:
        assert (shown.groupby("model")["rebuilt"].nunique() > 1).all()


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (of_series, {"series": {"lookback": 8, "delay": 3}}, "series.delay: type autoencode has no target"),
        (of_series, {"series": {"lookback": 8, "steps": 2}}, "series.steps: type autoencode has no target"),
        (of_series, {"series": {"lookback": 8, "relative": True}}, "series.relative: a change is forecast by type"),
        (of_series, {"time": None}, "series: name the column with the moments"),
    ],
)
def test_windows_of_a_series_that_nothing_is_forecast_of_have_no_keys_of_forecasts(
    tmp_path: Path, make: Any, changes: dict[str, Any], message: str
):
    with pytest.raises(UserError, match=message):
        load_problem(make(tmp_path, **changes))


@pytest.mark.parametrize("encoding", ["sequence", "hashed"])
def test_texts_without_names_for_their_columns_are_refused(tmp_path: Path, encoding: str):
    layout = of_texts(tmp_path, text={"encoding": encoding})
    *before, prepare = STEPS[:4]
    for step in before:
        step(layout)
    with pytest.raises(UserError, match=f"text.encoding: {encoding}: type autoencode rebuilds bags of words"):
        prepare(layout)

"""Rows of a table get a probability each, through all steps; held-out rows change nothing that was fitted."""

import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from flows.commands.sample import main as draw_command
from src.core.errors import UserError
from src.core.files import Layout
from src.judging.baselines import common_sense, shallow
from src.kinds.tabular.encoding import _outcomes
from src.kinds.tabular.likelihoods import likelihoods
from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.problem.training import Engine, OverfitLadder, Training
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.results.networks import Candidate
from src.saved.codes import Interpolation, encode, interpolate
from src.saved.generator import Drawing, sample
from src.saved.saved_model import load_model
from src.scoring.openapi import openapi
from src.scoring.registered import Registered
from src.scoring.service import Service
from src.tables.protocols import read_folds
from src.tables.table import Feature, read_schema, read_table
from src.tracking.serving import save_servable
from src.training.looped import train_looped
from src.training.members import Member
from src.training.stacked import train_stacked
from tasks.cli import FAILED
from tests.kinds.pictures import bars, file_of
from tests.kinds.workflow import STEPS, finished, folder_of, new_layout

ROWS = 200
TRAINING = {"epochs": 25, "batch_size": 16, "learning_rate": 0.01}


def defined(root: Path, **changes: Any) -> Layout:
    """Columns of every type that depend on one hidden number; some numbers are missing."""
    layout = new_layout("moons", root)
    rng = np.random.default_rng(0)
    hidden = rng.uniform(-2, 2, ROWS)
    frame = pd.DataFrame({"size": (10 * hidden + rng.normal(size=ROWS)).round(1)})
    frame["mass"] = (hidden**2 * 100 + rng.normal(size=ROWS)).round()
    frame.loc[::17, "mass"] = np.nan
    frame["colour"] = np.where(hidden > 0.5, "red", np.where(hidden > -1, "grey", "white"))
    frame["ice"] = hidden > rng.normal(size=ROWS)
    frame["seen"] = (pd.Timestamp("2020-01-01") + pd.to_timedelta((hidden * 100 + 300).round(), "D")).strftime(
        "%Y-%m-%d"
    )
    frame["side"] = np.where(hidden**2 > 1.5, "near", "far")
    frame.to_csv(layout.local / "moons.csv", index=False)
    problem = {
        "question": "How likely is a moon?",
        "data": {"source": "file", "path": "moons.csv"},
        "type": "density",
        "reference": "side",
        "folds": 3,
        "protocol": "k_fold",
        "training": TRAINING,
        "overfit": {"max_rungs": 2},
        "search": {"budget": 2},
        "engine": {"workers": 1, "accelerator": "cpu"},
    }
    layout.problem_file.write_text(yaml.safe_dump(problem | changes))
    return layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return finished(defined(tmp_path_factory.mktemp("moons")))


@pytest.mark.slow
def test_a_network_that_knows_how_columns_hang_together_beats_histograms_of_each(layout: Layout):
    baseline = Baseline.read(layout.result("baseline"))
    assert (baseline.common_sense.name, baseline.shallow.name) == ("independent_columns", "gaussian_mixture")
    assert baseline.shallow.evaluation.mean < baseline.common_sense.evaluation.mean
    evaluated = Evaluate.read(layout.result("evaluate"))
    verdicts = {verdict.name: verdict for verdict in evaluated.verdicts}
    assert verdicts["beats_common_sense"].holds
    assert verdicts["beats_common_sense"].comparison.reference == "common sense (independent_columns)"


@pytest.mark.slow
def test_the_predictions_are_those_of_the_saved_models(layout: Layout):
    schema = read_schema(layout.train)
    test = read_table(layout.test, schema)
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    for model in ("network", "shallow"):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder_of(layout, model)).predict(test.frame)
        assert list(scored) == ["bits", "dimensions", "log_probability"]
        np.testing.assert_allclose(told[list(scored)], scored, rtol=1e-4, atol=1e-5)
    assert (predictions["bits"] > 0).all()
    assert set(predictions["dimensions"]) == {5}


@pytest.mark.slow
def test_rows_unlike_the_others_have_small_p_values(layout: Layout):
    test = read_table(layout.test, read_schema(layout.train)).frame
    model = load_model(layout.model)
    usual = model.predict(test, intervals=True)
    assert 0.2 < usual["p_value"].median() < 0.8
    rows = len(model.card.typical.statistics)
    odd = model.predict(test.assign(size=test["size"] + 300), intervals=True)
    assert (odd["p_value"] <= 2 / (rows + 1)).all()


@pytest.mark.slow
def test_changing_a_held_out_row_changes_nothing_that_was_fitted(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    frame = table.frame.copy()
    victim = frame.index[split.validation[0]]
    frame.loc[victim, ["size", "mass"]] = [1e4, -1e4]
    frame.loc[victim, "colour"] = "green"
    changed = type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N)
    folds = [fit_fold(rows, split.training, split.validation) for rows in (table, changed)]
    assert folds[0].vectorizer == folds[1].vectorizer
    assert folds[0].start.keys() == {"outcomes.centre", "outcomes.spread"}
    assert all(folds[0].start[name].tobytes() == folds[1].start[name].tobytes() for name in folds[0].start)
    models = [lambda rows: shallow("gaussian_mixture", rows, split, 0)]
    models.append(lambda rows: common_sense(rows.schema)["independent_columns"](rows, split, 0))
    for model in models:
        one, other = (model(rows) for rows in (table, changed))
        assert one[1:].tobytes() == other[1:].tobytes()
        assert one[0, 0] < other[0, 0]


@pytest.mark.slow
def test_the_use_of_the_code_and_the_bound_are_verdicts_with_evidence(layout: Layout):
    verdicts = {verdict.name: verdict for verdict in Evaluate.read(layout.result("evaluate")).verdicts}
    assert verdicts["latent_is_used"].holds
    assert " of the 2 numbers of the code " in verdicts["latent_is_used"].evidence
    assert re.search(r"\d by one draw .*\d by 64; gap 0[.]", verdicts["bound_is_tight"].evidence)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["network", "shallow"])
def test_drawn_rows_are_like_those_of_the_table_and_the_same_for_the_same_seed(layout: Layout, model: str):
    fitted = load_model(folder_of(layout, model))
    one, two, other = (sample(fitted, Drawing(n=300, seed=seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)
    schema = read_schema(layout.train)
    actual = read_table(layout.train, schema).frame
    assert list(one) == [feature.name for feature in schema.features]
    assert (one["size"].dropna() * 10).round(6).mod(1).eq(0).all()
    assert one["size"].median() == pytest.approx(actual["size"].median(), abs=6)
    assert one["mass"].isna().mean() == pytest.approx(actual["mass"].isna().mean(), abs=0.06)
    assert set(one["colour"]) <= {"red", "grey", "white", "(another)"}
    assert one["seen"].dtype.kind == "M"
    assert fitted.predict(one)["bits"].mean() == pytest.approx(fitted.predict(actual)["bits"].mean(), rel=0.3)


@pytest.mark.slow
def test_a_network_with_a_code_encodes_rows_and_goes_from_one_to_another(layout: Layout):
    network, shallow = (load_model(folder_of(layout, name)) for name in ("network", "shallow"))
    frame = read_table(layout.test, read_schema(layout.train)).frame
    assert list(encode(network, frame)) == ["code__1", "code__2"]
    code_2C, seven = network.codes(frame.head(2)), Interpolation(steps=7)
    steps = interpolate(network, code_2C, seven)
    assert len(steps) == 7
    assert steps.equals(interpolate(network, code_2C, seven))
    with pytest.raises(UserError, match="this model has no code"):
        encode(shallow, frame)


@pytest.mark.slow
def test_the_model_server_draws_rows(layout: Layout):
    service = Service(load_problem(layout), Registered("moons", 1, True, layout.model), layout.expectations)
    assert service.draws
    answer = service.sample(b'{"n": 3, "seed": 1}')
    rows = json.loads(answer.body)["rows"]
    assert (answer.status, len(rows), list(rows[0])) == (200, 3, ["size", "mass", "colour", "ice", "seen"])
    assert service.sample(b'{"n": 3, "seed": 1}') == answer
    assert service.sample(b'{"n": 0}').status == service.sample(b"[]").status == service.sample(b"{").status == 400
    assert "/sample" in openapi(service)["paths"]


@pytest.mark.parametrize(("given", "message"), [({"n": 0}, "n: "), ({"m": 1}, "m: "), ({"seed": "x"}, "seed: ")])
def test_a_wrong_request_for_rows_names_its_setting(given: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message):
        Drawing.of(given)


@pytest.mark.slow
def test_mlflow_draws_by_the_registered_model_if_asked_for_n_rows(layout: Layout, tmp_path: Path):
    from mlflow import pyfunc
    from mlflow.models import Model

    save_servable(tmp_path / "model", layout, Model())
    served, fitted = pyfunc.load_model(str(tmp_path / "model")), load_model(layout.model)
    rows = served.input_example
    pd.testing.assert_frame_equal(
        served.predict(rows, params={"n": 3, "seed": 1}), sample(fitted, Drawing(n=3, seed=1))
    )
    assert list(served.predict(rows)) == served.metadata.get_output_schema().input_names()


@pytest.mark.slow
def test_the_report_shows_drawn_rows_beside_the_nearest_ones(layout: Layout):
    drawn = Evaluate.read(layout.result("evaluate")).drawn
    assert drawn.header == ["size", "mass", "colour", "ice", "seen"]
    assert len(drawn.samples) == len(drawn.nearest) == 8
    actual = read_table(layout.train, read_schema(layout.train)).frame
    assert {float(row[0]) for row in drawn.nearest} <= set(actual["size"])
    page = (layout.results / "report.html").read_text()
    assert "none of them chosen, and the training row nearest to each" in page


@pytest.mark.slow
def test_the_report_shows_bits_and_what_they_tell_of_the_reference(layout: Layout):
    page = (layout.results / "report.html").read_text()
    assert "Do the out-of-fold bits tell how surprising new rows are?" in page
    assert "Areas out of fold, with 95% intervals" in page
    assert "a network and a shallow model learnt to say how likely each row is" in page.lower()


def pictured(root: Path, **changes: Any) -> Layout:
    layout = new_layout("bars", root)
    with zipfile.ZipFile(layout.local / "bars.zip", "w") as archive:
        for i, (pixels_HWC, label) in enumerate(zip(*bars(120, channels=1), strict=True)):
            archive.writestr(f"bars/{label}/{i:03d}.png", file_of(pixels_HWC))
    problem = {
        "question": "How likely is a bar?",
        "data": {
            "source": "file",
            "path": "bars.zip",
            "members": "bars/(?P<bar>lies|stands)/.*[.]png",
            "content": "image",
        },
        "type": "density",
        "reference": "bar",
        "engine": {"workers": 1, "accelerator": "cpu"},
        "protocol": "hold_out",
        "training": {"epochs": 4, "learning_rate": 0.01},
        "overfit": {"max_rungs": 1},
        "search": {"budget": 1},
    }
    layout.problem_file.write_text(yaml.safe_dump(problem | changes))
    return layout


@pytest.mark.slow
@pytest.mark.parametrize("network", ["vae", "autoregressive", "realnvp"])
def test_pictures_get_a_probability_each(tmp_path: Path, network: str):
    layout = pictured(tmp_path, likelihood=network)
    finished(layout)
    baseline = Baseline.read(layout.result("baseline"))
    assert (baseline.common_sense.name, baseline.shallow.name) == ("independent_columns", "neighbour_contexts")
    assert max(baseline.shallow.evaluation.mean, baseline.common_sense.evaluation.mean) < 8
    test = read_table(layout.test, read_schema(layout.train))
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    for model in ("network", "shallow"):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder_of(layout, model)).predict(test.frame)
        np.testing.assert_allclose(told["bits"], scored["bits"], rtol=1e-4)
    evaluated = Evaluate.read(layout.result("evaluate"))
    assert (
        evaluated.chosen.network.architecture
        == {"vae": "picture_variational", "autoregressive": "pixel_cnn", "realnvp": "picture_flow"}[network]
    )
    encodes = network != "autoregressive"
    assert [each.name for each in evaluated.concepts] == ["bar"] * encodes
    assert ("Concepts of bar" in (layout.results / "report.html").read_text()) == encodes


def prepared(layout: Layout) -> None:
    for step in STEPS[:4]:
        step(layout)


@pytest.mark.slow
def test_changing_a_held_out_picture_changes_nothing_that_was_fitted(tmp_path: Path):
    layout = pictured(tmp_path, likelihood="realnvp")
    prepared(layout)
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    [feature] = table.schema.features
    frame = table.frame.copy()
    frame.at[frame.index[split.validation[0]], feature.name] = frame[feature.name].iloc[split.training[0]]
    changed = type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N)
    folds = [fit_fold(rows, split.training, split.validation) for rows in (table, changed)]
    assert folds[0].vectorizer == folds[1].vectorizer
    assert folds[0].start.keys() == {"centre", "spread"}
    one, other = (shallow("neighbour_contexts", rows, split, 0) for rows in (table, changed))
    assert one[1:].tobytes() == other[1:].tobytes()
    assert one[0, 0] != other[0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"likelihood": "autoregressive"}, "likelihood: autoregressive is for pictures; choose vae or nice or realnvp"),
        (
            {"type": "autoencode", "code": 2, "likelihood": "vae"},
            "likelihood: type autoencode gives rows no probability",
        ),
        ({"target": "size"}, "target: type density has no target"),
        ({"measure": "mse"}, "measure: mse does not suit type density"),
    ],
)
def test_what_does_not_suit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str):
    layout = defined(tmp_path, **changes)
    with pytest.raises(UserError, match=message):
        prepared(layout)


@pytest.mark.slow
def test_a_member_of_a_stack_equals_itself_trained_alone(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    splits = list(read_folds(layout.folds, len(table))["development"])
    training, overfit = (
        Training(**(TRAINING | {"activation": "relu", "optimizer": "adam"})),
        OverfitLadder(first_units=4, max_rungs=2),
    )
    for network in likelihoods(table.schema.features, overfit, training)[:1]:
        candidates = [
            Candidate(
                network=network.changed(dropout=rate),
                optimizer="adam",
                learning_rate=0.01,
                l1=0,
                l2=0.001,
                batch_size=16,
                epochs=3,
            )
            for rate in (0.0, 0.2)
        ]
        members = [Member.of_split(candidate, split, 0) for candidate in candidates for split in splits[:2]]
        folds = [fit_fold(table, member.training, member.validation) for member in members]
        measure, engine = TABLE["bits_per_dimension"], Engine(workers=1, accelerator="cpu")
        together = train_stacked(members, folds, table, measure, engine, torch.float64, final=True)
        for member, fold, stacked in zip(members, folds, together, strict=True):
            alone = train_looped(member, fold, table, measure, engine, torch.float64, final=True)
            np.testing.assert_allclose(stacked.predictions, alone.predictions, rtol=1e-9)
            np.testing.assert_allclose(stacked.history.validation, alone.history.validation, rtol=1e-9)


def test_dates_in_seconds_over_years_have_a_step_of_which_a_range_has_at_most_a_hundred_thousand(tmp_path: Path):
    seconds_N = np.random.default_rng(0).integers(0, 3 * 365 * 86_400, 1_000)
    values_N = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds_N, "s"))
    frame = pd.DataFrame({"seen": values_N})
    [feature], _ = _outcomes(frame, [Feature(name="seen", type="date")])
    assert feature.encoding["step"] == 1 / 24
    short, _ = _outcomes(frame.head(1), [Feature(name="seen", type="date")])
    assert short[0].encoding["step"] == 1 / 86_400


def test_drawn_pictures_replace_no_folder_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    kept = tmp_path / "pictures" / "mine.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    monkeypatch.setattr("flows.commands.sample.check_problem", lambda name: None)
    monkeypatch.setattr("src.scoring.registered.find_model", lambda *names: SimpleNamespace(load=lambda: None))
    monkeypatch.setattr("src.saved.generator.sample", lambda model, asked: pd.DataFrame({"picture": [b"png"]}))
    assert draw_command(["digits_density", "1", str(kept.parent)]) == FAILED
    assert "is there already; name a folder that does not exist yet" in capsys.readouterr().err
    assert kept.read_text() == "mine"
    assert draw_command(["digits_density", "1", str(tmp_path / "new")]) == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["0000.png"]


def test_a_drawn_table_replaces_a_file_only_if_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    kept = tmp_path / "new.csv"
    kept.write_text("mine")
    monkeypatch.setattr("flows.commands.sample.check_problem", lambda name: None)
    monkeypatch.setattr("src.scoring.registered.find_model", lambda *names: SimpleNamespace(load=lambda: None))
    monkeypatch.setattr("src.saved.generator.sample", lambda model, asked: pd.DataFrame({"size": [1.5]}))
    assert draw_command(["moons", "1", str(kept)]) == FAILED
    assert "new.csv exists; give another output" in capsys.readouterr().err
    assert kept.read_text() == "mine"
    assert draw_command(["moons", "1", str(kept), "--overwrite"]) == 0
    assert kept.read_text() == "size\n1.5\n"


def test_what_is_told_of_drawn_pictures_lies_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    rows = pd.DataFrame({"picture": [b"png"], "nearest__row": [7], "nearest__distance": [0.5]})
    monkeypatch.setattr("flows.commands.sample.check_problem", lambda name: None)
    monkeypatch.setattr("src.scoring.registered.find_model", lambda *names: SimpleNamespace(load=lambda: None))
    monkeypatch.setattr("src.saved.generator.sample", lambda model, asked: rows)
    assert draw_command(["digits_density", "1", str(tmp_path / "new"), "--nearest"]) == 0
    told = (tmp_path / "new" / "rows.csv").read_text()
    assert told == "picture,nearest__row,nearest__distance\n0000.png,7,0.5\n"
    assert draw_command(["digits_density", "1", str(tmp_path / "strip.png"), "--nearest"]) == FAILED
    assert "a picture has no place for nearest rows; name a folder" in capsys.readouterr().err

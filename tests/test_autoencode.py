"""Tables without a target are summed up by a code, through all steps; held-out rows change nothing that was fitted."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout
from src.judging.baselines import shallow
from src.judging.code_use import code_is_used
from src.judging.held_out import HeldOut
from src.kinds.tabular.rebuilt import rebuilt
from src.kinds.tabular.vectorizer import Numbers, TabularVectorizer
from src.models.components import Components
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.results.networks import Overfit
from src.saved.inference import MOST, Typical
from src.saved.saved_model import load_model
from src.scoring import table as scored_table
from src.scoring.openapi import openapi
from src.scoring.registered import Registered
from src.scoring.requests import JSON, Request
from src.scoring.service import Service
from src.tables.protocols import Split, read_folds
from src.tables.table import Feature, read_schema, read_table
from tests.kinds.pictures import bars, file_of
from tests.kinds.workflow import STEPS, finished, folder_of, new_layout
from tests.scoring.repository import fruit, fruit_model

ROWS, CODE = 200, 2


def defined(root: Path, **changes: Any) -> Layout:
    """Six columns that two hidden numbers explain, one of them by a curve, with gaps and a word."""
    layout = new_layout("moons", root)
    rng = np.random.default_rng(0)
    hidden_NC = rng.uniform(-1.5, 1.5, (ROWS, 2))
    frame = pd.DataFrame(hidden_NC @ rng.normal(size=(2, 4)), columns=list("abcd"))
    frame["e"], frame["f"] = np.sin(2 * hidden_NC[:, 0]), hidden_NC[:, 1] ** 2
    frame += 0.05 * rng.normal(size=frame.shape)
    frame.loc[::23, "b"] = np.nan
    frame["g"] = np.where(hidden_NC[:, 0] > 0, "warm", "cold")
    frame["side"] = np.where(hidden_NC[:, 1] > 0, "near", "far")
    frame.to_csv(layout.local / "moons.csv", index=False)
    problem = {
        "question": "What is a moon like?",
        "data": {"source": "file", "path": "moons.csv"},
        "type": "autoencode",
        "code": CODE,
        "reference": "side",
        "folds": 3,
        "protocol": "k_fold",
        "training": {"epochs": 30, "batch_size": 16, "learning_rate": 0.01},
        "overfit": {"max_rungs": 3},
        "search": {"budget": 3},
        "engine": {"workers": 1, "accelerator": "cpu"},
    }
    layout.problem_file.write_text(yaml.safe_dump(problem | changes))
    return layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return finished(defined(tmp_path_factory.mktemp("moons")))


@pytest.mark.slow
def test_the_network_is_compared_with_principal_components_of_the_same_code(layout: Layout):
    baseline = Baseline.read(layout.result("baseline"))
    assert (baseline.common_sense.name, baseline.shallow.name) == ("mean_row", "principal_components")
    assert baseline.shallow.evaluation.mean < baseline.common_sense.evaluation.mean
    ladder = [rung.network.sizes for rung in Overfit.read(layout.result("overfit")).rungs]
    assert ladder[:2] == ["linear", "8"]
    evaluated = Evaluate.read(layout.result("evaluate"))
    verdicts = {verdict.name: verdict for verdict in evaluated.verdicts}
    assert verdicts["beats_common_sense"].holds
    assert verdicts["beats_common_sense"].comparison.p_value < 0.05
    assert verdicts["beats_shallow_model"].comparison.reference == "shallow model (principal_components)"


@pytest.mark.slow
def test_the_predictions_are_errors_and_codes_and_those_of_the_saved_models(layout: Layout):
    schema = read_schema(layout.train)
    test = read_table(layout.test, schema)
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    names = ["reconstruction_error", *(f"code__{number}" for number in range(1, CODE + 1))]
    saved = Evaluate.read(layout.result("evaluate")).saved
    for folder, model in ((layout.model, saved), (layout.alternative, {"network": "shallow"}.get(saved, "network"))):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder).predict(test.frame)
        assert list(scored) == names
        np.testing.assert_allclose(told[names], scored[names], rtol=1e-4, atol=1e-6)
    assert (predictions["reconstruction_error"] >= 0).all()


@pytest.mark.slow
def test_errors_of_other_sizes_are_those_of_components_fitted_for_each(layout: Layout):
    told = Evaluate.read(layout.result("evaluate")).code
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["evaluation"]))
    fold = fit_fold(table, split.training, split.validation)
    assert [size.numbers for size in told.sizes] == [1, 2, 4, 8]
    for size in told.sizes:
        error = Components(size.numbers).fit(fold.x_AD).score_samples(fold.x_VD)[:, 0].mean()
        assert size.error == pytest.approx(error)


@pytest.mark.slow
def test_rows_as_rebuilt_come_on_request_from_a_file_and_from_the_server(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    registered = Registered("moons", 1, True, layout.model)
    monkeypatch.setattr(scored_table, "find_model", lambda *_: registered)
    raw = pd.read_csv(layout.local / "moons.csv").head(30)
    given, output = tmp_path / "new.csv", tmp_path / "told.csv"
    raw.to_csv(given, index=False)
    scored_table.score_table(scored_table.Order("moons", given, output, reconstruct=True), layout.root)
    written = pd.read_csv(output)
    rebuilt = [f"rebuilt__{name}" for name in "abcdefg"]
    assert [name for name in written if name.startswith("rebuilt__")] == rebuilt
    assert set(written["rebuilt__g"]) <= {"warm", "cold", "(another)"}

    model = load_model(layout.model)
    [vectorizer] = model.vectorizers
    numbers = [f"rebuilt__{column.name}" for column in vectorizer.columns if isinstance(column, Numbers)]
    x_ND = model.decoded(model.raw_predictions(raw)[:, 1:])
    ends = np.cumsum(vectorizer.widths)
    first = [end - width for end, width in zip(ends, vectorizer.widths, strict=True)]
    for name, place, column in zip(rebuilt, first, vectorizer.columns, strict=True):
        if name in numbers:
            np.testing.assert_allclose(written[name], x_ND[:, place] * column.scale + column.mean, rtol=1e-4)
    closer = np.abs(written["rebuilt__a"] - raw["a"]).mean()
    assert closer < np.abs(raw["a"] - raw["a"].mean()).mean()

    service = Service(load_problem(layout), registered, layout.expectations, reconstruct=True)
    [answer] = service.answers([Request(json.dumps(raw.drop(columns="side").to_dict("records")[:2]).encode(), JSON)])
    assert answer.status == 200
    told = pd.DataFrame(json.loads(answer.body)["predictions"])
    np.testing.assert_allclose(told[numbers], written[numbers].head(2), rtol=1e-4)
    assert openapi(service)["components"]["schemas"]["answer"]["properties"]["predictions"]
    assert not [name for name in model.predict(raw) if name.startswith("rebuilt__")]


def test_a_model_without_a_code_says_that_it_rebuilds_nothing():
    model = fruit_model("binary")
    with pytest.raises(UserError, match="reconstruct: this model has no code to rebuild rows from"):
        model.predict(fruit(3), reconstruct=True)


def test_a_row_without_a_prediction_has_no_p_value():
    assert np.isnan(Typical.of(np.arange(9.0)).p_values(np.array([1.0, np.nan]))).tolist() == [False, True]


@pytest.mark.slow
def test_rows_unlike_the_others_have_small_p_values_and_usual_ones_any(layout: Layout):
    test = read_table(layout.test, read_schema(layout.train)).frame
    model = load_model(layout.model)
    usual = model.predict(test, intervals=True)
    assert list(usual)[-1] == "p_value"
    rows = len(model.card.typical.statistics)
    assert rows == len(read_table(layout.train, read_schema(layout.train)))
    assert usual["p_value"].between(1 / (rows + 1), 1).all()
    assert 0.2 < usual["p_value"].median() < 0.8
    odd = model.predict(test.assign(a=test["a"] + 9), intervals=True)
    assert (odd["p_value"] <= 2 / (rows + 1)).all()


def test_p_values_of_rows_like_the_others_are_uniform_and_never_too_small():
    """Of exchangeable rows at most a share `a` has a p-value of `a` or less (Vovk, Gammerman and Shafer 2005)."""
    rng = np.random.default_rng(0)
    claims = []
    for _ in range(400):
        errors = rng.exponential(size=51).round(1)
        claims.append(Typical.of(errors[:50]).p_values(errors[50:])[0] <= 0.1)
    assert 0.02 < np.mean(claims) < 0.13
    assert Typical.of(np.zeros(9)).p_values(np.array([0.0, 1.0])).tolist() == [1, 0.1]


def test_of_many_rows_the_model_holds_evenly_spaced_errors_and_no_p_value_becomes_smaller():
    errors = np.random.default_rng(0).exponential(size=50_000)
    few, many = Typical.of(errors), Typical(statistics=sorted(errors))
    assert len(few.statistics) == MOST
    new = np.quantile(errors, np.linspace(0, 1, 101))
    assert (few.p_values(new) >= many.p_values(new) - 1e-9).all()
    np.testing.assert_allclose(few.p_values(new), many.p_values(new), atol=2 / MOST)


@pytest.mark.slow
def test_the_report_shows_errors_and_the_map_of_the_codes(layout: Layout):
    page = (layout.results / "report.html").read_text()
    assert "Do the out-of-fold errors tell how large those of new rows are?" in page
    assert "Areas out of fold, with 95% intervals" in page
    assert "of the sealed test, coloured by side, which no step learnt from" in page
    assert "The error on the held-out rows of the first fold, by the numbers of a code." in page
    tied = Evaluate.read(layout.result("evaluate")).tied_weights
    assert 0.45 < tied.tied.parameters / tied.untied.parameters < 0.65
    gain = tied.comparison.gain.value
    np.testing.assert_allclose(gain, tied.untied.score.value - tied.tied.score.value, rtol=1e-6)
    assert "evaluation folds: tied weights " in page
    assert "Concepts of side: the mean code of training rows with a value" in page
    assert "From one side to another: the code of the first row of the sealed test" in page
    card = (layout.results / "model_card.md").read_text()
    assert "reconstruction error" in card


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rival", "bits"), [("principal_components", False), ("signs_of_components", True), ("residual_k_means", True)]
)
def test_changing_a_held_out_row_changes_nothing_that_was_fitted(layout: Layout, rival: str, bits: bool):
    schema = read_schema(layout.train).model_copy(update={"bits": bits})
    table = read_table(layout.train, schema)
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    frame = table.frame.copy()
    frame.loc[frame.index[split.validation[0]], list("abcdef")] = 1e5
    changed = type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N)
    folds = [fit_fold(rows, split.training, split.validation) for rows in (table, changed)]
    assert folds[0].vectorizer == folds[1].vectorizer
    one, other = (shallow(rival, rows, split, 0) for rows in (table, changed))
    assert one[1:].tobytes() == other[1:].tobytes()
    assert one[0, 0] != other[0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "names", "rivals"),
    [
        ({"bits": 4}, [f"bit__{number}" for number in range(1, 5)], {"signs_of_components", "residual_k_means"}),
        (
            {"numbers": 6, "active": 2},
            [f"code__{number}" for number in range(1, 7)],
            {"principal_components"},
        ),
    ],
    ids=["bits", "sparse"],
)
def test_codes_of_bits_and_sparse_ones_go_through_all_steps(
    tmp_path: Path, code: Any, names: list[str], rivals: set[str]
):
    quick = {"protocol": "hold_out", "folds": "auto", "training": {"epochs": 8, "batch_size": 32}}
    layout = defined(tmp_path, code=code, search={"budget": 4}, **quick)
    finished(layout)

    assert Baseline.read(layout.result("baseline")).shallow.name in rivals
    evaluated = Evaluate.read(layout.result("evaluate"))
    [used] = [verdict for verdict in evaluated.verdicts if verdict.name == "code_is_used"]
    noun = "bits" if "bits" in code else "numbers"
    assert re.match(rf"(\d|none) of the {len(names)} {noun} of the code vary over the \d+ held-out rows", used.evidence)
    assert f"{noun} of the code vary" in (layout.results / "report.html").read_text()
    test = read_table(layout.test, read_schema(layout.train)).frame
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    for model in ("network", "shallow"):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder_of(layout, model)).predict(test)
        assert list(scored) == ["reconstruction_error", *names]
        np.testing.assert_allclose(told[list(scored)], scored, rtol=1e-4, atol=1e-6)
        if "bits" in code:
            assert set(np.unique(scored[names])) <= {0, 1}
        else:
            assert ((scored[names] != 0).sum(axis=1) <= 2).all()


def test_a_number_of_the_code_that_hardly_varies_is_dead():
    table = np.random.default_rng(0).normal(size=(50, 4)) * [1, 1, 0.5, 0.001]
    split = Split(0, 0, np.arange(50), np.arange(50, 100))
    verdict = code_is_used(HeldOut([split], [table]), "number")
    assert not verdict.holds
    assert verdict.evidence.startswith("2 of the 3 numbers of the code vary over the 50 held-out rows; the one that")
    assert code_is_used(HeldOut([split], [table[:, :3]]), "number").holds
    nothing = code_is_used(HeldOut([split], [table[:, :1].repeat(3, 1) * [1, 0, 0]]), "bit")
    assert nothing.evidence.startswith("none of the 2 bits of the code vary")


def test_networks_that_waste_different_numbers_of_a_code_waste_one_each():
    code_VC = np.random.default_rng(0).normal(size=(50, 4))
    error_V1 = np.ones((50, 1))
    tables = [np.hstack([error_V1, np.where(np.arange(4) == dead, 0, code_VC)]) for dead in range(3)]
    splits = [Split(0, fold, np.arange(200), np.arange(50) + 50 * fold) for fold in range(3)]
    verdict = code_is_used(HeldOut(splits, tables), "number")
    assert verdict.evidence.startswith("3 of the 4 numbers of the code vary over the 150 held-out rows of every fold")
    assert verdict.evidence.endswith("; a shorter code, or fewer penalties, may waste none")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"code": {"bits": 4, "numbers": 3}}, "code: give a number, .numbers: 300, active: 30. or .bits: 16."),
        ({"code": {"numbers": 3, "active": 3}}, "code.active: fewer than all of `numbers`"),
        ({"code": {"bits": 3, "active": 2}}, "code.active: fewer than all of `numbers`"),
        ({"code": {"bit": 3}}, "code.bit: unknown key; did you mean 'bits'"),
        ({"code": "short"}, "code: "),
        ({"code": 0}, "code.numbers: should be"),
        ({"code": None}, "code: this key is missing: type autoencode needs the number of numbers"),
        ({"committee": 3}, "committee: codes of different networks have nothing in common"),
        ({"final": "fold_ensemble"}, "final: codes of different networks have nothing in common; choose refit"),
        ({"target": "side"}, "target: type autoencode has no target"),
        ({"type": "regression", "target": "e"}, "code: type regression has no code: remove this key"),
        ({"measure": "mse"}, "measure: mse does not suit type autoencode"),
    ],
)
def test_a_code_is_asked_for_by_the_type_alone(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message):
        load_problem(defined(tmp_path, **changes))


def test_a_code_as_long_as_a_row_is_refused_before_anything_is_trained(tmp_path: Path):
    layout = defined(tmp_path, code=30)
    *before, baseline = STEPS[:5]
    for step in before:
        step(layout)
    with pytest.raises(UserError, match="code: 30 numbers cannot sum up rows of"):
        baseline(layout)


@pytest.mark.slow
def test_pictures_are_rebuilt_from_codes_and_errors_are_those_of_pixels_from_0_to_1(tmp_path: Path):
    """Of 24 x 24 pixels in colours: more numbers than other shallow models see of a picture."""
    layout = new_layout("bars", tmp_path)
    with zipfile.ZipFile(layout.local / "bars.zip", "w") as archive:
        for i, (pixels_HWC, label) in enumerate(zip(*bars(160, channels=3), strict=True)):
            larger_HWC = pixels_HWC.repeat(3, axis=0).repeat(3, axis=1)
            archive.writestr(f"bars/{label}/{i:03d}.png", file_of(larger_HWC))
    problem = {
        "question": "What is a bar like?",
        "data": {
            "source": "file",
            "path": "bars.zip",
            "members": "bars/(?P<bar>lies|stands)/.*[.]png",
            "content": "image",
        },
        "type": "autoencode",
        "code": 2,
        "reference": "bar",
        "engine": {"workers": 1, "accelerator": "cpu"},
        "protocol": "hold_out",
        "training": {"epochs": 4, "learning_rate": 0.01},
        "overfit": {"max_rungs": 3},
        "search": {"budget": 2},
    }
    layout.problem_file.write_text(yaml.safe_dump(problem))
    finished(layout)

    ladder = [rung.network.text for rung in Overfit.read(layout.result("overfit")).rungs]
    assert ladder == ["linear", "128", "8-16 filters"]
    schema = read_schema(layout.train)
    test = read_table(layout.test, schema)
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    for model in ("network", "shallow"):
        folder = folder_of(layout, model)
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder).predict(test.frame)
        np.testing.assert_allclose(told["reconstruction_error"], scored["reconstruction_error"], rtol=1e-4)
    pixels = np.asarray(fit_fold(test, np.arange(len(test)), np.arange(1)).x_AD)
    assert (pixels.min(), pixels.max()) >= (0, 0.5)
    assert pixels.max() <= 1
    told = Evaluate.read(layout.result("evaluate")).code
    assert len(told.plane) == len(told.plane[0]) == 8
    assert all(cell.startswith("data:image/png") for row in told.plane for cell in row)
    assert all(text.startswith("data:image/png") for unit in told.units for text in unit.shown)
    code_NC = load_model(layout.model).row_predictions(test.frame)[:, 1:]
    assert [unit.rows[0] for unit in told.units] == [test.rows_N[row] for row in code_NC.argmax(0)]
    page = (layout.results / "report.html").read_text()
    assert "What is rebuilt of places in the plane" in page
    assert "Which rows of the sealed test excite a number of the code most" in page
    mean_row = Baseline.read(layout.result("baseline")).common_sense.evaluation.mean
    assert mean_row == pytest.approx(pixels.var(axis=0).mean(), rel=0.2)


@pytest.mark.slow
def test_the_report_shows_rows_beside_what_both_models_rebuild_of_them(layout: Layout):
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    shown = predictions[predictions["rebuilt"].notna()]
    assert set(shown["split"]) == {"test"}
    assert shown.groupby("model")["row"].nunique().to_dict() == {"network": 9, "shallow": 9}
    saved = Evaluate.read(layout.result("evaluate")).saved
    sealed = predictions[(predictions["split"] == "test") & (predictions["model"] == saved)]
    assert {sealed["reconstruction_error"].idxmin(), sealed["reconstruction_error"].idxmax()} <= set(shown.index)
    page = (layout.results / "report.html").read_text()
    assert "Rows of the sealed test, from the best rebuilt to the worst" in page
    assert re.search(r"[a-g] [-\w.]+ as [-\w.]+, ", page)


def test_columns_are_restored_from_their_inputs():
    frame = pd.DataFrame(
        {
            "size": [1.0, 2.0, np.nan, 5.0] * 5,
            "colour": pd.array(["red", "blue", "red", "blue"] * 5, dtype="str"),
            "day": pd.Timestamp("2025-03-01") + pd.to_timedelta(np.arange(20), "D"),
        }
    )
    types = {"size": "numeric", "colour": "categorical", "day": "date"}
    vectorizer = TabularVectorizer.fit(frame, [Feature(name=name, type=type_) for name, type_ in types.items()])
    x_ND = vectorizer.transform(frame).astype(float)
    assert sum(vectorizer.widths) == x_ND.shape[1]
    starts = np.cumsum([0, *vectorizer.widths[:-1]])
    restored = [
        [column.restored(x_D[start : start + column.width]) for x_D in x_ND]
        for column, start in zip(vectorizer.columns, starts, strict=True)
    ]
    assert restored[0][:2] == ["1", "2"]
    assert restored[1] == frame["colour"].tolist()
    assert restored[2] == [f"{day:%Y-%m-%d}" for day in frame["day"]]
    # A network may rebuild a date far outside of what pandas can hold.
    assert int(vectorizer.columns[2].restored(np.full(vectorizer.widths[2], 1e5)).partition("-")[0]) > 2262
    worse = x_ND.copy()
    worse[0, 0] += 3
    [first, *_] = rebuilt(frame, vectorizer, worse)["rebuilt"]
    assert first.startswith("size 1 as ")

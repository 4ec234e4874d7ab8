"""Models draw rows of a table, through all steps; a judge compares them with held-out ones."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import generators
from benchmarks.generators import GENERATORS, SCHEMA, copies, half_copies, judged, one_half, places, population
from src.core.errors import UserError
from src.core.files import Layout
from src.judging.baselines import shallow
from src.judging.draws import copied_share, covers, new_rows, tells_classes
from src.judging.evaluation import recommended
from src.judging.held_out import HeldOut
from src.kinds.tabular.likelihoods import likelihoods
from src.models.measures import TABLE
from src.models.samples import JUDGED, STATISTICS
from src.preparation.fold import fit_fold
from src.preparation.judge import Judge
from src.problem.load import load_problem
from src.problem.training import Engine, OverfitLadder, Training
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.results.networks import Candidate, Overfit
from src.results.verdicts import AGAINST_SHALLOW, GATE, NEW_ROWS, SHALLOW_GATE, SHALLOW_NEW_ROWS
from src.saved.generator import Drawing, sample
from src.saved.saved_model import load_model
from src.scoring.registered import Registered
from src.scoring.requests import JSON, Request
from src.scoring.service import Service
from src.tables.protocols import Split, read_folds
from src.tables.table import Feature, read_schema, read_table
from src.tracking.serving import save_servable, signature_of
from src.training.looped import train_looped
from src.training.members import Member
from src.training.stacked import train_stacked
from tests.kinds.workflow import STEPS, finished, folder_of
from tests.test_density import defined, pictured, prepared

SMALL = {"training": {"epochs": 8, "batch_size": 32}, "overfit": {"max_rungs": 1}, "search": {"budget": 1}, "folds": 2}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    changes = {"type": "generate", "question": "Can we draw moons?", "given": "colour"}
    return finished(defined(tmp_path_factory.mktemp("moons"), **changes, **SMALL))


@pytest.mark.slow
def test_a_model_that_draws_goes_through_all_steps_and_is_judged(layout: Layout):
    baseline = Baseline.read(layout.result("baseline"))
    assert (baseline.measure, baseline.common_sense.name) == ("frechet_distance", "independent_columns")
    assert 1 < baseline.shallow.evaluation.mean < baseline.common_sense.evaluation.mean
    assert {score.name for score in baseline.shallow_all} == {"gaussian_mixture", "gaussian_copula"}
    evaluated = Evaluate.read(layout.result("evaluate"))
    verdicts = {verdict.name: verdict for verdict in evaluated.verdicts}
    assert {"new_rows", "covers", "shallow_model_new_rows", "tells_classes"} <= verdicts.keys()
    assert re.search(r"names the class of \d+% of the samples", verdicts["tells_classes"].evidence)
    assert re.search(r"\d+ samples lie nearest to a held-out row", verdicts["new_rows"].evidence)
    assert evaluated.drawn is not None
    assert len(evaluated.drawn.samples) == len(evaluated.drawn.nearest) == 8
    page = (layout.results / "report.html").read_text()
    assert "compared with rows drawn" in page
    assert "none of them chosen, and the training row nearest to each" in page
    kept = pd.read_parquet(layout.results / "predictions.parquet")
    assert set(kept["judged"]) == {1}
    assert kept["covered"].isin((0, 1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["network", "shallow"])
def test_a_finished_model_draws_and_says_nothing_about_given_rows(layout: Layout, model: str):
    fitted, table = load_model(folder_of(layout, model)), read_table(layout.train, read_schema(layout.train))
    one, two = (sample(fitted, Drawing(n=20, seed=1)) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert list(one) == [feature.name for feature in table.schema.features]
    red = sample(fitted, Drawing(n=20, seed=1, given="red"))
    assert (len(red), set(red["colour"])) == (20, {"red"})
    pd.testing.assert_frame_equal(red, sample(fitted, Drawing(n=20, seed=1, given="red")))
    told = sample(fitted, Drawing(n=20, seed=1, given="red", nearest=True))
    pd.testing.assert_frame_equal(red, told.drop(columns=["nearest__row", "nearest__distance"]))
    assert set(told["nearest__row"]) <= set(table.rows_N)
    assert (told["nearest__distance"] >= 0).all()
    assert fitted.neighbours is not None
    assert fitted.neighbours.rows_N.tolist() == table.rows_N.tolist()
    with pytest.raises(UserError, match="nearest: this version of the model keeps no training rows"):
        sample(replace(fitted, neighbours=None), Drawing(nearest=True))
    with pytest.raises(UserError, match="'blue' is no class of 'colour'; there are:"):
        sample(fitted, Drawing(given="blue"))
    with pytest.raises(UserError, match="says nothing about given rows, it draws new ones"):
        fitted.predict(table.frame)


@pytest.mark.slow
def test_the_server_draws_and_the_registered_model_takes_requests_for_rows(layout: Layout):
    service = Service(load_problem(layout), Registered("moons", 1, True, layout.model), layout.expectations)
    rows = json.loads(service.sample(b'{"n": 3, "seed": 1}').body)["rows"]
    assert [list(row) for row in rows] == [["size", "mass", "colour", "ice", "seen"]] * 3
    assert "predict" not in service.describe()
    [refused] = service.answers([Request(json.dumps(rows).encode(), JSON)])
    assert refused.status == 400
    assert b"it draws new ones" in refused.body
    red = json.loads(service.sample(b'{"n": 3, "given": "red"}').body)["rows"]
    assert {row["colour"] for row in red} == {"red"}
    [told] = json.loads(service.sample(b'{"n": 1, "seed": 1, "nearest": true}').body)["rows"]
    assert isinstance(told["nearest__row"], int)
    assert told["nearest__distance"] >= 0
    signature = signature_of(read_schema(layout.train))
    assert signature.inputs.input_names() == ["n", "seed", "given"]
    assert signature.inputs.required_input_names() == ["n", "seed"]
    assert signature.outputs.input_names() == list(rows[0])


@pytest.mark.slow
def test_mlflow_draws_by_the_registered_model(layout: Layout, tmp_path: Path):
    from mlflow import pyfunc
    from mlflow.models import Model

    save_servable(tmp_path / "model", layout, Model())
    served, fitted = pyfunc.load_model(str(tmp_path / "model")), load_model(layout.model)
    drawn = served.predict(pd.DataFrame({"n": [3], "seed": [1]}))
    pd.testing.assert_frame_equal(drawn, sample(fitted, Drawing(n=3, seed=1)))
    drawn = served.predict(pd.DataFrame({"n": [3, 2], "seed": [1, 2], "given": ["red", None]}))
    expected = [sample(fitted, Drawing(n=3, seed=1, given="red")), sample(fitted, Drawing(n=2, seed=2))]
    pd.testing.assert_frame_equal(drawn, pd.concat(expected, ignore_index=True))
    assert served.input_example.to_dict("records") == [{"n": 5, "seed": 0, "given": "grey"}]


@pytest.mark.slow
def test_changing_a_held_out_row_changes_nothing_that_a_judge_learnt(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    frame = table.frame.copy()
    frame.loc[frame.index[split.validation[0]], ["size", "mass"]] = [1e4, -1e4]
    changed = replace(table, frame=frame)
    one, other = (fit_fold(rows, split.training, split.validation).judge for rows in (table, changed))
    for learnt in ("mean", "scale", "directions", "shifts"):
        assert getattr(one.looks, learnt).tobytes() == getattr(other.looks, learnt).tobytes()
    for rows in ("training_NF", "fresh_NF"):
        assert getattr(one, rows).tobytes() == getattr(other, rows).tobytes()
    assert (one.real_NF[0] != other.real_NF[0]).any()
    assert one.real_NF[1:].tobytes() == other.real_NF[1:].tobytes()
    for name in ("gaussian_mixture", "gaussian_copula"):
        drawn = [shallow(name, rows, split, 0)[1:, -1] for rows in (table, changed)]
        assert drawn[0].tobytes() == drawn[1].tobytes()


@pytest.mark.slow
def test_a_member_of_a_stack_draws_as_it_does_alone(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    training = Training(activation="relu", optimizer="adam", learning_rate=0.01, batch_size=16, epochs=3)
    [network] = likelihoods(table.schema.features, OverfitLadder(first_units=4, max_rungs=1), training)
    candidates = [
        Candidate(network=network, optimizer="adam", learning_rate=rate, l1=0, l2=0, batch_size=16, epochs=3)
        for rate in (0.01, 0.02)
    ]
    members = [Member.of_split(candidate, split, 0) for candidate in candidates]
    fold = fit_fold(table, split.training, split.validation)
    measure, engine = TABLE["frechet_distance"], Engine(workers=1, accelerator="cpu")
    together = train_stacked(members, [fold, fold], table, measure, engine, torch.float64, final=True)
    for member, stacked in zip(members, together, strict=True):
        alone = train_looped(member, fold, table, measure, engine, torch.float64, final=True)
        np.testing.assert_allclose(stacked.history.validation, alone.history.validation, rtol=1e-4)
        np.testing.assert_allclose(stacked.predictions, alone.predictions, rtol=1e-3, atol=1e-4)


def test_the_truth_has_the_floor_passes_and_covers_and_a_copier_fails():
    true = [judged(GENERATORS["the population itself"], seed) for seed in range(20)]
    values = [TABLE["frechet_distance"].value_of(s_VS, np.ones(len(s_VS))) for one in true for s_VS in one.predictions]
    assert np.mean(values) == pytest.approx(1, abs=0.15)
    assert sum(new_rows(one).holds for one in true) >= 19
    assert sum(covers(one).holds for one in true) >= 19
    shares = [copied_share(one)[0] for one in true]
    assert sum(share.low <= 0 <= share.high for share in shares) >= 18
    assert np.mean([share.value for share in shares]) == pytest.approx(0, abs=0.08)
    for seed in range(3):
        copier = judged(copies, seed)
        assert not new_rows(copier).holds
        assert copied_share(copier)[0].value == pytest.approx(1, abs=0.02)
        assert not new_rows(judged(half_copies, seed)).holds


def test_what_leaves_rows_out_does_not_cover():
    assert not covers(judged(one_half, 0)).holds


def test_a_diverged_training_is_judged_by_the_folds_that_did_not():
    held_out = judged(GENERATORS["the population itself"], 0)
    broken = HeldOut(held_out.splits, [np.full_like(held_out.predictions[0], np.nan), *held_out.predictions[1:]])
    assert new_rows(broken).holds
    assert np.isnan(TABLE["frechet_distance"].value_of(broken.predictions[0], np.ones(40)))


def test_the_benchmark_of_known_generators_says_what_it_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generators, "ROWS", 60)
    monkeypatch.setattr(generators, "FRESH", 2)
    monkeypatch.setattr(generators, "GENERATORS", {"training rows again": copies})
    lines = generators.figures(2, 0)
    assert lines[0]["new_rows"] == 0
    assert generators.as_table(lines).splitlines()[2].startswith("| training rows again | ")


def test_rows_tell_their_class_unless_it_is_drawn_by_itself():
    def with_class(rows: np.ndarray) -> np.ndarray:
        x_NI = np.zeros((len(rows), 8))
        x_NI[:, :6:2], x_NI[:, 6], x_NI[:, 7] = rows, rows[:, 0] > 0, 2
        return x_NI

    schema = SCHEMA
    kind = Feature(name="kind", type="categorical", encoding={"categories": ["a"]})
    schema = schema.model_copy(update={"features": [*schema.features, kind], "given": "kind"})
    rng = np.random.default_rng(0)
    learnt, held_out, drawn = (with_class(population(count, rng)) for count in (200, 60, 60))
    judge, split = Judge.fit(schema, learnt, held_out), Split(0, 0, np.arange(200), np.arange(200, 260))
    assert tells_classes(HeldOut([split], [judge.statistics(drawn)])).holds
    drawn[:, 6] = rng.permutation(drawn[:, 6])
    assert not tells_classes(HeldOut([split], [judge.statistics(drawn)])).holds
    changed = Judge.fit(schema, learnt, held_out[::-1])
    assert (changed.classes.told(drawn) == judge.classes.told(drawn)).all()


def test_a_judge_without_held_out_rows_compares_with_training_rows_alone():
    x_ND = places(population(50, np.random.default_rng(0)))
    judge = Judge.fit(SCHEMA, x_ND, x_ND[:0])
    assert judge.statistics(x_ND).shape == (0, STATISTICS)
    assert judge.curves(x_ND, TABLE["frechet_distance"]) == {"training": pytest.approx(0, abs=1e-6)}
    few = Judge.fit(SCHEMA, x_ND, x_ND, count=20)
    assert few.statistics(x_ND)[:, JUDGED].sum() == few.draws == 20


@pytest.mark.parametrize(
    ("copies", "answer"),
    [((), "network"), ((NEW_ROWS,), "shallow model"), ((NEW_ROWS, SHALLOW_NEW_ROWS), "common sense")],
)
def test_what_repeats_its_training_rows_is_never_recommended(copies: tuple[str, ...], answer: str):
    holds = {GATE: True, AGAINST_SHALLOW: True, SHALLOW_GATE: True, NEW_ROWS: True, SHALLOW_NEW_ROWS: True}
    assert recommended(holds | dict.fromkeys(copies, False)) == answer


@pytest.mark.slow
def test_pictures_are_drawn_and_judged(tmp_path: Path):
    layout = pictured(tmp_path, type="generate", likelihood="realnvp", training={"epochs": 2, "learning_rate": 0.01})
    for step in STEPS[:6]:
        step(layout)
    baseline = Baseline.read(layout.result("baseline"))
    assert {score.name for score in baseline.shallow_all} == {"neighbour_contexts", "component_mixture"}
    assert 1 < baseline.shallow.development.mean < baseline.common_sense.development.mean
    [rung] = Overfit.read(layout.result("overfit")).rungs
    assert rung.best_validation > 0.5


@pytest.fixture(scope="module")
def bars_of_a_class(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    layout = pictured(
        tmp_path_factory.mktemp("bars"),
        type="generate",
        given="bar",
        reference=[],
        training={"epochs": 3, "learning_rate": 0.01, "batch_size": 32},
        overfit={"max_rungs": 1, "first_units": 1},
    )
    for step in STEPS:
        step(layout)
    return layout


@pytest.mark.slow
def test_pictures_are_drawn_of_a_class(bars_of_a_class: Layout):
    layout = bars_of_a_class
    schema = read_schema(layout.train)
    assert [feature.name for feature in schema.features] == ["image"]
    [rung] = Overfit.read(layout.result("overfit")).rungs
    assert rung.network.words == "flow matching for 3 classes with a U-Net of 8 and 16 filters, relu"
    evaluated = Evaluate.read(layout.result("evaluate"))
    evidence = {verdict.name: verdict.evidence for verdict in evaluated.verdicts}
    assert re.search(r"names the class of \d+% of the samples", evidence["tells_classes"])
    assert evaluated.drawn is not None
    assert evaluated.drawn.grids[0].caption == "Drawn by the saved model, from top to bottom of bar lies, stands"
    for model in ("network", "shallow"):
        fitted = load_model(folder_of(layout, model))
        rows = sample(fitted, Drawing(n=6, seed=1))
        pd.testing.assert_frame_equal(rows, sample(fitted, Drawing(n=6, seed=1)))
        assert set(rows["bar"]) <= {"lies", "stands", "(another)"}
        assert set(sample(fitted, Drawing(n=3, seed=1, given="lies"))["bar"]) == {"lies"}
        with pytest.raises(UserError, match="'leans' is no class of 'bar'; there are: "):
            sample(fitted, Drawing(given="leans"))


@pytest.mark.slow
def test_a_held_out_picture_and_its_class_change_nothing_that_was_fitted(bars_of_a_class: Layout):
    table = read_table(bars_of_a_class.train, read_schema(bars_of_a_class.train))
    split = next(iter(read_folds(bars_of_a_class.folds, len(table))["development"]))
    frame = table.frame.copy()
    row = frame.index[split.validation[0]]
    frame.loc[row, "bar"] = "stands" if frame.loc[row, "bar"] == "lies" else "lies"
    changed = replace(table, frame=frame)
    one, other = (fit_fold(rows, split.training, split.validation) for rows in (table, changed))
    assert one.vectorizer == other.vectorizer
    assert one.start["shares"].tobytes() == other.start["shares"].tobytes()
    assert (one.judge.classes.told(one.judge.learnt) == other.judge.classes.told(other.judge.learnt)).all()
    assert (one.judge.held_out.class_N != other.judge.held_out.class_N).sum() == 1
    drawn = [shallow("component_mixture", rows, split, 0)[1:, -1] for rows in (table, changed)]
    assert drawn[0].tobytes() == drawn[1].tobytes()


@pytest.mark.slow
def test_flow_matching_draws_and_gives_no_row_a_probability(tmp_path: Path):
    with pytest.raises(UserError, match="likelihood: flow_matching gives rows no probability"):
        prepared(defined(tmp_path / "density", likelihood="flow_matching"))
    layout = defined(tmp_path / "draws", type="generate", likelihood="flow_matching", **SMALL)
    for step in STEPS[:6]:
        step(layout)
    [rung] = Overfit.read(layout.result("overfit")).rungs
    assert rung.network.architecture == "tabular_flow_matching"
    assert rung.best_validation > 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"given": "size"}, "given: 'size' is numeric; name a column of classes"),
        ({"given": "shape"}, "given: 'shape' is no column to learn from"),
        ({"type": "density", "given": "colour"}, "given: type density draws no rows of a class"),
        ({"target": "size"}, "target: type generate has no target"),
        ({"likelihood": "autoregressive"}, "choose vae or nice or realnvp or flow_matching"),
        ({"measure": "bits_per_dimension"}, "measure: bits_per_dimension does not suit type generate"),
    ],
)
def test_what_does_not_suit_is_refused(tmp_path: Path, changes: dict[str, str], message: str):
    with pytest.raises(UserError, match=message):
        prepared(defined(tmp_path, **{"type": "generate"} | changes))

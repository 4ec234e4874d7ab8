"""Every kind of problem from its raw file to its report, with small budgets, and every number checked on the way.

Each case runs the nine steps once. The tests then look at what lies there: measures are computed anew from the
predictions with scikit-learn, splits are checked row by row, and the saved model is asked again.
"""

import os
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import yaml

from src.models.measures import TABLE
from src.models.types.registry import TYPES
from src.problem.load import load_problem
from src.problem.sources import RemoteSource
from src.results.baseline import Baseline
from src.results.data import Validation
from src.results.networks import Overfit, Regularize
from src.results.wording import MODELS
from src.saved.inference import Model
from src.saved.network_model import NetworkModel
from src.saved.saved_model import load_model
from src.saved.shallow_model import ShallowModel
from tests.end_to_end.cases import CASES, ODD_NAMES, SHIPPED, SMALL
from tests.end_to_end.finished_run import Run, finished, make_layout
from tests.end_to_end.reference_scores import ORACLES, score
from tests.workspaces import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def few_half_samples() -> Iterator[None]:
    """They are most of the trainings, all alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.judging.half_samples.PAIRS", 3)
        yield


@pytest.fixture(scope="module", params=[*CASES, *SHIPPED])
def run(few_half_samples: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    layout = make_layout(tmp_path_factory.mktemp("end_to_end"), "case")
    if request.param in CASES:
        CASES[request.param].write(layout)
    else:
        shipped = yaml.safe_load((ROOT / "problems" / f"{request.param}.yaml").read_text())
        layout.problem_file.write_text(yaml.safe_dump(shipped | SMALL | SHIPPED[request.param]))
        if isinstance(load_problem(layout).data, RemoteSource) and "DATA_MIRROR" not in os.environ:
            pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    return finished(layout)


def test_every_type_with_a_target_has_a_case_and_every_measure_an_oracle():
    """Types without a target have files of their own, such as `tests/test_autoencode.py`."""
    with_targets = [problem_type for problem_type in TYPES.values() if problem_type.targets != "none"]
    assert {problem_type.name for problem_type in with_targets} == {case.type for case in CASES.values()}
    missing = {name for problem_type in with_targets for name in problem_type.measures} - set(ORACLES)
    assert not missing, f"tests/end_to_end/reference_scores.py: add {missing} to ORACLES"


def test_every_step_gives_its_verdicts_and_finite_numbers_in_the_measure_s_range(run: Run):
    layout = run.layout
    verdicts = {
        "validate": Validation.read(layout.result("validate")).verdicts,
        "baseline": Baseline.read(layout.result("baseline")).verdicts,
        "overfit": Overfit.read(layout.result("overfit")).verdicts,
        "regularize": Regularize.read(layout.result("regularize")).verdicts,
        "evaluate": run.evaluated.verdicts,
    }
    needed = {
        "validate": {"data_fit_to_learn_from"},
        "baseline": {"shallow_model_beats_common_sense"},
        "overfit": {"beats_the_baseline", "overfits"},
        "regularize": {"regularizing_and_tuning_helps", "still_beats_the_baseline"},
        "evaluate": {"beats_common_sense", "beats_shallow_model", "test_agrees_with_cross_validation"},
    }
    assert all(names <= {verdict.name for verdict in verdicts[step]} for step, names in needed.items())
    assert all(verdict.evidence and "nan" not in verdict.evidence for found in verdicts.values() for verdict in found)
    measure, found = TABLE[run.prepared.measure], run.evaluated
    for value, low, high in (
        (found.cross_validation.mean, found.cross_validation.low, found.cross_validation.high),
        (found.test.value, found.test.low, found.test.high),
        (found.shallow, found.shallow_estimate.low, found.shallow_estimate.high),
    ):
        assert measure.lowest <= low <= value <= high <= measure.highest
    agrees = next(verdict for verdict in found.verdicts if verdict.name == "test_agrees_with_cross_validation")
    assert agrees.evidence.startswith(f"{MODELS[found.saved]} on the sealed test ")
    estimate, test = found.saved_estimate, found.saved_test
    assert agrees.holds == (test.low <= estimate.high and estimate.low <= test.high)
    numbers = [found.baseline, found.shallow, *found.extra.values(), *found.cross_validation.scores]
    assert np.isfinite(numbers).all()
    for name in ("overfit_curves", "candidates", "fold_scores", "evaluate_curves"):
        table = pd.read_csv(layout.results / f"{name}.csv")
        assert np.isfinite(table.select_dtypes("number")).all(axis=None)


def test_the_scores_are_what_scikit_learn_makes_of_the_predictions(run: Run):
    by_fold = [score(run, of) for _, of in run.out_of_fold.groupby(["repeat", "fold"])]
    assert by_fold == pytest.approx(run.evaluated.cross_validation.scores, rel=1e-6)
    written = pd.read_csv(run.layout.results / "fold_scores.csv")
    assert written["network"].tolist() == pytest.approx(by_fold, rel=1e-6)
    assert score(run, run.of_test) == pytest.approx(run.evaluated.test.value, rel=1e-6)
    shallow = score(run, run.of_sealed_rows("shallow"))
    assert shallow == pytest.approx(run.evaluated.shallow_test.value, rel=1e-6)
    by_repeat = [score(run, of) for _, of in run.out_of_fold.groupby("repeat")]
    ranks_rows = TABLE[run.prepared.measure].ranks_rows
    assert run.evaluated.cross_validation.mean == pytest.approx(np.mean(by_fold if ranks_rows else by_repeat))


def test_a_verdict_of_two_models_holds_where_the_difference_is_sure_and_speaks_of_the_values_beside_it(run: Run):
    found = run.evaluated
    compared = {verdict.name: verdict.comparison for verdict in found.verdicts if verdict.comparison is not None}
    values = {"network": found.cross_validation.mean, "shallow": found.shallow, "sense": found.baseline}
    for name, model, reference in (
        ("beats_common_sense", "network", "sense"),
        ("beats_shallow_model", "network", "shallow"),
        ("shallow_model_still_beats_common_sense", "shallow", "sense"),
    ):
        of = compared[name]
        assert (of.model_value, of.reference_value) == pytest.approx((values[model], values[reference]))
        gain = TABLE[run.prepared.measure].gain(of.model_value, of.reference_value)
        assert of.gain.low <= of.gain.value == pytest.approx(gain)
        assert of.gain.value <= of.gain.high
    for verdict in found.verdicts:
        if verdict.comparison is not None:
            assert verdict.holds == (verdict.comparison.outcome == "better")
            assert not verdict.holds or verdict.comparison.gain.low > 0


def test_nested_cross_validation_tells_its_choices_and_the_optimism_of_the_plain_protocol(run: Run):
    found, measure = run.evaluated, TABLE[run.prepared.measure]
    if run.prepared.protocol.method != "nested":
        assert found.nested is None
        return
    assert found.nested is not None
    assert len(found.nested.chosen) == run.prepared.protocol.folds
    gain = measure.gain(found.nested.plain, found.cross_validation.mean)
    assert found.nested.optimism == pytest.approx(gain)
    assert "inside each of these folds" in (run.layout.results / "report.html").read_text()


def test_every_training_row_is_held_out_once_per_repeat_and_the_test_rows_are_the_others(run: Run):
    prepared, held_out = run.prepared, run.out_of_fold
    assert sorted([*run.train.index, *run.test.index]) == list(range(len(run.raw)))
    assert sorted(run.of_test["row"]) == sorted(run.test.index)
    assert not held_out.duplicated(["repeat", "row"]).any()
    assert (
        held_out.groupby(["repeat", "fold"]).ngroups == prepared.protocol.folds * run.evaluated.cross_validation.repeats
    )
    if prepared.protocol.method != "hold_out" and prepared.protocol.order != "temporal":
        assert (held_out.groupby("repeat")["row"].nunique() == len(run.train)).all()
        assert set(held_out["row"]) == set(run.train.index)
    assert set(held_out["row"]) <= set(run.train.index)
    assert not run.predictions.isna().any(axis=None)


def test_groups_never_straddle_and_time_never_runs_backward(run: Run):
    problem = run.problem
    splits = [split for folds in run.folds.values() for split in folds]
    sides = [(run.train.iloc[split.training], run.train.iloc[split.validation]) for split in splits]
    sealed = [] if problem.test.column else [(run.train, run.test)]
    for learnt, held_out in [*sides, *sealed]:
        assert len(learnt)
        assert len(held_out)
        if problem.groups is not None:
            assert not set(learnt[problem.groups]) & set(held_out[problem.groups])
        if problem.time is not None:
            assert learnt[problem.time].max() < held_out[problem.time].min()


def test_an_official_test_set_is_sealed_row_by_row(run: Run):
    test = run.problem.test
    if test.column is not None:
        assert run.test.index.tolist() == run.raw.index[run.raw[test.column] == test.value].tolist()
        assert test.column not in run.train
    else:
        share = len(run.test) / len(run.raw)
        assert share == pytest.approx(test.share, abs=0.06)


def test_the_predictions_name_the_actual_values_of_their_rows(run: Run):
    for target in run.prepared.targets:
        column = "actual" if run.prepared.classes and run.prepared.type != "multilabel" else f"actual__{target}"
        actual, raw = run.predictions[column], run.raw[target].loc[run.predictions["row"]]
        if run.prepared.type in ("binary", "multiclass"):
            assert actual.tolist() == [f"{value:g}" if isinstance(value, float) else str(value) for value in raw]
        elif run.prepared.type == "multilabel":
            assert actual.tolist() == [float(str(value).lower() in ("yes", "true", "1.0")) for value in raw]
        else:
            assert actual.tolist() == raw.tolist()


def models_of(run: Run) -> dict[str, Model]:
    """The saved model and the other one."""
    saved, other = ("network", "shallow") if run.evaluated.saved == "network" else ("shallow", "network")
    assert isinstance(load_model(run.layout.model), {"network": NetworkModel, "shallow": ShallowModel}[saved])
    return {saved: load_model(run.layout.model), other: load_model(run.layout.alternative)}


def test_both_models_predict_raw_rows_to_the_same_values(run: Run):
    for name, model in models_of(run).items():
        test = run.of_sealed_rows(name)
        told = model.predict(run.raw.loc[test["row"], [feature.name for feature in model.schema.features]])
        for column in told:
            if told[column].dtype == np.float64:
                np.testing.assert_allclose(told[column], test[column], rtol=1e-5, atol=1e-7)
            else:
                assert told[column].tolist() == test[column].tolist()


@pytest.mark.parametrize("kind", ["network", "shallow"])
def test_a_finished_model_copes_with_gaps_words_and_values_it_has_never_seen(run: Run, kind: str):
    model = models_of(run)[kind]
    rows = run.raw.loc[run.of_test["row"], [feature.name for feature in model.schema.features]].head(3).copy()
    for feature in model.schema.features:
        strange = {"numeric": [np.nan, 1e30, -1e30], "categorical": [None, "a new word", ""]}.get(feature.type)
        if strange is not None:
            rows[feature.name] = pd.Series(strange[: len(rows)], index=rows.index, dtype=rows[feature.name].dtype)
        else:
            rows[feature.name] = pd.Series([None] * len(rows), index=rows.index, dtype=rows[feature.name].dtype)
    numbers = model.predict(rows).select_dtypes("number")
    assert np.isfinite(numbers).all(axis=None)


def test_probabilities_are_probabilities(run: Run):
    columns = [name for name in run.predictions if name.startswith("probability__")]
    probabilities = run.predictions[columns]
    assert ((probabilities >= 0) & (probabilities <= 1)).all(axis=None)
    if run.prepared.type in ("binary", "multiclass"):
        assert columns
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    if run.prepared.type == "unit_interval_regression":
        assert run.predictions["predicted__" + run.prepared.targets[0]].between(0, 1).all()


def test_the_report_and_the_model_card_are_written_and_tell_the_score(run: Run):
    page = (run.layout.results / "report.html").read_text()
    card = (run.layout.results / "model_card.md").read_text()
    assert run.problem.question in page
    assert "nan" not in page.lower().split()
    assert TABLE[run.prepared.measure].title in card
    assert not [name for name in ODD_NAMES.values() if name.startswith("<") and name in page]

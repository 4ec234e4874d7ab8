"""What `record` leaves in MLflow."""

import logging
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from src.core.files import Layout, read_json
from src.core.steps import RECORDED
from src.datasets.manifest import read_manifest
from src.tracking.content import CURVE_POINTS
from src.tracking.identity import name_of, recorded_key
from src.tracking.recorder import record_steps
from src.tracking.runs import Moment
from tests.tracking.conftest import histories, names_below, record, record_all, workflow_run
from tests.tracking.result_files import Fruit


def test_one_content_is_one_workflow_run_with_one_run_below_it_for_each_step(recorded, runs):
    assert names_below(runs, workflow_run(runs)) == sorted(RECORDED)


@pytest.mark.parametrize("step", RECORDED)
def test_a_step_that_runs_alone_where_nothing_is_on_record_is_recorded_and_so_are_those_before_it(layout, runs, step):
    for each in (step, "baseline", "validate"):
        record(each, layout)
    assert names_below(runs, workflow_run(runs)) == sorted({step, "baseline", "validate"})


def test_define_and_fetch_leave_nothing_on_record(layout):
    before = (layout.root / "mlflow.db").read_bytes()
    record("define", layout)
    record("fetch", layout)
    assert (layout.root / "mlflow.db").read_bytes() == before


def test_every_run_is_finished_and_knows_when_it_began_and_ended(recorded, runs):
    for run in runs():
        assert run.info.status == "FINISHED"
        assert 0 < run.info.start_time <= run.info.end_time


def test_the_workflow_run_carries_the_measures_of_all_steps(recorded, runs):
    metrics = workflow_run(runs).data.metrics
    evaluation = read_json(recorded.result("evaluate"))
    assert metrics["common_sense.accuracy"] == evaluation["baseline"]
    assert metrics["shallow.accuracy"] == evaluation["shallow"]
    assert [metrics[f"cv.accuracy{part}"] for part in ("", ".low", ".high")] == [
        evaluation["cross_validation"][part] for part in ("mean", "low", "high")
    ]
    assert [metrics[name] for name in ("test.accuracy", "test.accuracy.low", "test.accuracy.high", "test.rows")] == [
        evaluation["test"][part] for part in ("value", "low", "high", "rows")
    ]
    assert metrics["data.rows"] == 100
    assert metrics["train.rows"] == 80
    assert metrics["search.accuracy"] == read_json(recorded.result("regularize"))["chosen_score"]["mean"]


def test_the_workflow_run_carries_verdicts_choices_and_the_chosen_candidate(recorded, runs):
    tags = workflow_run(runs).data.tags
    verdicts = {name: value for name, value in tags.items() if name.startswith("verdict.")}
    assert verdicts == {
        "verdict.data_fit_to_learn_from": "yes",
        "verdict.shallow_model_beats_common_sense": "yes",
        "verdict.overfits": "yes",
        "verdict.regularizing_and_tuning_helps": "yes",
        "verdict.beats_common_sense": "yes",
        "verdict.beats_shallow_model": "no",
        "verdict.shallow_model_still_beats_common_sense": "yes",
        "verdict.test_agrees_with_cross_validation": "yes",
    }
    assert tags["measure"] == "accuracy (maximize)"
    assert tags["auto.measure"] == "accuracy: the classes are balanced"
    assert tags["problem"] == "fruit"
    assert tags["verdicts"] == "7 of 8 hold, not: beats shallow model"
    assert tags["cross-validated"] == "network 90.6% (84.4% to 96.9%), shallow model 87.5% (81.2% to 93.8%)"
    assert tags["common sense"] == "56.2% (majority)"
    assert tags["sealed test"] == (
        "network 93.8% (81.2% to 100.0%), shallow model 84.4% (75.0% to 93.8%); scored for the 1st time"
    )
    assert tags["chosen"] == "8 units, dropout 0.25, L2 0.001, rmsprop 0.001, 60 epochs"
    assert tags["answer"] == "use the network"
    assert "Which fruit is it?" in tags["mlflow.note.content"]
    assert "- **no**, beats_shallow_model: 0.9063 against 0.875, p = 0.2" in tags["mlflow.note.content"]


def test_the_settings_are_parameters_and_those_of_the_engine_are_not(recorded, runs):
    params = workflow_run(runs).data.params
    assert params["search.budget"] == "12"
    assert params["data.path"] == "fruit.csv"
    assert params["columns"] == '{"colour": "categorical"}'
    assert not [name for name in params if name.startswith(("engine", "workers", "accelerator"))]


def test_the_data_set_is_an_input_of_the_workflow_run(recorded, client, runs):
    (data_set,) = client.get_run(workflow_run(runs).info.run_id).inputs.dataset_inputs
    assert data_set.dataset.name == "fruit"
    assert read_manifest(recorded.raw).sha256.startswith(data_set.dataset.digest)
    assert '{"name": "picked", "type": "datetime", "required": true}' in data_set.dataset.schema
    assert '{"name": "ripe", "type": "boolean", "required": false}' in data_set.dataset.schema


def test_a_step_is_written_in_one_batch_and_so_are_all_the_runs_below_it(layout, monkeypatch, runs):
    import mlflow

    batches: list[str] = []
    log_batch = mlflow.MlflowClient.log_batch

    def counted(self, run_id, *arguments, **options):
        batches.append(run_id)
        return log_batch(self, run_id, *arguments, **options)

    def refused(self, *arguments, **options):
        raise AssertionError("one call per value")

    monkeypatch.setattr(mlflow.MlflowClient, "log_batch", counted)
    for single in ("log_metric", "log_param"):
        monkeypatch.setattr(mlflow.MlflowClient, single, refused)
    record("regularize", layout)
    (step,) = runs(workflow__step="regularize")
    assert batches == [step.info.run_id, workflow_run(runs).info.run_id]
    assert len(runs()) == 5


def test_the_largest_results_fit_into_one_batch_for_each_run(layout, runs):
    Fruit(epochs=5000, folds=700, candidates=30).write(layout)
    for step in ("overfit", "regularize", "evaluate"):
        record(step, layout)
        assert len(runs(workflow__step=step, measure="accuracy") or runs(workflow__step=step)) == 1


def test_each_rung_of_the_ladder_has_its_curves_to_the_last_epoch(recorded, client, runs):
    (overfit,) = runs(workflow__step="overfit")
    rungs = runs(mlflow__parentRunId=overfit.info.run_id)
    assert [run.info.run_name for run in rungs] == ["rung 0: 4", "rung 1: 8"]
    for name in ("training.accuracy", "validation.accuracy", "training.cross_entropy", "validation.cross_entropy"):
        curve = client.get_metric_history(rungs[1].info.run_id, name)
        epochs = [point.step for point in curve]
        assert len(epochs) == CURVE_POINTS
        assert (epochs[0], epochs[-1]) == (1, 120)


def test_the_curves_of_the_final_evaluation_are_means_over_the_folds(recorded, client, runs):
    (evaluate,) = runs(workflow__step="evaluate")
    curve = client.get_metric_history(evaluate.info.run_id, "validation.accuracy")
    assert curve[-1].step == 60
    assert curve[-1].value == pytest.approx(0.9 * 60 / 70)
    folds = client.get_metric_history(evaluate.info.run_id, "fold.accuracy")
    assert [point.value for point in folds] == [0.90625] * 5


def test_each_candidate_of_a_small_search_is_a_run_that_can_be_compared(recorded, runs):
    (regularize,) = runs(workflow__step="regularize")
    candidates = runs(mlflow__parentRunId=regularize.info.run_id)
    assert [run.info.run_name for run in candidates] == ["candidate 0", "candidate 1", "candidate 2"]
    assert candidates[1].data.params["dropout"] == "0.25"
    assert candidates[1].data.metrics["accuracy"] == 0.9
    assert [run.data.tags["chosen"] for run in candidates] == ["false", "true", "false"]


def test_of_a_large_search_the_best_are_runs_and_the_table_holds_all(layout, client, runs):
    Fruit(candidates=130).write(layout)
    table = layout.results / "candidates.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    mean = rows[0].index("mean")
    for i, row in enumerate(rows[1:]):
        row[mean] = str(i / 1000)  # the best by mean come last; the first two rows are marked best and chosen
    table.write_text("\n".join(map(",".join, rows)) + "\n")
    record("regularize", layout)
    (regularize,) = runs(workflow__step="regularize")
    names = [run.info.run_name for run in runs(mlflow__parentRunId=regularize.info.run_id)]
    assert names == [f"candidate {i}" for i in (0, 1, *range(32, 130))]
    assert "candidates.csv" in [file.path for file in client.list_artifacts(regularize.info.run_id)]


def test_each_fold_of_the_evaluation_has_its_score_and_its_curves(recorded, client, runs):
    (evaluate,) = runs(workflow__step="evaluate")
    folds = runs(mlflow__parentRunId=evaluate.info.run_id)
    assert [run.info.run_name for run in folds] == [f"repeat 1, fold {i}" for i in range(1, 6)]
    assert [run.data.metrics["accuracy"] for run in folds] == [0.90625] * 5
    curve = client.get_metric_history(folds[2].info.run_id, "validation.accuracy")
    assert (len(curve), curve[0].step, curve[-1].step) == (CURVE_POINTS, 1, 60)


def test_runs_below_a_step_are_as_the_client_writes_them(recorded, client, runs):
    """They are written in one transaction, past the client."""
    from mlflow.entities import Metric, Param

    (regularize,) = runs(workflow__step="regularize")
    below = runs(mlflow__parentRunId=regularize.info.run_id)[1]
    copy = client.create_run(
        below.info.experiment_id, below.info.start_time, dict(below.data.tags), below.info.run_name
    )
    points = [
        Metric(point.key, point.value, point.timestamp, point.step)
        for name in below.data.metrics
        for point in client.get_metric_history(below.info.run_id, name)
    ]
    client.log_batch(copy.info.run_id, points, [Param(k, v) for k, v in below.data.params.items()])
    client.set_terminated(copy.info.run_id, end_time=below.info.end_time)
    copy = client.get_run(copy.info.run_id)

    def content(run):
        info = {name: value for name, value in dict(run.info).items() if name not in ("run_id", "run_uuid")}
        info["artifact_uri"] = info["artifact_uri"].replace(run.info.run_id, "")
        # The user is a tag alone: the client takes its own, and MLflow shows the tag.
        return info | {"user_id": ""}, run.data.metrics, run.data.params, run.data.tags, histories(client, run)

    assert content(below) == content(copy)


def test_the_measure_comes_first_for_mlflow_plots_the_first_metric(recorded, runs):
    assert next(iter(workflow_run(runs).data.metrics)) == "cv.accuracy"


def test_before_the_evaluation_the_workflow_run_has_words_but_no_numbers(layout, runs):
    for step in RECORDED[:5]:
        record(step, layout)
    assert workflow_run(runs).data.metrics == {}
    assert workflow_run(runs).data.tags["verdicts"] == "4 of 4 hold"
    assert "not evaluated yet" in workflow_run(runs).data.tags["mlflow.note.content"]


@pytest.mark.parametrize(
    ("step", "files"),
    [
        ("validate", {"validation.json", "validation.html"}),
        ("overfit", {"overfit.json", "overfit_curves.csv"}),
        ("evaluate", {"evaluate.json", "fold_scores.csv", "evaluate_curves.csv"}),
        ("report", {"report.html", "model_card.md"}),
    ],
)
def test_what_a_step_made_lies_with_its_run(recorded, client, runs, step, files):
    (run,) = runs(workflow__step=step)
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == files


def test_the_report_lies_with_the_workflow_run_too(recorded, client, runs):
    assert [file.path for file in client.list_artifacts(workflow_run(runs).info.run_id)] == ["report.html"]


def test_artifacts_lie_in_the_repository_s_folder(layout, runs):
    record("overfit", layout)
    folder = (layout.root / "mlartifacts" / "fruit").as_uri()
    assert all(run.info.artifact_uri.startswith(folder) for run in runs())
    assert not (layout.root / "mlruns").exists()


def test_a_queued_experiment_is_recorded_in_the_repository_it_came_from(layout, tmp_path, monkeypatch, runs):
    """DVC runs it in a copy of the repository that it deletes afterwards, and tells where it came from."""
    copy = tmp_path / "copy"
    for name in ("data", "results"):
        shutil.copytree(layout.root / name, copy / name)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(layout.root))
    monkeypatch.setenv("DVC_EXP_NAME", "sandy-fish")
    record("overfit", Layout("fruit"))
    assert not (copy / "mlflow.db").exists()
    (run,) = runs(workflow__step="overfit")
    assert run.data.tags["dvc.experiment"] == "sandy-fish"
    assert workflow_run(runs).info.run_name == name_of("fruit", recorded_key(layout))


def test_an_experiment_s_headline_is_of_a_run_with_the_problem_s_own_settings(layout, client, tmp_path, monkeypatch):
    """One with overrides happens in a copy, and may be judged by another measure."""

    def told():
        tags = client.get_experiment_by_name("fruit").tags
        return tags["mlflow.note.content"], tags["mlflow.sharedViewState.results"]

    copy = Layout("fruit", tmp_path / "copy")
    Fruit(measure="log_loss", direction="minimize", seed=1).write(copy)
    with monkeypatch.context() as patched:
        patched.chdir(copy.root)
        patched.setenv("WORKFLOW_HOME", str(layout.root))
        patched.setenv("DVC_EXP_NAME", "fruit-12345678")
        record_all(Layout("fruit"))
        assert "there is no run with the problem's yet" in told()[0]
        assert "cv.log_loss" in told()[1]
    record_all(layout)
    own = told()
    assert "there is no run" not in own[0]
    assert "cv.accuracy" in own[1]
    Fruit(measure="log_loss", direction="minimize", seed=2).write(copy)
    monkeypatch.chdir(copy.root)
    monkeypatch.setenv("WORKFLOW_HOME", str(layout.root))
    monkeypatch.setenv("DVC_EXP_NAME", "fruit-12345678")
    record_all(Layout("fruit"))
    assert told() == own


def test_a_folder_of_any_name_holds_a_record(layout, tmp_path, monkeypatch):
    import mlflow

    odd = tmp_path / "50%20of #all? é"
    for name in ("data", "results"):
        shutil.copytree(layout.root / name, odd / name)
    shutil.copy(layout.root / "mlflow.db", odd)
    monkeypatch.chdir(odd)
    record("evaluate", Layout("fruit"))
    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("fruit").experiment_id], "tags.`workflow.step` != ''")
    assert (odd / "mlartifacts" / "fruit" / run.info.run_id / "artifacts" / "evaluate.json").exists()


def test_nothing_is_looked_up_or_connected_to(layout, monkeypatch):
    def refused(*arguments, **options):
        raise AssertionError(f"a connection: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    record_all(layout)


def test_recording_says_nothing_but_who_is_champion(layout, capfd, caplog):
    with caplog.at_level(logging.INFO):
        record_all(layout)
    assert [line.getMessage() for line in caplog.records] == [
        "MLflow: version 1 of model 'fruit' is the champion now: the first model that beats common sense"
    ]
    shown = capfd.readouterr()
    assert shown.out == ""
    assert [line for line in shown.err.splitlines() if "is the champion now" not in line] == []


def test_importing_the_record_does_not_import_mlflow():
    code = "import src.tracking, sys; sys.exit('mlflow' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def minutes(first: float, length: float = 1) -> Moment:
    return Moment(60 * first, 60 * (first + length))


def duration(run):
    return (run.info.end_time - run.info.start_time) / 60_000


def test_the_workflow_run_spans_its_steps_and_tells_how_long_each_took(layout, runs):
    for i, step in enumerate(RECORDED):
        record_steps({step: minutes(100 + i)}, layout)
    assert duration(workflow_run(runs)) == len(RECORDED)
    metrics = workflow_run(runs).data.metrics
    assert metrics["seconds"] == 60 * len(RECORDED)
    assert metrics["seconds.evaluate"] == 60
    (evaluate,) = runs(workflow__step="evaluate")
    assert evaluate.data.metrics["seconds"] == 60


def test_a_night_between_two_steps_does_not_count(layout, runs):
    record_steps({"validate": minutes(100), "prepare": minutes(101)}, layout)
    record_steps({"baseline": minutes(800, 2)}, layout)
    assert duration(workflow_run(runs)) == 4


def test_recording_again_later_changes_neither_the_duration_nor_who_started_it(recorded, runs, monkeypatch):
    before = workflow_run(runs)
    monkeypatch.setenv("WORKFLOW_TRIGGER", "prefect schedule")
    record("report", recorded)
    after = workflow_run(runs)
    assert after.info.end_time == before.info.end_time
    assert after.data.tags["workflow.trigger"] == "command line"


def test_the_source_of_a_run_is_what_started_the_newest_results_and_for_whom(recorded, runs, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    monkeypatch.setenv("WORKFLOW_TRIGGER", "prefect ui")
    Fruit(test=0.875).write(recorded)
    record("evaluate", recorded)
    assert workflow_run(runs).data.tags["mlflow.source.name"] == "prefect ui, ann"
    (evaluate,) = [run for run in runs(workflow__step="evaluate") if run.data.metrics["test.accuracy"] == 0.875]
    assert evaluate.data.tags["mlflow.source.name"] == "tasks.evaluate"


def test_the_experiment_says_the_newest_result_in_its_first_line(recorded, client):
    (first, *_) = client.get_experiment_by_name("fruit").tags["mlflow.note.content"].splitlines()
    assert first == (
        "Use the network. Cross-validated accuracy: network 90.6% (84.4% to 96.9%), shallow model 87.5% (81.2% to "
        "93.8%), common sense 56.2%; sealed test: network 93.8% (81.2% to 100.0%), shallow model 84.4% (75.0% to "
        "93.8%); scored for the 1st time; verdicts: 7 of 8 hold. Which fruit is it?"
    )


def test_a_leak_leaves_no_model_recommended_on_any_record(layout, client, runs):
    Fruit(fit=False).write(layout)
    record_all(layout)
    told = "no answer, because the data are not fit to learn from"
    (step,), (version,) = runs(workflow__step="evaluate"), client.search_model_versions("name = 'fruit'")
    assert {each["answer"] for each in (workflow_run(runs).data.tags, step.data.tags, version.tags)} == {told}
    for note in (client.get_experiment_by_name("fruit").tags, workflow_run(runs).data.tags):
        assert "No answer, because the data are not fit to learn from. Cross-validated" in note["mlflow.note.content"]


@pytest.mark.parametrize("gate", [True, False])
def test_a_run_and_the_version_of_its_model_tell_the_same_scores_in_the_same_words(layout, client, runs, gate):
    Fruit(gate=gate, repeats=2).write(layout)
    record_all(layout)
    tags, (version,) = workflow_run(runs).data.tags, client.search_model_versions("name = 'fruit'")
    for name in ("answer", "cross-validated", "sealed test"):
        assert version.tags[name] == tags[name]
    assert tags["cross-validated"].startswith(version.tags["model"]), "the saved model comes first"
    assert tags["protocol"] == "k_fold, 5 folds x 2, stratified", "as many repeats as there were"


def test_a_description_that_somebody_wrote_stays(recorded, client):
    experiment = client.get_experiment_by_name("fruit").experiment_id
    client.set_experiment_tag(experiment, "mlflow.note.content", "Ask Ann before you use this.")
    Fruit(test=0.875).write(recorded)
    record("evaluate", recorded)
    assert client.get_experiment(experiment).tags["mlflow.note.content"] == "Ask Ann before you use this."


def test_a_step_with_runs_below_it_links_to_their_comparison(recorded, runs):
    (regularize,) = runs(workflow__step="regularize")
    note = regularize.data.tags["mlflow.note.content"]
    assert "[Compare the 3 runs below](#/compare-runs?runs=" in note
    assert all(run.info.run_id in note for run in runs(mlflow__parentRunId=regularize.info.run_id))

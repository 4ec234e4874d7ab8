"""Which results are one run in MLflow, and which another: by what they were made from."""

from src.core.files import read_json, write_json
from src.core.steps import RECORDED
from src.datasets.manifest import read_manifest, write_manifest
from src.tracking.identity import recorded_key
from tests.tracking.conftest import histories, names_below, record, record_all, workflow_run
from tests.tracking.result_files import Fruit


def everything(client, runs):
    """All that is on record, except when it was written."""
    return {
        run.info.run_id: (run.data.params, run.data.tags, histories(client, run), run.info.start_time) for run in runs()
    }


def test_recording_the_same_results_again_adds_nothing(recorded, client, runs):
    before = everything(client, runs)
    record_all(recorded)
    assert everything(client, runs) == before


def test_other_results_from_the_same_content_supersede_the_older_run(recorded, runs):
    (older,) = runs(workflow__step="evaluate")
    Fruit(test=0.875).write(recorded)
    record("evaluate", recorded)
    superseded, newer = sorted(runs(workflow__step="evaluate"), key=lambda run: run.info.run_id != older.info.run_id)
    assert superseded.data.tags["workflow.superseded_by"] == newer.info.run_id
    assert "workflow.superseded_by" not in newer.data.tags
    assert workflow_run(runs).data.metrics["test.accuracy"] == 0.875


def test_results_that_come_back_take_their_old_run_again(recorded, runs):
    (first,) = runs(workflow__step="evaluate")
    Fruit(test=0.875).write(recorded)
    record("evaluate", recorded)
    Fruit().write(recorded)
    record("evaluate", recorded)
    (current,) = [run for run in runs(workflow__step="evaluate") if "workflow.superseded_by" not in run.data.tags]
    assert current.info.run_id == first.info.run_id
    assert workflow_run(runs).data.metrics["test.accuracy"] == Fruit().test


def test_other_settings_are_another_workflow_run(recorded, runs):
    Fruit(budget=20).write(recorded)
    record("regularize", recorded)
    assert len([run for run in runs() if "workflow.key" in run.data.tags]) == 2


def test_other_raw_data_are_another_workflow_run(recorded, runs):
    (file,) = read_manifest(recorded.raw).files
    write_manifest(recorded.raw, [file.model_copy(update={"origin": f"sha256 {'b2' * 32}"})])
    record("validate", recorded)
    assert len([run for run in runs() if "workflow.key" in run.data.tags]) == 2


def test_another_engine_is_the_same_workflow_run(recorded, runs):
    write_json(recorded.settings("engine"), {"backend": "local", "workers": 2, "accelerator": "gpu"})
    record("evaluate", recorded)
    assert len([run for run in runs() if "workflow.key" in run.data.tags]) == 1


def run_of_present_content(layout, runs):
    (found,) = runs(workflow__key=recorded_key(layout))
    return found


def test_results_left_over_from_other_content_are_not_in_the_summary(recorded, runs):
    """The search has just run with another budget; evaluate.json is still that of the old search."""
    fruit = Fruit(budget=20, candidates=4)
    fruit._settings(recorded)
    fruit._development(recorded)
    record("regularize", recorded)
    assert (
        run_of_present_content(recorded, runs).data.tags["workflow.steps"]
        == "validate prepare baseline overfit regularize"
    )
    assert "test" not in run_of_present_content(recorded, runs).data.metrics
    assert not run_of_present_content(recorded, runs).data.metrics


def test_a_step_that_dvc_skips_counts_in_the_summary_of_new_content(recorded, runs):
    """Only the question is new: DVC runs nothing but the report, and the new run tells everything all the same."""
    Fruit(question="Is it an apple?").write(recorded)
    record("report", recorded)
    assert names_below(runs, run_of_present_content(recorded, runs)) == ["report"]
    assert run_of_present_content(recorded, runs).data.metrics["test.accuracy"] == Fruit().test


def test_results_after_the_step_count_when_they_were_made_from_what_lies_there_now(recorded, runs):
    """Looser limits of validation, the same findings: DVC skips all that follows, and no later step records."""
    settings = read_json(recorded.settings("validate"))
    write_json(recorded.settings("validate"), settings | {"validation": {"max_categories": 5000}})
    record("validate", recorded)
    assert run_of_present_content(recorded, runs).data.tags["workflow.steps"] == " ".join(RECORDED[:-1]) + " report"
    assert run_of_present_content(recorded, runs).data.metrics["test.accuracy"] == Fruit().test


def test_results_that_rest_on_a_step_still_to_run_are_not_in_the_summary(recorded, runs):
    """Other findings: DVC will prepare the table anew. What was learnt from the present one does not count yet."""
    Fruit(findings="a column was allowed").write(recorded)
    record("validate", recorded)
    assert run_of_present_content(recorded, runs).data.tags["workflow.steps"] == "validate"

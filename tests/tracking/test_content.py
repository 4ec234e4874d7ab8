"""What is read from the result files, without MLflow."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.files import Layout, read_json
from src.core.steps import RECORDED
from src.tracking.content import CURVE_POINTS, headline, note, step_content, thinned
from src.tracking.identity import outputs_digest, recorded_key
from src.tracking.settings import flat_settings, step_settings, workflow_settings
from tests.tracking.result_files import Fruit

# Metrics that are no scores: by the first part of their names, and single ones. A score on another measure is named by
# that.
NO_SCORES = {"data", "train", "features", "chosen"}
NOT_OF_THE_MEASURE = {
    "overfit.parameters",
    "overfit.turning_epoch",
    "search.candidates",
    "test.rows",
    "test.opening",
    "test.roc_auc",
    "training.cross_entropy",
    "validation.cross_entropy",
}


@pytest.fixture
def files(tmp_path) -> Layout:
    layout = Layout("fruit", tmp_path)
    Fruit().write(layout)
    return layout


@given(st.integers(0, 5000), st.integers(2, 200))
def test_a_thinned_curve_keeps_its_ends_its_order_and_its_limit(length, most):
    kept = thinned(length, most)
    assert len(kept) == min(length, most)
    assert kept == sorted(set(kept))
    assert not length or (kept[0], kept[-1]) == (0, length - 1)


def test_settings_get_dotted_names_and_unset_ones_are_left_out():
    settings = {"a": 1, "b": {"c": [0.0, 0.5], "d": {"e": "text"}}, "unit": "", "none": None, "columns": {"x": "date"}}
    assert flat_settings(settings) == {"a": "1", "b.c": "[0.0, 0.5]", "b.d.e": "text", "columns": '{"x": "date"}'}


def test_scores_of_different_measures_share_no_name_and_all_else_does(files):
    """What has one name is one axis where runs are compared."""

    def names():
        found = {name for step in RECORDED for name in headline(step, files).metrics}
        for content in (step_content(step, files) for step in RECORDED):
            found |= {name for each in [content, *(below for _, below in content.below)] for name, _, _ in each.points}
        return found

    of_accuracy = names()
    Fruit(measure="log_loss", direction="minimize", gate=False).write(files)
    of_loss = names()
    assert {name for name in of_accuracy & of_loss if name.split(".")[0] not in NO_SCORES} == NOT_OF_THE_MEASURE
    assert {name.replace("accuracy", "log_loss") for name in of_accuracy} == of_loss


def test_settings_are_those_that_were_used_and_unsettled_ones_are_left_out(files):
    given = read_json(files.settings("prepare"))
    assert (given["folds"], given["measure"]) == ("auto", "auto")
    settings = workflow_settings(files, RECORDED)
    assert {name: settings[name] for name in ("folds", "repeats", "measure", "protocol")} == {
        "folds": "5",
        "repeats": "1",
        "measure": "accuracy",
        "protocol": "k_fold",
    }
    assert "auto" not in settings.values()
    assert not {"folds", "measure"} & {*workflow_settings(files, ["validate"])}, "nothing has settled them yet"
    assert step_settings("prepare", files)["folds"] == "5"


def test_settings_of_kinds_of_input_that_are_not_there_are_left_out(files):
    sections = {name.split(".")[0] for name in workflow_settings(files, RECORDED)}
    assert not {"image", "text", "tokens"} & sections


def test_an_infinite_or_missing_value_is_left_out_of_a_curve(files):
    path = files.results / "overfit_curves.csv"
    header, first, second, *_ = path.read_text().splitlines()
    row = first.split(",")
    path.write_text("\n".join([header, ",".join([*row[:4], "inf", "", "nan", "0.5"]), second, ""]))
    (_, rung) = step_content("overfit", files).below[0]
    assert {(name, epoch) for name, epoch, _ in rung.points} == {
        ("validation.cross_entropy", 1),
        *((f"{part}.{of}", 2) for part in ("training", "validation") for of in ("accuracy", "cross_entropy")),
    }


def test_no_run_holds_more_than_one_batch_takes(files):
    Fruit(epochs=5000, folds=700, candidates=36).write(files)
    for step in RECORDED:
        content = step_content(step, files)
        for each in [content, *(below for _, below in content.below)]:
            assert len(each.points) <= 1000
            assert len(each.params) <= 100
            assert len(each.tags) <= 95
    assert CURVE_POINTS * 4 <= 1000


def test_the_note_speaks_of_the_given_steps_only(files):
    assert "| sealed test | network 93.8% (81.2% to 100.0%), shallow model" in note(files, RECORDED)
    assert "sealed test" not in note(files, ["validate"])


def test_whatever_steps_are_on_record_the_note_and_its_first_line_can_be_written(files):
    """A step alone, after a checkout or in a fresh clone: DVC has skipped others, which no record knows."""
    for size in range(len(RECORDED) + 1):
        for steps in combinations(RECORDED, size):
            text = note(files, steps)
            assert ("Cross-validated accuracy" in text) == ("evaluate" in steps)


def test_the_key_is_that_of_the_content_wherever_it_lies(files, tmp_path_factory):
    elsewhere = Layout("fruit", tmp_path_factory.mktemp("elsewhere"))
    Fruit().write(elsewhere)
    assert recorded_key(elsewhere) == recorded_key(files)
    assert outputs_digest("evaluate", elsewhere) == outputs_digest("evaluate", files)


@pytest.mark.parametrize("change", [{"budget": 9}, {"question": "Why?"}, {"seed": 1}])
def test_the_key_changes_with_any_setting(files, change):
    before = recorded_key(files)
    Fruit(**change).write(files)
    assert recorded_key(files) != before

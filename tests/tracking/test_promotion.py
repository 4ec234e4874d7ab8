"""Which version is the champion, and why: by cross-validation on the same folds, or by a person, never by the test."""

import logging
import shutil
import subprocess

import numpy as np
import pytest

from src.core.errors import UserError
from src.core.files import Layout, write_json
from src.results.answer import Answer
from src.tracking import promotion
from src.tracking.lookup import versions_of
from src.tracking.own_settings import settings_of_its_own
from src.tracking.promotion import Champion, CrossValidated, Decision, decide, promote
from tasks.summary import summary
from tests.tracking.conftest import evaluate, record, versions
from tests.tracking.result_files import Fruit, fruit_schema

BASE = (0.875, 0.9375, 0.90625, 0.875, 0.9375)


def shifted(gain: float, luck: float = 0.001) -> tuple[float, ...]:
    """Fold scores better than `BASE` by about `gain`, the more by luck the more `luck`."""
    return tuple(score + gain + luck * (-1) ** fold for fold, score in enumerate(BASE))


FIRST = Fruit(scores=BASE)
BETTER, LUCKY, WORSE = (Fruit(scores=scores, seed=1) for scores in (shifted(0.03), shifted(0.01, 0.03), shifted(-0.03)))


def aliases(client) -> dict[str, int]:
    return {alias: int(held) for alias, held in client.get_registered_model("fruit").aliases.items()}


def standing(client, version: int) -> str:
    return versions(client)[version].tags["promotion"]


@pytest.fixture
def held(layout: Layout, caplog: pytest.LogCaptureFixture) -> Layout:
    """Version 1 is the champion."""
    evaluate(layout, caplog, FIRST)
    return layout


def test_the_first_model_of_use_is_champion(layout, client, caplog):
    assert evaluate(layout, caplog, FIRST) == (
        "MLflow: version 1 of model 'fruit' is the champion now: the first model that beats common sense"
    )
    assert aliases(client) == {"champion": 1}


def test_a_model_that_does_not_beat_common_sense_is_registered_and_nothing_else(held, client, caplog):
    message = evaluate(held, caplog, BETTER.but(gate=False, test=1.0))
    assert message.endswith(
        "version 2 of model 'fruit' is not promoted, version 1 stays champion: stay with common sense"
    )
    assert aliases(client) == {"champion": 1}


def test_a_known_leak_makes_no_champion(layout, client, caplog):
    leak = BETTER.but(fit=False, findings="'alive' gives the target away")
    why = "not promoted: no answer, because the data are not fit to learn from"
    assert evaluate(layout, caplog, leak).endswith(why)
    assert aliases(client) == {}
    assert standing(client, 1) == why


def test_a_surely_better_cross_validated_score_on_the_same_folds_makes_a_new_champion(held, client, caplog):
    message = evaluate(held, caplog, BETTER.but(test=0.5))
    assert "version 2 of model 'fruit' is the champion now: it is better than version 1: accuracy 93" in message
    assert "means over the same 5 folds, a gain of 3" in message
    assert aliases(client) == {"champion": 2}
    assert standing(client, 1) == "until version 2 came, champion: the first model that beats common sense"


def test_any_other_makes_a_challenger_however_it_scores_on_the_sealed_test(held, client, caplog):
    message = evaluate(held, caplog, LUCKY.but(test=1.0))
    said = "it is not surely better than version 1: accuracy 9"
    assert f"version 2 of model 'fruit' is a challenger, version 1 stays champion: {said}" in message
    assert message.endswith("`make promote problem=fruit version=2` makes it the champion")
    assert aliases(client) == {"champion": 1, "challenger": 2}
    assert standing(client, 2).startswith(f"challenger: {said}")


def scored(scores: tuple[float, ...], **changes: object) -> CrossValidated:
    """Evidence with these scores, those of the first repeat first."""
    places = [(i // len(BASE), i % len(BASE), score) for i, score in enumerate(scores)]
    given = {
        "measure": "accuracy",
        "direction": "maximize",
        "scores": places,
        "held_out": 0.2,
        "units": 400,
        "folds": "f",
        "rows": "r",
        "is_of_use": True,
    }
    return CrossValidated.model_validate(given | changes)


def against(theirs: CrossValidated | None, ours: CrossValidated, **overrides: str) -> Decision:
    return decide(Answer("network"), overrides, ours, Champion(1, theirs))


def test_a_network_saved_for_its_further_targets_needs_to_beat_common_sense_itself():
    decision = decide(Answer("shallow model"), {}, scored(BASE, is_of_use=False), None)
    assert decision.alias is None
    assert "the one that was saved is not surely better than common sense" in decision.why


ERROR = {"measure": "log_loss", "direction": "minimize"}


@pytest.mark.parametrize(
    ("gain", "luck", "changes", "alias", "said"),
    [
        (0.03, 0.001, {}, "champion", "it is better than version 1: accuracy 93.6% against 90.6%"),
        (0.01, 0.03, {}, "challenger", "it is not surely better than version 1"),
        (0, 0, {}, "challenger", "it is not surely better than version 1"),
        (-0.03, 0.001, {}, "challenger", "it is worse than version 1"),
        (-0.03, 0.001, ERROR, "champion", "it is better than version 1: log loss 0.876 against 0.906"),
        (0.03, 0.001, ERROR, "challenger", "it is worse than version 1"),
    ],
)
def test_only_a_surely_better_one_is_champion_whatever_the_measure(gain, luck, changes, alias, said):
    decision = against(scored(BASE, **changes), scored(shifted(gain, luck), **changes))
    assert decision.alias == alias
    assert decision.why.startswith(said)


@pytest.mark.parametrize(("units", "alias"), [(80, "challenger"), (400, "champion")])
def test_equal_gains_in_every_fold_are_as_sure_as_their_rows(units, alias):
    """A row more right in each of two folds has no spread, which is no evidence of a sure difference."""
    ours, theirs = ((0.90625, 0.9375), (0.875, 0.90625))
    decision = against(scored(theirs, units=units, held_out=0.5), scored(ours, units=units, held_out=0.5))
    assert decision.alias == alias
    assert "95% interval 3.1 to 3.1" not in decision.why


def test_the_interval_is_that_of_the_corrected_resampled_t_test():
    """Computed by hand: of 5 folds, t(0.975, 4) = 2.776, with the variance times 1/5 + 0.2/0.8."""
    ours = shifted(0.01, 0.03)
    gains = np.subtract(ours, BASE)
    half = 2.7764451 * (gains.var(ddof=1) * (1 / 5 + 1 / 4)) ** 0.5
    low, high = gains.mean() - half, gains.mean() + half
    assert (
        f"(95% interval {100 * low:.1f} to {100 * high:.1f})".replace("-", "−")
        in against(scored(BASE), scored(ours)).why
    )


def test_the_folds_that_both_were_judged_on_are_compared():
    """The estimate of one may have needed more repeats."""
    assert against(scored(BASE), scored(shifted(0.03) + (0.0,) * 5)) == against(scored(BASE), scored(shifted(0.03)))


@pytest.mark.parametrize(
    ("theirs", "ours", "why"),
    [
        (scored(BASE), scored(BASE, measure="roc_auc"), "which was judged by accuracy, not by area under the ROC"),
        (scored(BASE), scored(BASE, rows="other"), "which learnt from other rows"),
        (scored(BASE), scored(BASE, folds="other"), "which was judged on other folds"),
        (scored((0.8,)), scored((0.9,)), "because a single hold-out leaves a difference without an interval"),
        (None, scored(BASE), "which has no cross-validated scores on record"),
    ],
    ids=["measure", "rows", "folds", "hold-out", "unknown"],
)
def test_what_cannot_be_compared_is_for_a_person_to_decide(theirs, ours, why):
    decision = against(theirs, ours)
    assert decision.alias == "challenger"
    assert decision.why.startswith(f"it cannot be compared with version 1, {why}")


def test_a_run_with_settings_of_its_own_makes_a_challenger_whatever_it_scores():
    decision = against(scored(BASE), scored(shifted(0.03)), folds="3", epochs="60")
    assert decision == Decision("challenger", "its run had settings of its own (folds 3, epochs 60)")
    assert decide(Answer("network"), {"folds": "3"}, scored(BASE), None).alias == "challenger", "also the first one"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"features": fruit_schema()["features"][1:]}, "needs columns that are gone or have another type now: weight"),
        (
            {"classes": ["no", "perhaps"], "positive": "perhaps"},
            "predicts something else than the problem now asks for",
        ),
    ],
    ids=["columns", "classes"],
)
def test_a_champion_that_cannot_answer_the_present_problem_is_replaced(held, client, caplog, schema, why):
    WORSE.write(held)
    write_json(held.train / "schema.json", fruit_schema() | schema)
    with caplog.at_level(logging.INFO, "workflow"):
        record("evaluate", held)
    assert f"is the champion now: version 1 {why}" in caplog.text
    assert aliases(client) == {"champion": 2}


def test_a_champion_that_has_lost_its_files_is_replaced(held, client, caplog):
    shutil.rmtree(held.root / "mlartifacts")
    assert "version 1 has lost its files" in evaluate(held, caplog, WORSE)
    assert aliases(client) == {"champion": 2}


def test_a_champion_set_in_mlflow_is_the_one_to_beat(held, client, caplog):
    evaluate(held, caplog, WORSE)
    client.set_registered_model_alias("fruit", "champion", "2")
    assert "it is better than version 2" in evaluate(held, caplog, BETTER)
    assert aliases(client)["champion"] == 3


def test_the_report_settles_it_again_where_the_answer_has_changed(held, client, caplog):
    """A limit of the data checks was changed: DVC runs the checks and the report again, and no training."""
    for fit, expected in ((False, {}), (True, {"champion": 1})):
        FIRST.but(fit=fit).write(held)
        caplog.clear()
        with caplog.at_level(logging.INFO, "workflow"):
            record("report", held)
        assert aliases(client) == expected
        assert "MLflow: version 1 of model 'fruit' is" in caplog.text


# Runs with settings of their own.


def test_the_record_knows_a_run_with_settings_of_its_own(held, client, caplog, monkeypatch):
    monkeypatch.setattr(promotion, "settings_of_its_own", lambda layout: {"folds": "3"})
    assert "is a challenger, version 1 stays champion: its run had settings" in evaluate(held, caplog, BETTER)
    assert aliases(client) == {"champion": 1, "challenger": 2}


def test_the_settings_of_an_experiment_are_compared_with_the_last_commit(tmp_path, monkeypatch):
    layout = Layout("wine", tmp_path)
    text = "question: Which?\ndata: {source: sklearn, name: wine}\ntarget: cultivar\ntype: multiclass\n"
    layout.problem_file.parent.mkdir()
    layout.problem_file.write_text(text)
    shutil.copy("params.yaml", layout.params_file)
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=N", "-c", "user.email=n@e", "commit", "-qm", "1"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    from tasks.define import define

    layout.problem_file.write_text(text + "folds: 3\nsearch: {budget: 4}\nengine: {workers: 1}\n")
    define(layout)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert settings_of_its_own(layout) == {}, "the owner's edit, committed or not"
    monkeypatch.setenv("DVC_EXP_NAME", "quick")
    assert settings_of_its_own(layout) == {"folds": "3", "search.budget": "4"}
    layout.problem_file.write_text(text)
    define(layout)
    assert settings_of_its_own(layout) == {}
    monkeypatch.chdir(tmp_path)
    assert settings_of_its_own(Layout("other")) == {"the problem": "not in the last commit"}


# By a person.


def test_a_person_s_choice_is_recorded_with_its_reason_and_stands(held, client, caplog):
    evaluate(held, caplog, WORSE)
    line = promote(held.root, "fruit", 2, "ann, command line", "needs no colour")
    assert line.startswith(
        "version 2 of model 'fruit' is the champion now: ann, command line promoted it: needs no colour"
    )
    assert "(before, challenger: it is worse than" in line
    assert aliases(client) == {"champion": 2}
    assert versions(client)[2].tags["promotion.by"] == "ann, command line"

    assert "is a challenger, version 2 stays champion: ann, command line chose version 2 over it" in evaluate(
        held, caplog, FIRST
    )
    assert "it is better than version 2" in evaluate(held, caplog, BETTER), "which ann has not seen"
    assert aliases(client)["champion"] == 3


@pytest.mark.parametrize(
    ("problem", "version", "told"),
    [
        ("fruit", 7, "fruit has no version 7; there are: 1"),
        ("nuts", 1, "nuts has no model on record"),
    ],
)
def test_what_does_not_exist_is_not_promoted(held, client, problem, version, told):
    with pytest.raises(UserError, match=told):
        promote(held.root, problem, version, "ann")
    assert aliases(client) == {"champion": 1}


def test_a_version_without_its_files_is_not_promoted(held, client, caplog):
    evaluate(held, caplog, WORSE)
    shutil.rmtree(promotion.folder_of(client, versions(client)[2]))
    with pytest.raises(UserError, match="fruit version 2 has lost its files"):
        promote(held.root, "fruit", 2, "ann")
    assert aliases(client)["champion"] == 1


def test_every_way_of_use_says_which_version_is_champion_and_why(layout, client, caplog):
    """The lookup behind `predict`, the summary on the terminal and the page in Prefect."""
    assert not versions_of("fruit", layout.root)
    evaluate(layout, caplog, FIRST.but(gate=False, seed=3))
    assert versions_of("fruit", layout.root).why == "none; version 1, the newest: not promoted: stay with common sense"
    evaluate(layout, caplog, FIRST)
    assert versions_of("fruit", layout.root).why == "version 2: the first model that beats common sense"
    promote(layout.root, "fruit", 1, "ann", "for a test")
    assert versions_of("fruit", layout.root).why == "version 1: ann promoted it: for a test"
    client.set_registered_model_alias("fruit", "champion", "2")
    assert versions_of("fruit", layout.root).why == "version 2: somebody gave it the alias in MLflow"
    told = summary([layout])
    assert "champion: version 2: somebody gave it the alias in MLflow" in " ".join(told.split())

"""An answer rests on the verdicts before it: where a column gives the target away, there is none, anywhere."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from flows.running.artifacts import verdicts
from src.core.files import Layout
from src.core.steps import GRAPH, RECORDED
from src.problem.steps import ValidateSettings
from src.report.evidence import read_evidence
from src.report.page import render_card, render_page
from src.results.answer import answer, answer_of
from src.results.data import Validation
from src.results.evaluate import Evaluate
from src.results.metrics import USES, Metrics
from src.results.verdicts import Verdict
from src.tracking.content import headline, note
from src.validation import check_table
from tasks.define import define
from tasks.prepare import prepare
from tasks.report import report
from tasks.summary import summary
from tasks.validate import validate
from tests.kinds.workflow import new_layout, run_every_step
from tests.report.examples import example
from tests.report.written_results import write_results

SETTINGS = {
    "data": {"source": "file", "path": "titanic.csv"},
    "target": "survived",
    "type": "binary",
    "test": {"share": 0.2},
    "protocol": "auto",
    "folds": "auto",
    "repeats": "auto",
    "seed": 0,
}
LIMITS = {"max_categories": 1000, "imbalance_share": 0.1}


def titanic(rows: int = 300) -> pd.DataFrame:
    """Passengers as in the well-known table, in which `alive` repeats `survived` in words."""
    random = np.random.default_rng(0)
    survived = random.random(rows) < 0.4
    return pd.DataFrame(
        {
            "survived": survived.astype(float),
            "fare": random.lognormal(3, 1, rows).round(2) + 8 * survived,
            "sex": pd.Series(np.where(random.random(rows) < 0.3 + 0.4 * survived, "female", "male"), dtype="str"),
            "alive": pd.Series(np.where(survived, "yes", "no"), dtype="str"),
        }
    )


def validated(leak_score: float = 0.999, **settings: object) -> Validation:
    given = SETTINGS | {"validation": LIMITS | {"leak_score": leak_score}} | settings
    return check_table(titanic(), ValidateSettings.model_validate(given), Path("nowhere.json"))


def test_a_column_that_gives_the_target_away_leaves_the_data_unfit():
    (verdict,) = validated().verdicts
    assert not verdict.holds
    assert (
        "'alive' gives the target away: name it under `drop`, or set `validation: {leak_score: 1}`" in verdict.evidence
    )


@pytest.mark.parametrize("way_out", [{"drop": ["alive"]}, {"leak_score": 1.0}], ids=str)
def test_both_ways_out_leave_the_data_fit(way_out: dict):
    found = validated(**way_out)
    assert [verdict.holds for verdict in found.verdicts] == [True]
    assert "target_given_away" in found.passed


def test_the_past_of_a_series_may_tell_its_future():
    frame = titanic().assign(moment=np.arange(300.0), price=np.arange(300.0))
    changes = {"target": "price", "type": "regression", "time": "moment", "series": {"lookback": 3}, "drop": ["alive"]}
    settings = ValidateSettings.model_validate(SETTINGS | {"validation": LIMITS} | changes)
    found = check_table(frame.assign(doubled=frame["price"] * 2), settings, Path("nowhere.json"))
    assert "target_given_away" in found.passed


@pytest.mark.parametrize("recommended", ["network", "shallow model", "common sense"])
def test_the_recommendation_is_the_answer_where_the_data_are_fit(recommended: str):
    fit = Verdict(name="data_fit_to_learn_from", holds=True, evidence="19 of 19 checks")
    others = [Verdict(name=name, holds=False, evidence="p = 0.4") for name in ("overfits", "beats_shallow_model")]
    assert answer([fit, *others], recommended).use == recommended  # type: ignore[arg-type]


@pytest.fixture
def leaky(tmp_path: Path) -> Layout:
    """The results of a network that beats everything, learnt from a table that gives its target away."""
    layout = write_results(tmp_path, example("binary"))
    found = Validation.read(layout.result("validate"))
    found.model_copy(update={"verdicts": validated().verdicts}).write(layout.result("validate"))
    evaluation = Evaluate.read(layout.result("evaluate"))
    evaluation.model_copy(update={"recommended": "network"}).write(layout.result("evaluate"))
    return layout


def test_nothing_is_recommended_anywhere_where_a_column_gives_the_target_away(leaky: Layout):
    evaluation, evidence = Evaluate.read(leaky.result("evaluate")), read_evidence(leaky)
    page, card = render_page(evidence), render_card(evidence)
    assert str(answer_of(leaky)) == "no answer, because the data are not fit to learn from"
    assert "No answer: the data are not fit to learn from." in page
    assert "answer: no answer, because the data are not fit to learn from" in " ".join(summary([leaky]).split())
    assert "**Answer**: no answer" in verdicts(leaky, ["validate", "evaluate"], evaluation)
    assert "Answer of the workflow: no answer" in card
    for text in (page, card, summary([leaky])):
        assert "se the network" not in text
    (run, *_) = note(leaky, RECORDED).splitlines()
    assert "No answer, because the data are not fit to learn from." in run
    assert headline("evaluate", leaky).tags["answer"] == str(answer_of(leaky))


def test_metrics_recommend_no_model_where_a_column_gives_the_target_away(tmp_path: Path):
    layout = new_layout("titanic", tmp_path)
    titanic(120).to_csv(layout.local / "titanic.csv", index=False)
    short = {"training": {"epochs": 20}, "search": {"budget": 1}, "folds": 2, "repeats": 1}
    data = {"question": "Who survives?", "data": {"source": "file", "path": "titanic.csv"}, "target": "survived"}
    run_every_step(layout, data | {"type": "binary"} | short)
    assert Metrics.read(layout.metrics).use == "nothing"

    inputs = [path for step in ("baseline", "overfit", "regularize", "evaluate") for path in GRAPH[step].reads]
    paths = [layout.root / path.format(problem=layout.problem) for path in dict.fromkeys(inputs)]
    files = [file for path in paths for file in sorted([path, *path.rglob("*")]) if file.is_file()]
    before = [file.read_bytes() for file in files]
    assert {layout.folds, layout.result("prepare")} <= {*files}
    given = yaml.safe_load(layout.problem_file.read_text()) | {"validation": {"leak_score": 1}}
    layout.problem_file.write_text(yaml.safe_dump(given))
    for step in (define, validate, prepare, report):
        step(layout)
    assert [file.read_bytes() for file in files] == before, "a limit of the checks trains nothing anew"
    assert Metrics.read(layout.metrics).use == USES[Evaluate.read(layout.result("evaluate")).recommended]


def test_how_often_the_sealed_test_was_opened_stands_wherever_its_score_does(leaky: Layout):
    evaluation, evidence = Evaluate.read(leaky.result("evaluate")), read_evidence(leaky)
    assert evaluation.test.opening == 3
    page = render_page(evidence)
    for text in (page, render_card(evidence), verdicts(leaky, ["evaluate"], evaluation)):
        assert "scored for the 3rd time" in text
        assert "scored once" not in text
    assert "Before this one, 2 other evaluations looked at these rows." in page
    assert "rows, 3rd time" in summary([leaky])

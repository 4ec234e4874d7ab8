import json
import re
from pathlib import Path

import pytest

from src.core.files import Layout, write_json
from src.results.evaluate import CrossValidation, Evaluate, SealedTest, ShallowSettings, TestScore
from src.results.networks import Candidate
from src.results.verdicts import Estimate, Verdict
from tasks.summary import WIDTH, summary
from tests.tracking.result_files import compared


@pytest.fixture
def evaluated(tmp_path: Path) -> Layout:
    layout = Layout("wine", tmp_path)
    candidate = Candidate(
        network={"architecture": "mlp", "units": [4], "activation": "relu", "dropout": 0.0},
        optimizer="rmsprop",
        learning_rate=0.001,
        l1=0.0,
        l2=0.0,
        batch_size=32,
        epochs=20,
    )
    Evaluate(
        measure="accuracy",
        direction="maximize",
        baseline=0.4,
        shallow=0.95,
        shallow_estimate=Estimate(value=0.95, low=0.93, high=0.97),
        cross_validation=CrossValidation(
            mean=0.9736, low=0.96, high=0.99, folds=5, repeats=3, half_samples=0, scores=[0.9736] * 15
        ),
        test=SealedTest(value=0.9722, low=0.9, high=1.0, rows=36, opening=2),
        shallow_model=ShallowSettings(name="linear", estimator="Ridge", settings={}, columns=13, rows=142),
        shallow_test=TestScore(value=0.9444, low=0.85, high=0.98, rows=36),
        chosen=candidate,
        extra={},
        recommended="network",
        verdicts=[
            compared("beats_common_sense", True, "0.97 against 0.40, " + "as often told before " * 9),
            compared("beats_shallow_model", False, "p = 0.2"),
            compared("shallow_model_still_beats_common_sense", True, "p = 0.001"),
            Verdict(name="test_agrees_with_cross_validation", holds=True, evidence="the two intervals meet"),
        ],
    ).write(layout.result("evaluate"))
    write_json(layout.settings("report"), {"question": "Which wine?", "unit": ""})
    return layout


def test_the_summary_shows_the_scores_with_their_intervals_and_the_verdicts_in_words(evaluated: Layout):
    page = summary([evaluated])
    assert re.search(
        r"wine +40\.0% +95\.0% \[93\.0, 97\.0\] +97\.4% \[96\.0, 99\.0\] +97\.2% \[90\.0, 100\.0\]\n"
        r"  accuracy +test 94\.4% +5 folds, 3 times +36 rows, 2nd time\n",
        page,
    )
    assert "wine: Which wine?" in page
    assert "yes  beats common sense: 0.97 against 0.40" in page
    assert "no   beats shallow model: p = 0.2" in page


def test_the_summary_fits_a_page_of_100_columns(evaluated: Layout):
    found = json.loads(evaluated.result("evaluate").read_text())
    wide = Layout("california_housing", evaluated.root)
    write_json(wide.result("evaluate"), found | {"measure": "mean_average_precision"})
    assert max(map(len, summary([evaluated, wide]).splitlines())) <= WIDTH


def test_a_problem_not_yet_evaluated_is_said_to_be(tmp_path: Path):
    assert re.search(r"wine +not evaluated yet", summary([Layout("wine", tmp_path)]))


def test_the_report_is_named_once_it_exists(evaluated: Layout):
    assert "report.html" not in summary([evaluated])
    (evaluated.results / "report.html").touch()
    assert str(evaluated.results / "report.html") in summary([evaluated])

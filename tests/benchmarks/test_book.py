"""The book's examples: each has a problem file, and is asked for by the measure that the book prints."""

import json

import pytest

from benchmarks.book import EXAMPLES, main
from src.core.files import Layout
from src.problem.load import load_problem
from src.results.evaluate import Evaluate
from tests.report.examples import example
from tests.report.written_results import write_results
from tests.workspaces import ROOT


def test_every_example_is_a_problem_of_the_repository_with_the_book_s_measure():
    measures = {name: load_problem(Layout(name, ROOT)).measure for name in EXAMPLES}
    assert measures == dict.fromkeys(EXAMPLES, "auto") | {"reuters": "accuracy", "pos_ewt": "accuracy"}


def test_only_examples_can_be_asked_for(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["book", "--only", "wine"])
    with pytest.raises(SystemExit):
        main()
    assert "invalid choice: 'wine'" in capsys.readouterr().err


def test_a_problem_that_fails_costs_the_others_nothing_and_the_run_its_status(monkeypatch, tmp_path, capsys):
    def run(name, folder):
        if name == "reuters":
            raise SystemExit("tasks.fetch reuters failed")
        return found, 90.0

    written = Evaluate.read(write_results(tmp_path, example("regression")).result("evaluate"))
    interval = {"low": 1.0, "high": 2.0}
    found = written.model_copy(
        update={
            "cross_validation": written.cross_validation.model_copy(update={"mean": 1.5, **interval}),
            "test": written.test.model_copy(update={"value": 1.6, **interval}),
        }
    )
    monkeypatch.setattr("benchmarks.book.run_workflow", run)
    figures = tmp_path / "figures.json"
    names = ["cifar10", "reuters", "boston_housing"]
    monkeypatch.setattr("sys.argv", ["book", "--only", *names, "--json", str(figures)])
    with pytest.raises(SystemExit, match=r"^tasks\.fetch reuters failed$"):
        main()
    assert json.loads(figures.read_text()) == [
        {"problem": "boston_housing", "book": 2.384, "ours": 1.5, "low": 1.0, "high": 2.0, "seconds": 90.0},
        {"problem": "cifar10", "book": None, "ours": 1.6, "low": 1.0, "high": 2.0, "seconds": 90.0},
    ]
    printed = capsys.readouterr().out
    assert f"| cifar10* | {found.measure} |" in printed
    assert "1 without a star: 2 minutes\n1 with a star, for a GPU: 2 minutes" in printed

"""The book's examples: each has a problem file, and is asked for by the measure that the book prints."""

import pytest

from benchmarks.book import EXAMPLES, main
from src.files import Layout
from src.problem import load_problem
from tests.workspaces import ROOT


def test_every_example_is_a_problem_of_the_repository_with_the_book_s_measure():
    measures = {name: load_problem(Layout(name, ROOT)).measure for name in EXAMPLES}
    assert measures == dict.fromkeys(EXAMPLES, "auto") | {"reuters": "accuracy", "pos_ewt": "accuracy"}


def test_only_examples_can_be_asked_for(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["book", "--only", "wine"])
    with pytest.raises(SystemExit):
        main()
    assert "invalid choice: 'wine'" in capsys.readouterr().err

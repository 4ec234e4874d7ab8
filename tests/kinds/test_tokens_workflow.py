"""Sentences from a CoNLL-U file to the report, with a small budget."""

from pathlib import Path

import pandas as pd
import pytest

from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.saved.saved_model import load_model
from src.tables.table import read_schema
from src.tracking.serving import input_example, signature_of
from tests.kinds.sentences import tagged
from tests.kinds.workflow import folder_of, new_layout, of_sealed_rows, run_every_step


def conllu(frame: pd.DataFrame) -> str:
    """The rows as the format has them."""
    sentences = []
    for name, words in frame.groupby("sentence", sort=False):
        lines = [
            f"{i}\t{row.word}\t_\t{row.tag}\t_\t_\t_\t_\t_\t_" for i, row in enumerate(words.itertuples(), start=1)
        ]
        sentences.append("\n".join([f"# sent_id = {name}", *lines]) + "\n")
    return "\n".join(sentences)


@pytest.mark.slow
def test_sentences_go_from_a_conllu_file_to_the_report(tmp_path: Path):
    layout = new_layout("tagger", tmp_path)
    frame = tagged(120)
    (layout.local / "tagged.conllu").write_text(conllu(frame))
    problem = {
        "question": "Which part of speech is each word?",
        "data": {"source": "file", "path": "tagged.conllu"},
        "target": "upos",
        "type": "multiclass",
        "measure": "accuracy",
        "columns": {"form": "token"},
        "groups": "sentence",
        "drop": ["id", "lemma", "xpos", "feats", "head", "deprel", "deps", "misc"],
        "protocol": "hold_out",
        "training": {"epochs": 6, "learning_rate": 0.02, "batch_size": 64},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 2},
    }
    run_every_step(layout, problem)

    prepared = Prepared.read(layout.result("prepare"))
    assert [(feature.name, feature.type) for feature in prepared.features] == [
        ("form", "token"),
        ("sentence", "token"),
    ]
    assert Baseline.read(layout.result("baseline")).common_sense.name == "most_frequent_of_word"
    found = Evaluate.read(layout.result("evaluate"))
    assert found.test.value > 0.95 > found.baseline
    test = of_sealed_rows(layout)
    assert test["shown"].str.match(r".*\[\w+\].*").all()
    rows = frame.iloc[test["row"]].rename(columns={"word": "form"})[["form", "sentence"]]
    again = load_model(folder_of(layout, "network")).predict(rows)
    assert again["predicted"].tolist() == test["predicted"].tolist()
    report = (layout.results / "report.html").read_text()
    assert "most certain mistakes" in report
    assert "What is taken for what, out of fold" in report
    schema = read_schema(layout.train)
    assert [column.name for column in signature_of(schema).inputs] == ["form", "sentence"]
    assert list(input_example(layout, schema)) == ["form", "sentence"]

"""Texts from their archive to the report, with a small budget."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.saved.saved_model import load_model
from tests.kinds.texts import reviews
from tests.kinds.workflow import folder_of, new_layout, of_sealed_rows, run_every_step


@pytest.mark.slow
def test_texts_go_from_an_archive_to_the_report(tmp_path: Path):
    layout = new_layout("films", tmp_path)
    frame = reviews(150)
    with zipfile.ZipFile(layout.local / "films.zip", "w") as archive:
        for i, row in enumerate(frame.itertuples()):
            archive.writestr(f"films/{'test' if i % 4 == 0 else 'train'}/{row.opinion}/{i:03d}.txt", row.review)
    members = "films/(?P<part>test|train)/(?P<opinion>good|bad)/.*"
    problem = {
        "question": "Is the film praised?",
        "data": {"source": "file", "path": "films.zip", "members": members},
        "target": "opinion",
        "type": "binary",
        "positive": "good",
        "test": {"column": "part", "value": "test"},
        "protocol": "hold_out",
        "training": {"epochs": 6, "learning_rate": 0.01},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 2},
    }
    run_every_step(layout, problem)

    prepared = Prepared.read(layout.result("prepare"))
    assert [(feature.name, feature.type) for feature in prepared.features] == [("text", "text")]
    assert prepared.choices[0].chosen == "TF-IDF of words, up to 2 in a row"
    found = Evaluate.read(layout.result("evaluate"))
    assert found.test.value > 0.8
    test = of_sealed_rows(layout)
    assert set(test["shown"]) <= set(frame["review"])
    again = load_model(folder_of(layout, "network")).predict(
        pd.DataFrame({"text": pd.Series(test["shown"], dtype="str")})
    )
    assert again["predicted"].tolist() == test["predicted"].tolist()
    assert "most certain mistakes" in (layout.results / "report.html").read_text()

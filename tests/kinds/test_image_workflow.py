"""Pictures from their archive to the report, with a small budget."""

import base64
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.saved.saved_model import load_model
from tests.kinds.pictures import bars, file_of
from tests.kinds.workflow import folder_of, new_layout, of_sealed_rows, run_every_step


@pytest.mark.slow
def test_pictures_go_from_an_archive_to_the_report(tmp_path: Path):
    layout = new_layout("bars", tmp_path)
    with zipfile.ZipFile(layout.local / "bars.zip", "w") as archive:
        for i, (pixels_HWC, label) in enumerate(zip(*bars(200, channels=3), strict=True)):
            if i % 12 == 5:  # so that there are mistakes to be shown
                label = {"lies": "stands", "stands": "lies"}[label]
            archive.writestr(f"bars/{'test' if i % 4 == 0 else 'train'}/{label}/{i:03d}.png", file_of(pixels_HWC))
    problem = {
        "question": "Does the bar stand?",
        "data": {
            "source": "file",
            "path": "bars.zip",
            "members": "bars/(?P<part>test|train)/(?P<bar>lies|stands)/.*[.]png",
            "content": "image",
        },
        "target": "bar",
        "type": "binary",
        "positive": "stands",
        "test": {"column": "part", "value": "test"},
        "protocol": "hold_out",
        "training": {"epochs": 8, "learning_rate": 0.01},
        "overfit": {"max_rungs": 3},
        "search": {"budget": 3},
    }
    run_every_step(layout, problem)

    prepared = Prepared.read(layout.result("prepare"))
    assert [(feature.name, feature.type) for feature in prepared.features] == [("image", "image")]
    assert prepared.choices[0].chosen == "8 x 8, in colours"
    found = Evaluate.read(layout.result("evaluate"))
    assert found.test.value > 0.7
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    test = of_sealed_rows(layout)
    files = [base64.b64decode(text.partition(",")[2]) for text in test["shown"]]
    again = load_model(folder_of(layout, "network")).predict(pd.DataFrame({"image": pd.Series(files, dtype=object)}))
    assert again["predicted"].tolist() == test["predicted"].tolist()
    page = (layout.results / "report.html").read_text()
    shown = predictions[(predictions["split"] != "test") & (predictions["model"] == found.saved)]
    wrong = shown[shown["actual"] != shown["predicted"]]
    assert page.count('<img src="data:image/png;base64,') == min(len(wrong), 10) > 0

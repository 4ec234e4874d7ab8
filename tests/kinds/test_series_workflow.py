"""A series from its file to the report, with a small budget."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.inference import load_model
from src.results import Baseline, Evaluate, Overfit, Prepared
from src.tables import read_schema
from src.tracking.serving import input_example, signature_of
from tasks.regularize import regularize
from tests.kinds.series import waves
from tests.kinds.workflow import new_layout, run_every_step


@pytest.mark.slow
def test_a_series_goes_from_its_file_to_the_report(tmp_path: Path):
    layout = new_layout("waves", tmp_path)
    frame = waves(400, drift=0.1)
    frame.to_csv(layout.local / "waves.csv", index=False)
    problem = {
        "question": "How high will the level be in two hours?",
        "data": {"source": "file", "path": "waves.csv"},
        "target": "level",
        "type": "regression",
        "time": "hour",
        "series": {"lookback": 8, "delay": 2, "season": 6, "network": "gru"},
        "folds": 3,
        "training": {"epochs": 40, "learning_rate": 0.01},
        "overfit": {"max_rungs": 3},
        "search": {"budget": 4},
    }
    run_every_step(layout, problem)

    prepared = Prepared.read(layout.result("prepare"))
    assert {feature.kind for feature in prepared.features} == {"series"}
    assert Baseline.read(layout.result("baseline")).common_sense.name == "seasonal_naive"
    found = Evaluate.read(layout.result("evaluate"))
    assert found.test.value < 0.7 * found.baseline
    assert found.test.rows == 80 - 8 - 2 + 1
    report = (layout.results / "report.html").read_text()
    assert "level as it was forecast and as it came: 71 moments of the sealed test" in report
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    test = predictions[predictions["split"] == "test"]
    assert test["shown"].iloc[-1] == "2020-01-17 15:00"
    told = load_model(layout.model).predict(frame.iloc[320:])["predicted__level"].to_numpy()
    assert np.isnan(told[:7]).all()
    np.testing.assert_allclose(told[7:-2], test["predicted__level"], rtol=1e-6)
    schema = read_schema(layout.train)
    assert [column.name for column in signature_of(schema).inputs] == ["level", "hour", "wind", "side"]
    assert list(input_example(layout, schema)) == ["level", "hour", "wind", "side"]

    overfit = Overfit.read(layout.result("overfit"))
    overfit.model_copy(update={"chosen": len(overfit.rungs) - 1}).write(layout.result("overfit"))
    regularize(layout)
    tried = pd.read_csv(layout.results / "candidates.csv").groupby("network")["recurrent_dropout"].agg(set)
    assert {network.split()[0] for network in tried.index} == {"dense", "gru"}
    assert {0.0} in tried[tried.index.str.startswith("dense")].tolist()

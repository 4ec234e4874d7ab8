"""A series from its file to the report, with a small budget."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.results.networks import Overfit
from src.saved.saved_model import load_model
from src.scoring import table as scored_table
from src.tables.table import read_schema
from src.tracking.serving import input_example, signature_of
from tasks.regularize import regularize
from tests.kinds.series import waves
from tests.kinds.workflow import folder_of, new_layout, of_sealed_rows, run_every_step


@pytest.mark.slow
def test_a_series_goes_from_its_file_to_the_report(tmp_path: Path, monkeypatch):
    layout = new_layout("waves", tmp_path)
    frame = waves(400, drift=0.1)
    frame["north"] = (frame["wind"].shift(2) > 0).astype(int)
    frame.to_csv(layout.local / "waves.csv", index=False)
    problem = {
        "question": "How high will the level be in two hours?",
        "data": {"source": "file", "path": "waves.csv"},
        "target": "level",
        "type": "regression",
        "time": "hour",
        "heads": {"north": {"type": "binary"}},
        "series": {"lookback": 8, "delay": 2, "season": 6, "network": "gru"},
        "folds": 3,
        "training": {"epochs": 40, "learning_rate": 0.01},
        "overfit": {"max_rungs": 3},
        "search": {"budget": 4},
    }
    run_every_step(layout, problem)

    prepared = Prepared.read(layout.result("prepare"))
    assert {feature.type for feature in prepared.features} == {"series"}
    assert Baseline.read(layout.result("baseline")).common_sense.name == "seasonal_naive"
    found = Evaluate.read(layout.result("evaluate"))
    assert found.test.value < 0.7 * found.baseline
    assert found.test.rows == 80 - 8 - 2 + 1
    [north] = found.heads
    assert (north.type, north.test.rows) == ("binary", found.test.rows)
    assert north.test.value > 0.9
    assert north.cross_validation.value > north.common_sense + 0.2
    report = (layout.results / "report.html").read_text()
    assert "level as it was forecast and as it came: 71 moments of the sealed test" in report
    test = of_sealed_rows(layout)
    assert test["shown"].iloc[-1] == "2020-01-17 15:00"
    model = load_model(folder_of(layout, "network"))
    monkeypatch.setattr(scored_table, "find_model", lambda *_: SimpleNamespace(load=lambda: model, version=1))
    for ending, write in {"csv": frame.iloc[320:].to_csv, "parquet": frame.iloc[320:].to_parquet}.items():
        write(tmp_path / f"new.{ending}", index=False)
        output = tmp_path / f"{ending}.csv"
        scored_table.score_table(scored_table.Order("waves", tmp_path / f"new.{ending}", output), tmp_path)
        told = pd.read_csv(output)
        assert told["predicted__level"].isna().tolist() == [True] * 7 + [False] * 73
        np.testing.assert_allclose(told["predicted__level"][7:-2], test["predicted__level"], rtol=1e-6)
        assert told["predicted__north"][7:-2].astype(int).astype(str).tolist() == test["predicted__north"].tolist()
    schema = read_schema(layout.train)
    assert [column.name for column in signature_of(schema).inputs] == ["level", "north", "hour", "wind", "side"]
    assert list(input_example(layout, schema)) == ["level", "north", "hour", "wind", "side"]

    overfit = Overfit.read(layout.result("overfit"))
    overfit.model_copy(update={"chosen": len(overfit.rungs) - 1}).write(layout.result("overfit"))
    regularize(layout)
    tried = pd.read_csv(layout.results / "candidates.csv").groupby("network")["recurrent_dropout"].agg(set)
    assert {network.split()[0] for network in tried.index} == {"dense", "gru"}
    assert {0.0} in tried[tried.index.str.startswith("dense")].tolist()

"""A problem type of its own file, without a target, goes through all steps: the log-density of each row."""

import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import Tensor

from src.core.errors import UserError
from src.core.files import Layout
from src.judging.baselines import shallow
from src.models.head import Head, Inputs
from src.models.heads import HEADS
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.models.types.problem_type import ProblemType, TargetFacts
from src.models.types.registry import TYPES
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.report.outcomes import FIGURES
from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.saved.saved_model import load_model
from src.scoring.registered import Registered
from src.scoring.requests import JSON, Request
from src.scoring.service import Service
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from src.tracking.promotion import cross_validated
from tasks.summary import summary
from tests.kinds.workflow import finished, new_layout

ROWS = 240
GAUSSIAN = 0.5 * math.log(2 * math.pi)


class GaussianHead(Head):
    """Each column given those before it: normal, with variance 1 around what the network says. The score is a row's."""

    def forward(self, x: Inputs) -> Tensor:
        assert isinstance(x, Tensor)
        means = [self.network(x * (torch.arange(x.shape[1]) < d)) for d in range(x.shape[1])]
        return -(0.5 * (x - torch.cat(means, 1)).square() + GAUSSIAN).sum(1, keepdim=True)

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return -logits_BK[:, 0]

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return logits_BK


@dataclass(frozen=True, kw_only=True)
class GaussianScore(ProblemType):
    """Without a target: how likely a row is, by the density of its inputs, standardized by the training rows."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 1

    def columns(self, p_NK: np.ndarray, classes: Sequence[str], targets: Sequence[str]) -> dict[str, np.ndarray]:
        return {"log_density": p_NK[:, 0]}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return ["log_density"]

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        return None


def gaussian(shape: str) -> Callable[[int, int, int], Any]:
    def estimator(seed: int, rows: int, code: int) -> Any:
        from sklearn.mixture import GaussianMixture

        return GaussianMixture(covariance_type=shape, random_state=seed)

    return estimator


GAUSSIAN_SCORE = GaussianScore(
    name="gaussian_score",
    words="how likely a row is",
    verb="say",
    returns="the logarithm of each row's density",
    targets="none",
    measures=("log_density",),
    reason="it is what the network learns by",
    loss="surprise",
    of_rows={"independent_columns": gaussian("diag")},
    shallow={"gaussian": gaussian("full")},
    trusted=frozenset({"sklearn.mixture._gaussian_mixture.GaussianMixture"}),
    figures="log_density",
)
LOG_DENSITY = Measure(
    name="log_density",
    title="log-density",
    direction="maximize",
    values=lambda s_MNS, w_N: (s_MNS[..., 0] * w_N).sum(axis=1) / w_N.sum(),
    of_predictions=None,
    lowest=-math.inf,
    highest=math.inf,
    meaning="the mean logarithm of the rows' density",
)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """The whole type is what this file puts into the tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TYPES, "gaussian_score", GAUSSIAN_SCORE)
        patch.setitem(HEADS, "gaussian_score", GaussianHead)
        patch.setitem(TABLE, "log_density", LOG_DENSITY)
        patch.setitem(FIGURES, "log_density", lambda evidence: [])
        yield


def defined(root: Path, wards: Sequence[str], **changes: Any) -> Layout:
    layout = new_layout("stars", root)
    rng = np.random.default_rng(0)
    heat = rng.uniform(-2, 2, ROWS)
    light = heat**2 + 0.1 * rng.normal(size=ROWS)
    frame = pd.DataFrame({"heat": heat, "light": light, "ward": wards})
    frame.to_csv(layout.local / "stars.csv", index=False)
    problem = {
        "question": "How unlike the others is a star?",
        "data": {"source": "file", "path": "stars.csv"},
        "type": "gaussian_score",
        "reference": "ward",
        "folds": 3,
        "protocol": "k_fold",
        "training": {"epochs": 20, "batch_size": 32, "learning_rate": 0.02},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 2},
        "committee": 2,
        "engine": {"workers": 1, "accelerator": "cpu"},
    }
    layout.problem_file.write_text(yaml.safe_dump(problem | changes))
    return layout


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory, registered: None) -> tuple[Layout, Layout]:
    """The workflow on the same rows with other values of the reference column."""
    one, other = (tmp_path_factory.mktemp(name) for name in ("one", "other"))
    halves, thirds = ["north", "south"] * (ROWS // 2), ["east"] * (ROWS // 3 * 2) + [""] * (ROWS // 3)
    return finished(defined(one, halves)), finished(defined(other, thirds))


@pytest.mark.slow
def test_a_type_without_a_target_goes_through_all_steps_and_is_compared(layouts):
    layout = layouts[0]
    prepared = Prepared.read(layout.result("prepare"))
    assert (prepared.targets, prepared.classes, prepared.measure) == ([], {}, "log_density")
    assert [feature.name for feature in prepared.features] == ["heat", "light"]
    found = Evaluate.read(layout.result("evaluate"))
    verdicts = {verdict.name: verdict for verdict in found.verdicts}
    gate = verdicts["beats_common_sense"]
    assert gate.holds, "the network knows what the independent columns do not"
    assert gate.comparison.p_value < 0.05
    assert gate.comparison.at_random is None
    assert found.cross_validation.low < found.cross_validation.mean < found.cross_validation.high
    assert found.test.low < found.test.value < found.test.high
    assert verdicts["beats_shallow_model"].holds, "a parabola is no ellipse"
    assert Baseline.read(layout.result("baseline")).common_sense.name == "independent_columns"
    page = (layout.results / "report.html").read_text()
    assert "A network and a shallow model learnt to say how likely a row is from 2 columns" in page
    assert "out of fold, by ward" in page
    assert "log-density" in summary([layout])
    assert "each of 192 training rows scored by a network" in page
    card = (layout.results / "model_card.md").read_text()
    for text in (page, card):
        assert "gnores the inputs" not in text
        assert "known answers" not in text


@pytest.mark.slow
def test_the_networks_average_is_no_better_than_one_of_them_where_scores_are_averaged(layouts):
    found = Evaluate.read(layouts[0].result("evaluate"))
    [helps] = [verdict for verdict in found.verdicts if verdict.name == "committee_helps"]
    assert helps.comparison.outcome == "not sure"


@pytest.mark.slow
def test_the_model_server_scores_rows(layouts):
    layout = layouts[0]
    service = Service(load_problem(layout), Registered("stars", 1, True, layout.model), layout.expectations)
    rows = [{"heat": 1.0, "light": 1.0}, {"heat": 1.0, "light": -3.0}]
    [answer] = service.answers([Request(json.dumps(rows).encode(), JSON)])
    usual, odd = (of["log_density"] for of in json.loads(answer.body)["predictions"])
    assert usual > odd


@pytest.mark.slow
def test_versions_are_compared_on_the_same_inputs_only(layouts, tmp_path):
    """Without targets a score rests on the inputs alone; what only the report shows is none."""
    one, other = layouts
    rows = cross_validated(one).rows
    assert cross_validated(other).rows == rows
    shutil.copytree(one.root, tmp_path / "copy")
    copy = Layout("stars", tmp_path / "copy")
    table = pd.read_parquet(copy.train / "table.parquet")
    table.assign(heat=table["heat"] + 1).to_parquet(copy.train / "table.parquet", index=False)
    assert cross_validated(copy).rows != rows


@pytest.mark.slow
def test_the_scores_of_rows_are_those_of_the_saved_models(layouts):
    layout = layouts[0]
    schema, found = read_schema(layout.train), Evaluate.read(layout.result("evaluate"))
    test = read_table(layout.test, schema)
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    assert found.saved == "network"
    for folder, model in ((layout.model, "network"), (layout.alternative, "shallow")):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder).predict(test.frame)
        assert list(scored) == ["log_density"]
        np.testing.assert_allclose(told["log_density"], scored["log_density"], rtol=1e-5)
        assert told["reference__ward"].tolist() == test.frame["ward"].tolist()
    tested = predictions[predictions["split"] == "test"].groupby("model")["log_density"].mean()
    assert (found.test.value, found.shallow_test.value) == pytest.approx((tested["network"], tested["shallow"]))


@pytest.mark.slow
def test_a_reference_column_changes_no_byte_but_where_it_is_shown(layouts):
    one, other = layouts
    table, changed = (read_table(of.train, read_schema(of.train)) for of in layouts)
    assert table.frame["ward"].tolist() != changed.frame["ward"].tolist()
    shown = {"local_files.json", "predictions.parquet", "report.html", "validation.html", "validation.json"}
    files = {path.relative_to(one.results) for path in one.results.rglob("*") if path.is_file()}
    differ = {
        path.as_posix()
        for path in files
        if path.name not in shown and (one.results / path).read_bytes() != (other.results / path).read_bytes()
    }
    assert not differ
    assert one.folds.read_bytes() == other.folds.read_bytes()
    first, second = (pd.read_parquet(of.results / "predictions.parquet") for of in layouts)
    pd.testing.assert_frame_equal(first.drop(columns="reference__ward"), second.drop(columns="reference__ward"))


@pytest.mark.slow
def test_changing_a_held_out_row_without_a_target_changes_nothing_that_was_fitted(layouts):
    layout = layouts[0]
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    victim, others = split.validation[0], slice(1, None)
    frame = table.frame.copy()
    frame.loc[frame.index[victim], ["heat", "light"]] = [1e5, -1e5]
    changed = type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N)
    folds = [fit_fold(of, split.training, split.validation) for of in (table, changed)]
    assert folds[0].vectorizer == folds[1].vectorizer
    assert folds[0].y_AT.shape == (len(split.training), 0)
    one, other = (shallow("gaussian", of, split, 0) for of in (table, changed))
    assert one[others].tobytes() == other[others].tobytes()
    assert one[0] != other[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "light"}, "target: type gaussian_score has no target"),
        ({"heads": {"light": {"type": "regression"}}}, "heads: type gaussian_score has no target"),
        ({"type": "regression"}, "target: this key is missing: type regression needs a target column"),
        ({"measure": "mae"}, "measure: mae does not suit type gaussian_score"),
        ({"reference": ["ward", "ward"]}, "reference"),
    ],
)
def test_a_target_is_asked_for_by_the_type_alone(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        load_problem(defined(tmp_path, ["a"] * ROWS, **changes))

"""The step baseline: common sense and shallow models on the very folds of everything later."""

from pathlib import Path

import numpy as np
import pytest

from src.core.files import Layout, write_json
from src.judging.baselines import common_sense, shallow
from src.kinds.tabular.shallow import SHALLOW
from src.models.measures import TABLE
from src.models.types.registry import TYPES
from src.results.baseline import Baseline
from src.results.data import Prepared, Protocol
from src.tables.protocols import Folds, write_folds
from src.tables.table import Table
from tasks.baseline import baseline
from tests.training.examples import folds_of, table_of

MEASURES = {
    "binary": "roc_auc",
    "multiclass": "log_loss",
    "multilabel": "mean_average_precision",
    "regression": "mae",
    "unit_interval_regression": "r2",
}
ROWS = 60


def workspace(root: Path, kind: str, time: str | None = None) -> tuple[Layout, Table, dict[str, Folds]]:
    """What prepare would have left for a small problem."""
    layout, table = Layout("small", root), table_of(kind, ROWS)
    schema = table.schema.model_copy(update={"time": time})
    frame = table.frame.assign(__row__=np.arange(ROWS), day=np.arange(ROWS, dtype=float))
    layout.train.mkdir(parents=True)
    frame.to_parquet(layout.train / "table.parquet")
    write_json(layout.train / "schema.json", schema.model_dump(mode="json"))
    write_json(layout.settings("baseline"), {"seed": 0})
    folds = {"development": folds_of(ROWS, 3, seed=1), "evaluation": folds_of(ROWS, 4, seed=2)}
    write_folds(layout.folds, **folds)
    prepared = Prepared(
        type=kind,
        rows=ROWS,
        features=[],
        targets=schema.targets,
        classes={},
        positive=schema.positive,
        measure=MEASURES[kind],
        direction=TABLE[MEASURES[kind]].direction,
        protocol=Protocol(method="k_fold", folds=3, repeats=1, order="shuffled"),
        fold_hashes={},
        choices=[],
    )
    prepared.write(layout.result("prepare"))
    return layout, Table(schema, frame, table.y_NT, table.w_N, table.rows_N), folds


@pytest.mark.parametrize("kind", list(MEASURES))
def test_every_reference_is_scored_on_both_sets_of_folds_and_the_best_of_each_sort_is_named(tmp_path, kind):
    layout, table, folds = workspace(tmp_path, kind)
    result = baseline(layout)
    assert Baseline.read(layout.result("baseline")) == result
    assert {of.name for of in result.common_sense_all} == set(common_sense(table.schema))
    assert {of.name for of in result.shallow_all} == set(SHALLOW[TYPES[kind].family])
    measure = TABLE[MEASURES[kind]]
    assert (result.measure, result.direction) == (measure.name, measure.direction)
    for sort in ("common_sense", "shallow"):
        best, every = getattr(result, sort), getattr(result, f"{sort}_all")
        assert best in every
        assert not any(measure.better(of.development.mean, best.development.mean) for of in every)
        for of in every:
            assert (len(of.development.scores), len(of.evaluation.scores)) == (3, 4)
            assert of.development.mean == pytest.approx(np.mean(of.development.scores))
            if measure.ranks_rows:
                assert of.evaluation.mean == pytest.approx(np.mean(of.evaluation.scores))
    linear = next(of for of in result.shallow_all if of.name == "linear")
    for split, score in zip(folds["evaluation"], linear.evaluation.scores, strict=True):
        held_out = split.validation
        p_VK = shallow("linear", table, split, 0)
        assert score == pytest.approx(measure.value(table.y_NT[held_out], p_VK, table.w_N[held_out]))


def test_the_verdict_says_whether_the_shallow_model_beats_common_sense(tmp_path):
    layout, _, _ = workspace(tmp_path, "binary")
    [verdict] = baseline(layout).verdicts
    assert verdict.holds
    assert verdict.name == "shallow_model_beats_common_sense"
    assert "area under the ROC curve on the development folds" in verdict.evidence


def test_with_time_persistence_is_among_the_references(tmp_path):
    layout, _, _ = workspace(tmp_path, "regression", time="day")
    assert {of.name for of in baseline(layout).common_sense_all} == {"median", "mean", "last_value"}


def test_the_result_has_the_same_bytes_when_made_again(tmp_path):
    layout, _, _ = workspace(tmp_path, "multiclass")
    baseline(layout)
    before = layout.result("baseline").read_bytes()
    baseline(layout)
    assert layout.result("baseline").read_bytes() == before

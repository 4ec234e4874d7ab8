"""Further targets: heads of their own on the network of the main target."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from src.core.errors import UserError
from src.models.heads import HEADS, make_head
from src.models.measures import TABLE
from src.models.several import SeveralHeads
from src.preparation.fold import fit_fold
from src.preparation.prepare import prepare_table
from src.problem.steps import PrepareSettings
from src.problem.training import Engine
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.saved.inference import prediction_columns
from src.saved.saved_model import load_model
from src.scoring import table as scored_table
from src.tables.protocols import Split
from src.tables.table import FurtherHead, HeadSpec, Table
from src.tracking.serving import signature_of
from src.training.fit import fit
from src.training.members import Member, Trained
from tests.kinds.workflow import new_layout, of_sealed_rows, run_every_step
from tests.training.examples import candidate, folds_of
from tests.training.examples import table_of as plain_table_of

SPECS = [HeadSpec("multiclass", 1, 3, 1.0), HeadSpec("regression", 1, 1, 0.5), HeadSpec("binary", 1, 1, 2.0)]
HEAD = {"classes": [], "positive": None}


def people(rows: int, seed: int = 0) -> pd.DataFrame:
    """Posts of people in two columns that tell their income, age and gender; some do not tell the latter two."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, rows))
    age, gender = 40 + 10 * x + 2 * rng.normal(size=rows), np.where(z > 0, "female", "male").astype(object)
    age[rng.random(rows) < 0.2] = np.nan
    gender[rng.random(rows) < 0.2] = None
    income = np.array(["low", "middle", "high"])[np.digitize(x + z, [-0.6, 0.6])]
    return pd.DataFrame({"x": x, "z": z, "age": age, "gender": pd.array(gender, dtype="str"), "income": income})


def table_of(rows: int = 47, weight: float = 1.0) -> Table:
    """A main target of two classes, and a number and three classes beside it, with gaps in both."""
    table = plain_table_of("binary", rows)
    rng = np.random.default_rng(1)
    score = 300 + 50 * table.frame["z"] + rng.normal(size=rows)
    sort = np.array(["a", "b", "c"])[np.digitize(table.frame["z"], [4, 6])].astype(object)
    score[rng.random(rows) < 0.2], sort[rng.random(rows) < 0.2] = np.nan, None
    heads = [
        FurtherHead(name="score", type="regression", weight=weight, measure="mae", classes=[], positive=None),
        FurtherHead(
            name="sort", type="multiclass", weight=1.0, measure="accuracy", classes=["a", "b", "c"], positive=None
        ),
    ]
    frame = table.frame.assign(score=score, sort=pd.array(sort, dtype="str"))
    return Table(table.schema.model_copy(update={"heads": heads}), frame, table.y_NT, table.w_N, table.rows_N)


def trained(table: Table, epochs: int = 20, splits: list[Split] | None = None) -> list[Trained]:
    members = [Member.of_split(candidate(epochs=epochs), split, 0) for split in splits or folds_of(len(table))]
    return fit(members, table, TABLE["accuracy"], Engine(workers=1), "heads")


def test_the_losses_of_all_heads_are_added_with_their_weights_and_a_gap_counts_nothing():
    torch.manual_seed(0)
    logits_BK, known_B = torch.randn(4, 5, requires_grad=True), torch.tensor([1.0, 1, 0, 1])
    y_BT = torch.tensor([[0, 1.5, 1], [2, -0.5, 0], [1, np.nan, np.nan], [1, 0.25, 1]])
    head = make_head(SPECS, nn.Identity())
    assert isinstance(head, SeveralHeads)
    losses_B = head.row_losses(logits_BK, y_BT)
    main_B = HEADS["multiclass"](nn.Identity()).row_losses(logits_BK[:, :3], y_BT[:, :1])
    number_B = (logits_BK[:, 3] - y_BT[:, 1].nan_to_num()).square()
    yes_B = nn.functional.binary_cross_entropy_with_logits(logits_BK[:, 4], y_BT[:, 2].nan_to_num(), reduction="none")
    torch.testing.assert_close(losses_B, main_B + known_B * (0.5 * number_B + 2 * yes_B))
    torch.testing.assert_close(head.main_losses(logits_BK, y_BT), main_B)
    losses_B.sum().backward()
    assert logits_BK.grad.isfinite().all()
    assert (logits_BK.grad[2, 3:] == 0).all()
    p_BK = head.predictions(logits_BK)
    torch.testing.assert_close(p_BK[:, :3].sum(1), torch.ones(4))
    torch.testing.assert_close(p_BK[:, 4], torch.sigmoid(logits_BK[:, 4]))
    assert torch.equal(p_BK[:, 3], logits_BK[:, 3])
    assert type(make_head(SPECS[:1], nn.Identity())) is HEADS["multiclass"]


def test_every_head_learns_its_target_in_its_own_unit():
    table = table_of(200)
    [first, *_] = trained(table, epochs=60)
    rows = first.member.validation
    assert first.predictions.shape == (len(rows), 1)
    assert first.further.shape == (len(rows), 4)
    y_VH = table.heads_NH[rows]
    known_V = np.isfinite(y_VH[:, 0])
    away = np.abs(first.further[known_V, 0] - y_VH[known_V, 0]).mean()
    assert away < 0.4 * np.abs(y_VH[known_V, 0] - np.nanmedian(table.heads_NH[:, 0])).mean()
    known_V = np.isfinite(y_VH[:, 1])
    assert (first.further[known_V, 1:].argmax(1) == y_VH[known_V, 1]).mean() > 0.8
    np.testing.assert_allclose(first.further[:, 1:].sum(1), 1, rtol=1e-5)


def test_the_weight_of_a_head_s_loss_matters_and_a_gap_is_as_if_the_head_had_not_that_row():
    splits = list(folds_of(47))[:1]
    [light], [heavy] = (trained(table_of(weight=weight), 5, splits) for weight in (0.1, 10.0))
    assert not np.array_equal(light.predictions, heavy.predictions)
    table = table_of()
    gap = splits[0].training[np.isnan(table.heads_NH[splits[0].training, 0])][0]
    fold = fit_fold(table, splits[0].training, splits[0].validation)
    scaler = fold.further_scalers[0]
    known_A = table.heads_NH[splits[0].training, 0]
    assert scaler is not None
    assert scaler.mean == [pytest.approx(np.nanmean(known_A))]
    assert np.isnan(fold.further_AH[np.flatnonzero(splits[0].training == gap)[0], 0])
    assert fold.further_scalers[1] is None


def test_changing_the_further_targets_of_a_held_out_row_changes_no_weight():
    table, changed = table_of(), table_of()
    splits = list(folds_of(47))
    victim = int(splits[0].validation[1])
    changed.frame.loc[victim, "score"], changed.frame.loc[victim, "sort"] = 1e4, "c"
    before, after = (trained(of, 5, splits) for of in (table, changed))
    for name, weights in before[0].weights.items():
        assert weights.tobytes() == after[0].weights[name].tobytes()
    assert before[0].further_scalers == after[0].further_scalers
    assert before[0].further.tobytes() == after[0].further.tobytes()
    assert any(before[1].weights[name].tobytes() != after[1].weights[name].tobytes() for name in before[1].weights)


def test_predictions_have_columns_for_every_target():
    table = table_of()
    columns = prediction_columns(np.array([[0.7, 312.5, 0.1, 0.2, 0.7]]), table.schema)
    assert columns.to_dict("records") == [
        {
            "predicted": "yes",
            "probability__no": pytest.approx(0.3),
            "probability__yes": 0.7,
            "predicted__score": 312.5,
            "predicted__sort": "c",
            "probability__sort__a": 0.1,
            "probability__sort__b": 0.2,
            "probability__sort__c": 0.7,
        }
    ]
    assert [column.name for column in signature_of(table.schema).outputs] == list(columns)


def settings(**heads: Any) -> PrepareSettings:
    return PrepareSettings.model_validate(
        {"data": {"source": "file", "path": "t.csv"}, "target": "income", "type": "multiclass", "heads": heads,
         "test": {"share": 0.2}, "protocol": "auto", "folds": "auto", "repeats": "auto", "seed": 0, "measure": "auto"}
    )  # fmt: skip


def test_what_a_head_is_asked_is_settled_by_the_training_rows_that_have_its_target():
    prepared = prepare_table(
        people(120), settings(age={"type": "regression"}, gender={"type": "binary", "weight": 0.3})
    )
    age, gender = prepared.schema.heads
    assert (age.measure, gender.measure, gender.weight) == ("mae", "accuracy", 0.3)
    assert set(gender.classes) == {"female", "male"}
    assert gender.classes[1] == gender.positive
    assert [feature.name for feature in prepared.schema.features] == ["x", "z"]
    assert {"age", "gender"} <= set(prepared.train)
    assert {"measure of age", "measure of gender", "positive of gender"} <= {
        choice.setting for choice in prepared.summary.choices
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gender": "male"}, "heads.gender: the training rows have 1 of its classes; remove the head"),
        ({"age": np.nan}, "heads.age: 0 training rows have it, and some fold has none of them"),
    ],
)
def test_a_head_that_nothing_can_be_learnt_for_is_refused(change: dict[str, Any], told: str):
    frame = people(60).assign(**change)
    frame["gender"] = frame["gender"].astype("str")
    with pytest.raises(UserError) as error:
        prepare_table(frame, settings(age={"type": "regression"}, gender={"type": "binary"}))
    assert str(error.value).startswith(told)


@pytest.mark.slow
def test_three_heads_go_from_the_table_to_the_report_and_new_rows_are_scored(tmp_path: Path, monkeypatch):
    layout = new_layout("people", tmp_path)
    frame = people(200)
    frame.to_csv(layout.local / "people.csv", index=False)
    problem = {
        "question": "What does somebody earn?",
        "data": {"source": "file", "path": "people.csv"},
        "target": "income",
        "type": "multiclass",
        "heads": {"age": {"type": "regression", "weight": 0.5}, "gender": {"type": "binary"}},
        "protocol": "k_fold",
        "folds": 3,
        "training": {"epochs": 60, "learning_rate": 0.01},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 3},
    }
    run_every_step(layout, problem)
    assert Prepared.read(layout.result("prepare")).targets == ["income"]
    found = Evaluate.read(layout.result("evaluate"))
    verdicts = {verdict.name: verdict for verdict in found.verdicts}
    for score in found.heads:
        assert verdicts[f"head_{score.name}_beats_common_sense"].holds
        assert score.cross_validation.low <= score.cross_validation.value <= score.cross_validation.high
        assert score.test.low <= score.test.value <= score.test.high
    age, gender = found.heads
    assert (age.weight, age.measure, gender.measure) == (0.5, "mae", "accuracy")
    assert age.test.value < age.common_sense

    test = of_sealed_rows(layout)
    known = test["actual__age"].notna()
    assert age.test.rows == known.sum() < len(test)
    away = (test["actual__age"] - test["predicted__age"])[known].abs().mean()
    assert away == pytest.approx(age.test.value)
    again = load_model(layout.model).predict(frame[["x", "z"]].iloc[test["row"]])
    np.testing.assert_allclose(again["predicted__age"], test["predicted__age"], rtol=1e-6)
    assert again["predicted__gender"].tolist() == test["predicted__gender"].tolist()
    assert "Further targets of the same network" in (layout.results / "report.html").read_text()

    frame[["x", "z"]].to_csv(tmp_path / "new.csv", index=False)
    model = load_model(layout.model)
    monkeypatch.setattr(scored_table, "find_model", lambda *_: SimpleNamespace(load=lambda: model, version=1))
    scored_table.score_table(scored_table.Order("people", tmp_path / "new.csv", tmp_path / "out.csv"), tmp_path)
    written = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(written["predicted__age"], model.predict(frame)["predicted__age"], rtol=1e-5)
    assert written["predicted__gender"].tolist() == model.predict(frame)["predicted__gender"].tolist()

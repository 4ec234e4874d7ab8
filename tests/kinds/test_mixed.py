"""Inputs of several kinds in one problem: an encoder for each, joined; nothing of it asks for a kind by name."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from src.core.errors import UserError
from src.inputs.sparse import Joined, SparseRows, widths
from src.inputs.vectors import WordVectors
from src.judging.baselines import shallow
from src.kinds.mixed.vectorizer import MixedVectorizer
from src.kinds.registry import KINDS, kind_of
from src.models.measures import TABLE
from src.networks import build_network
from src.preparation.fold import fit_fold
from src.preparation.prepare import prepare_table
from src.problem.steps import PrepareSettings
from src.problem.training import Engine, OverfitLadder, Training
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.saved.saved_model import load_model
from src.scoring import table as scored_table
from src.tables.table import Feature, Schema, Table, encode_targets
from src.training.fit import fit
from src.training.inputs import rows_of
from src.training.members import Member
from src.training.shards import groups_of
from tests.kinds.texts import encoding, reviews
from tests.kinds.workflow import folder_of, new_layout, of_sealed_rows, run_every_step
from tests.training.examples import candidate, folds_of

ROWS = 90
PICTURE = {"channels": 1, "height": 8, "width": 8, "rows": ROWS}
LADDER = OverfitLadder(max_rungs=3)
CPU = torch.device("cpu")


def tickets(rows: int, seed: int = 0) -> pd.DataFrame:
    """Tickets with a title, a text, an age, a customer and a picture; three of them tell of its urgency."""
    rng = np.random.default_rng(seed)
    says = reviews(rows, seed)
    age, lit = rng.normal(size=rows), rng.random(rows) < 0.5
    pictures = []
    for bright in lit:
        pixels = rng.integers(0, 40, (8, 8)).astype(np.uint8) + np.uint8(200 if bright else 0)
        pictures.append(b"P5\n8 8\n255\n" + pixels.tobytes())
    votes = (says["opinion"] == "good").astype(int) + (age > 0) + lit
    return pd.DataFrame(
        {
            "review": says["review"],
            "title": reviews(rows, seed + 1)["review"],
            "age": age,
            "customer": rng.choice(["a", "b"], rows),
            "photo": pd.Series(pictures, dtype=object),
            "urgent": np.where(votes >= 2, "yes", "no"),
        }
    )


def table_of(rows: int = ROWS, **texts: str) -> Table:
    frame = tickets(rows)
    features = [
        Feature(name="age", type="numeric"),
        *(Feature(name=name, type="text", encoding=encoding(encoding=way)) for name, way in texts.items()),
        Feature(name="customer", type="categorical"),
        Feature(name="photo", type="image", encoding=PICTURE),
    ]
    schema = Schema(
        type="binary", features=features, targets=["urgent"], classes=["no", "yes"], positive="yes", groups=None,
        time=None, weights=None,
    )  # fmt: skip
    return Table(schema, frame, encode_targets(frame, schema), np.ones(rows), np.arange(rows))


@pytest.fixture
def table() -> Table:
    return table_of(review="tf_idf", title="sequence")


def test_every_text_and_picture_is_an_input_of_its_own_and_the_rest_of_the_table_one(table: Table):
    fold = fit_fold(table, np.arange(60), np.arange(60, ROWS))
    assert isinstance(fold.x_AD, Joined)
    bag, sequence, pictures, numbers = fold.x_AD.parts
    assert isinstance(bag, SparseRows)
    assert sequence.shape == (60, 12)
    assert pictures.shape == (60, 1, 8, 8)
    assert numbers.shape == (60, 4)
    assert widths(fold.x_AD) == [bag.shape[1], 12, 1, 4]
    assert fold.x_AD.shape == (60, bag.shape[1] + 12 + 64 + 4)
    for name, columns in {"image": ["photo"], "tabular": ["age", "customer"], "text": ["title"]}.items():
        assert kind_of([of for of in table.schema.features if of.name in columns]) is KINDS[name]


def test_a_row_comes_out_the_same_alone_from_json_and_in_minibatches(table: Table):
    fitted = fit_fold(table, np.arange(60), np.arange(60, ROWS)).vectorizer
    again = MixedVectorizer.model_validate_json(fitted.model_dump_json())
    assert again == fitted
    rows = rows_of(again.transform(table.frame), torch.float64)
    [one] = rows_of(again.transform(table.frame.iloc[[7]]), torch.float64).split(5)
    pair = rows[torch.tensor([3, 7])].to(CPU)
    second = list(rows.split(7))[1].to(CPU)
    for alone, picked, together in zip(one.to(CPU), pair, second, strict=True):
        assert torch.equal(alone.to_dense()[0], picked.to_dense()[1])
        assert torch.equal(alone.to_dense()[0], together.to_dense()[0])


def test_changing_a_held_out_row_changes_nothing_that_was_fitted(table: Table):
    training, validation = np.arange(60), np.arange(60, ROWS)
    before = fit_fold(table, training, validation)
    other = tickets(ROWS, seed=5)
    for name in ("review", "title", "age", "customer", "photo"):
        table.frame.at[70, name] = other.at[71, name]
    after = fit_fold(table, training, validation)
    assert before.vectorizer.model_dump_json() == after.vectorizer.model_dump_json()
    assert before.x_VD.parts[1].tobytes() != after.x_VD.parts[1].tobytes()


def test_the_ladder_pairs_the_rungs_of_the_kinds_and_settings_reach_the_encoders_that_have_them():
    features = table_of(review="sequence", title="tf_idf").schema.features
    kind = kind_of(features)
    rungs = kind.ladders["predict"](features, LADDER, Training())
    assert [[encoder.architecture for encoder in rung.encoders] for rung in rungs] == [
        ["sequence", "bag_of_words", "dense_on_pictures", "mlp"],
        ["sequence", "bag_of_words", "convnet", "mlp"],
        ["sequence", "bag_of_words", "convnet", "mlp"],
    ]
    assert rungs[0].text == "gru 4 + 4 + 32 + 4 > 4"
    assert rungs[0].clip_norm == 1.0
    assert kind.options(features)["augmentation"] == ("none", "move", "mirror", "shear")
    built = rungs[1].changed(dropout=0.3, augmentation="mirror").build([12, 50, 1, 4], 2)
    assert built.encoders[2].augmentation.way == "mirror"
    assert {module.p for module in built.modules() if hasattr(module, "p")} == {0.3}
    assert kind.epochs == KINDS["text"].epochs
    assert kind.candidates == KINDS["image"].candidates
    assert kind.largest_batch == KINDS["image"].largest_batch


def test_every_input_reaches_the_answer_and_every_encoder_learns(table: Table):
    torch.manual_seed(0)
    fold = fit_fold(table, np.arange(60), np.arange(60, ROWS))
    rung = kind_of(table.schema.features).ladders["predict"](table.schema.features, LADDER, Training())[1]
    built = build_network(rung, widths(fold.x_AD), 1).eval()
    x = rows_of(fold.x_AD, torch.float32).to(CPU)
    logits = built(x)
    for number in range(4):
        others = tuple(_turned(part) if place == number else part for place, part in enumerate(x))
        assert not torch.equal(built(others), logits)
    logits.square().sum().backward()
    assert all(bool(encoder_grad.abs().sum() > 0) for encoder_grad in _first_gradients(built))


def _turned(part: torch.Tensor) -> torch.Tensor:
    return part.to_dense().flip(0).to_sparse_csr() if part.layout == torch.sparse_csr else part.flip(0)


def _first_gradients(built: torch.nn.Module) -> list[torch.Tensor]:
    return [next(encoder.parameters()).grad for encoder in built.encoders]


def test_a_network_of_all_inputs_beats_every_single_one_and_says_why_it_is_not_stacked():
    table = table_of(240, review="tf_idf")
    split = next(iter(folds_of(240)))
    kind = kind_of(table.schema.features)
    network = kind.ladders["predict"](table.schema.features, LADDER, Training())[0]
    config = candidate(learning_rate=0.01, epochs=25).model_copy(update={"network": network})
    member = Member.of_split(config, split, 0)
    [trained] = fit([member], table, TABLE["accuracy"], Engine(workers=1), "tickets")
    rows, accuracy = split.validation, TABLE["accuracy"].value
    models = list(kind.shallow["classifier"])
    assert models == [
        "linear", "linear on review", "weakly_regularized_linear on review", "linear on photo",
        "strongly_regularized_linear on photo", "forest on photo", "linear on tabular", "gradient_boosting on tabular",
    ]  # fmt: skip
    single = max(accuracy(table.y_NT[rows], shallow(name, table, split, 0), table.w_N[rows]) for name in models[1:])
    assert accuracy(table.y_NT[rows], trained.predictions, table.w_N[rows]) > single
    assert accuracy(table.y_NT[rows], shallow("linear", table, split, 0), table.w_N[rows]) > single
    [group] = groups_of([member], [fit_fold(table, split.training, rows)], table, "cpu")
    assert (group.backend, group.reason) == ("looped", "networks with several inputs are not stacked")


def test_shallow_models_read_a_bag_of_words_where_networks_read_in_order():
    split = next(iter(folds_of(ROWS)))
    one, other = (shallow("linear on title", table_of(title=way), split, 0) for way in ("sequence", "tf_idf"))
    assert one.tobytes() == other.tobytes()


def test_encoders_of_words_start_from_their_vectors():
    table = table_of(review="sequence", title="sequence")
    vectors = WordVectors(["film", "boring"], np.array([[1, 2], [3, 4]], np.float32))
    fitted = fit_fold(table, np.arange(60), np.arange(60, ROWS)).vectorizer
    start = kind_of(table.schema.features).start(fitted, vectors)
    assert set(start) == {"encoders.0.embed.weight", "encoders.1.embed.weight"}
    place = fitted.parts[1].by.vocabulary.index("boring") + 2
    assert start["encoders.1.embed.weight"][place].tolist() == [3, 4]


def test_a_row_is_shown_by_its_picture_or_by_all_its_texts(table: Table):
    features = table.schema.features
    frame = tickets(3)
    assert kind_of(features).shown(frame, features).str.startswith("data:image/png").all()
    texts = [feature for feature in features if feature.type != "image"]
    assert kind_of(texts).shown(frame, texts)[0] == f"{frame['review'][0]} / {frame['title'][0]}"


def test_a_series_stays_alone():
    frame = tickets(30).assign(day=pd.date_range("2026-01-01", periods=30))
    settings = PrepareSettings.model_validate(
        {"data": {"source": "file", "path": "t.csv"}, "target": "age", "type": "regression", "time": "day",
         "series": {"lookback": 3}, "test": {"share": 0.2}, "protocol": "auto", "folds": "auto", "repeats": "auto",
         "seed": 0, "measure": "auto"}
    )  # fmt: skip
    with pytest.raises(UserError, match="series: column 'review' is text, which windows do not hold"):
        prepare_table(frame.drop(columns=["photo", "urgent"]), settings)


@pytest.mark.slow
def test_tickets_go_from_a_table_with_pictures_to_the_report_and_new_ones_are_scored(tmp_path: Path, monkeypatch):
    layout = new_layout("tickets", tmp_path)
    frame = tickets(160)
    frame.to_parquet(layout.local / "tickets.parquet")
    problem: dict[str, Any] = {
        "question": "Is the ticket urgent?",
        "data": {"source": "file", "path": "tickets.parquet"},
        "target": "urgent",
        "type": "binary",
        "columns": {"review": "text", "title": "text"},
        "protocol": "hold_out",
        "training": {"epochs": 6, "learning_rate": 0.01},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 3},
    }
    run_every_step(layout, problem)
    names = [reference.name for reference in Baseline.read(layout.result("baseline")).shallow_all]
    assert {"linear", "linear on review", "forest on photo", "gradient_boosting on tabular"} <= set(names)
    assert Evaluate.read(layout.result("evaluate")).test.rows == 32
    test = of_sealed_rows(layout)
    model = load_model(folder_of(layout, "network"))
    again = model.predict(frame.iloc[test["row"]])
    assert again["predicted"].tolist() == test["predicted"].tolist()
    assert model.card.network.architecture == "joined"
    assert json.loads((layout.model / "model.json").read_text())["vectorizer"]["kind"] == "mixed"
    assert "data:image/png" in (layout.results / "report.html").read_text()

    tickets(20, seed=3).drop(columns="urgent").to_parquet(tmp_path / "new.parquet")
    monkeypatch.setattr(scored_table, "find_model", lambda *_: SimpleNamespace(load=lambda: model, version=1))
    scored_table.score_table(scored_table.Order("tickets", tmp_path / "new.parquet", tmp_path / "out.csv"), tmp_path)
    written = pd.read_csv(tmp_path / "out.csv")
    assert written["predicted"].tolist() == model.predict(tickets(20, seed=3))["predicted"].tolist()

"""Texts without a target are read on, character by character, through all steps; nothing leaks."""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from starlette.testclient import TestClient

from flows import complete as flow
from flows.commands import complete as command
from flows.commands import sample as sample_command
from src.core.errors import UserError
from src.core.files import Layout
from src.judging.baselines import fit_shallow, shallow
from src.models.measures import TABLE
from src.models.types.registry import TYPES
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.saved.completion import Completion, complete
from src.saved.saved_model import load_model
from src.scoring.registered import Registered
from src.scoring.server import make_app
from src.scoring.service import Reply, Service
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from tests.kinds.workflow import STEPS, finished, folder_of, new_layout
from tests.saved.reciting import Reciter

NOUNS, VERBS = ["cat", "dog", "bird", "mole"], ["sees", "likes", "hears"]


def sentences(count: int) -> list[str]:
    """Sentences in which the last word is the first one again, which takes memory to foretell."""
    rng = np.random.default_rng(0)
    pairs = zip(rng.choice(NOUNS, count), rng.choice(VERBS, count), rng.integers(100, 1000, count), strict=True)
    return [f"The {noun} {verb} {number} and {number}, the {noun}." for noun, verb, number in pairs]


def defined(root: Path, **changes: Any) -> Layout:
    """A table of sentences."""
    layout = new_layout("lines", root)
    pd.DataFrame({"line": sentences(120)}).to_csv(layout.local / "lines.csv", index=False)
    problem = {
        "question": "How predictable is a line?",
        "data": {"source": "file", "path": "lines.csv"},
        "columns": {"line": "text"},
        "type": "language_model",
        "training": {"epochs": 4, "batch_size": 8, "learning_rate": 0.01},
        "overfit": {"first_units": 1},
        "search": {"budget": 2},
        "engine": {"workers": 1, "accelerator": "cpu"},
    }
    layout.problem_file.write_text(yaml.safe_dump(problem | changes))
    return layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return finished(defined(tmp_path_factory.mktemp("lines")))


@pytest.mark.slow
def test_a_network_is_compared_with_n_grams_of_the_order_that_suits_the_development_fold(layout: Layout):
    baseline = Baseline.read(layout.result("baseline"))
    assert baseline.common_sense.name == "single_characters"
    assert [score.name for score in baseline.shallow_all] == [f"kneser_ney_{order}" for order in range(3, 10)]
    assert baseline.shallow.development.mean == min(score.development.mean for score in baseline.shallow_all)
    assert pd.read_csv(layout.results / "candidates.csv")["network"].nunique() == 1, "trainings take long"
    evaluated = Evaluate.read(layout.result("evaluate"))
    assert {size.share for size in evaluated.sample_sizes} == {1 / 2, 1}
    verdicts = {verdict.name: verdict for verdict in evaluated.verdicts}
    assert verdicts["beats_common_sense"].holds
    assert verdicts["beats_shallow_model"].comparison.reference.startswith("shallow model (kneser_ney_")
    assert set(evaluated.extra) == {"cross_validation_perplexity", "test_perplexity"}
    assert evaluated.extra["test_perplexity"] == pytest.approx(2**evaluated.saved_test.value)


@pytest.mark.slow
def test_the_bits_of_sealed_texts_are_those_of_the_saved_models(layout: Layout):
    test = read_table(layout.test, read_schema(layout.train))
    predictions = pd.read_parquet(layout.results / "predictions.parquet")
    for model in ("network", "shallow"):
        told = predictions[(predictions["split"] == "test") & (predictions["model"] == model)]
        scored = load_model(folder_of(layout, model)).predict(test.frame)
        assert list(scored) == ["bits", "characters"]
        np.testing.assert_allclose(told[["bits", "characters"]], scored, rtol=1e-5)
        assert scored["characters"].tolist() == [len(text) + 1 for text in test.frame["line"]], "and its end"
        value = Evaluate.read(layout.result("evaluate")).tests[model].value
        assert value == pytest.approx(scored["bits"].sum() / scored["characters"].sum(), rel=1e-5)


@pytest.mark.slow
def test_changing_a_held_out_text_changes_nothing_that_was_fitted(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    frame = table.frame.copy()
    frame.loc[frame.index[split.validation[0]], "line"] = "Öl, ätherisch: ¿qué?"
    changed = type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N)
    folds = [fit_fold(rows, split.training, split.validation) for rows in (table, changed)]
    assert folds[0].vectorizer == folds[1].vectorizer
    assert folds[0].x_AD.tobytes() == folds[1].x_AD.tobytes()
    for name in ("kneser_ney_3", "kneser_ney_7"):
        one, other = (shallow(name, rows, split, 0) for rows in (table, changed))
        assert one[1:].tobytes() == other[1:].tobytes()
        assert one[0, 0] != other[0, 0]
    common = [table.schema.problem_type.of_rows["single_characters"](0, 9, 0).fit(fold.x_AD) for fold in folds]
    assert common[0].score_samples(folds[0].x_VD)[1:].tobytes() == common[1].score_samples(folds[1].x_VD)[1:].tobytes()


@pytest.mark.slow
def test_the_report_shows_how_surprising_texts_are(layout: Layout):
    page = (layout.results / "report.html").read_text()
    assert "Do the out-of-fold bits tell how surprising new rows are?" in page
    assert "The least and the most surprising texts, out of fold" in page
    assert "bits per character" in (layout.results / "model_card.md").read_text()


def test_bits_per_character_are_all_bits_by_all_characters():
    s_NS, w_N = np.array([[10.0, 4.0], [2.0, 4.0]]), np.array([1.0, 3.0])
    assert TABLE["bits_per_character"].value_of(s_NS, w_N) == pytest.approx(16 / 16)
    assert TABLE["perplexity"].value_of(s_NS, np.ones(2)) == pytest.approx(2**1.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "line"}, "target: type language_model has no target"),
        ({"code": 3}, "code: type language_model has no code"),
        ({"committee": 2}, "committee: texts are scored and written by one network; choose 1"),
        ({"final": "fold_ensemble"}, "final: texts are scored and written by one network; choose refit"),
        ({"measure": "mse"}, "measure: mse does not suit type language_model"),
        (
            {"text": {"network": "convolution"}},
            "text.network: type language_model reads on by lstm or gru or transformer",
        ),
        ({"text": {"encoding": "tf_idf"}}, "text.encoding: type language_model reads characters one after another"),
        ({"text": {"network": "gru", "bidirectional": True}}, "text.bidirectional: type language_model reads"),
    ],
)
def test_what_does_not_suit_reading_on_is_refused(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message):
        load_problem(defined(tmp_path, **changes))


@pytest.mark.slow
def test_both_models_complete_a_prompt_and_the_same_seed_gives_the_same_texts(layout: Layout):
    for kind in ("network", "shallow"):
        model = load_model(folder_of(layout, kind))
        asked = Completion(prompt="The mole ", n=5, characters=60, seed=3)
        texts = complete(model, asked)
        assert texts == complete(model, asked)
        assert texts != complete(model, asked.model_copy(update={"seed": 4}))
        assert len(texts) == 5
        assert all(len(text) <= 60 for text in texts)
        likeliest = complete(model, asked.model_copy(update={"temperature": 0.0}))
        assert len(set(likeliest)) == 1
        assert complete(model, asked.model_copy(update={"top_p": 1e-9})) == likeliest, "draws from the likeliest alone"


@pytest.mark.slow
def test_what_a_model_says_of_the_next_character_is_what_it_says_of_texts(layout: Layout):
    text = "The dog sees 1"
    for kind in ("network", "shallow"):
        model = load_model(folder_of(layout, kind))
        known, after = model.vectorizers[0].by, model.reading_on()
        bits, numbers = 0.0, known.numbers(text)
        for before, symbol in zip([0, *numbers], [*numbers, known.first - 1], strict=True):
            [p_V] = after(np.array([before]))
            assert p_V.sum() == pytest.approx(1, abs=1e-6)
            bits -= np.log2(p_V[symbol - 1])
        [told] = model.predict(pd.DataFrame({"line": [text]}))["bits"]
        assert bits == pytest.approx(told, rel=1e-4)


@pytest.mark.slow
def test_the_report_shows_texts_that_the_model_wrote_and_whether_it_recites(layout: Layout):
    evaluated = Evaluate.read(layout.result("evaluate"))
    [recites] = [verdict for verdict in evaluated.verdicts if verdict.name == "does_not_recite"]
    assert "of the runs of 20 characters in 100 texts" in recites.evidence
    assert [written.temperature for written in evaluated.writings.texts] == [0.5, 0.5, 1, 1, 1.2, 1.2]
    assert set(evaluated.writings.compressed) == {"xz", "bz2"}
    page = (layout.results / "report.html").read_text()
    assert "Texts that the saved model wrote, none of them chosen" in page
    assert "Bits per character of the sealed texts" in page


@pytest.mark.slow
def test_the_model_server_completes_a_prompt_and_gives_the_bits_of_texts(layout: Layout):
    service = Service(load_problem(layout), Registered("lines", 1, True, layout.model), layout.expectations)
    client = TestClient(make_app(service))
    asked = {"prompt": "The dog ", "n": 2, "characters": 30, "seed": 5, "temperature": 0.7, "top_p": 0.9}
    answer = client.post("/complete", content=json.dumps(asked))
    assert answer.status_code == 200
    assert answer.json()["completions"] == complete(load_model(layout.model), Completion.of(asked))
    for wrong, message in (
        ({"temperature": -1.0}, "temperature: input should be greater than or equal to 0"),
        ({"length": 3}, "length: extra inputs are not permitted"),
        ([], "the request is no object"),
        ({"n": 50, "characters": 201}, "n, characters: over HTTP at most 10,000 characters of all texts and prompts"),
        ({"prompt": "a" * 4_000, "n": 3}, "n, characters: over HTTP at most 10,000 characters"),
    ):
        refused = client.post("/complete", content=json.dumps(wrong))
        assert (refused.status_code, refused.json()["error"][: len(message)]) == (400, message)
    assert client.post("/complete", content="{").status_code == 400
    described = client.get("/openapi.json").json()["paths"]["/complete"]["post"]
    [content] = described["requestBody"]["content"].values()
    assert client.post("/complete", json=content["examples"]["example"]["value"]).status_code == 200
    assert "POST /complete" in client.get("/docs").text
    row = {"line": "The dog sees 123 and 123, the dog."}
    [predicted] = client.post("/predict", json=[row]).json()["predictions"]
    assert predicted["characters"] == len(row["line"]) + 1
    assert 0 < predicted["bits"] < 8 * predicted["characters"]


@pytest.mark.slow
def test_a_network_sees_fewer_rows_at_a_time_where_a_text_makes_them_wide(layout: Layout):
    model = load_model(folder_of(layout, "network"))
    frame = pd.DataFrame({"line": sentences(600)})
    alone = model.predict(frame)
    seen: list[tuple[int, int]] = []
    model.heads[0].network.register_forward_hook(lambda network, given, answer: seen.append(tuple(given[0].shape)))
    assert model.predict(frame)["bits"].tolist() == alone["bits"].tolist()
    assert [rows for rows, _ in seen] == [512, 88]
    seen.clear()
    beside = model.predict(pd.concat([frame, pd.DataFrame({"line": ["The cat sees " * 40]})], ignore_index=True))
    np.testing.assert_allclose(beside["bits"][:600], alone["bits"], rtol=1e-4)
    assert sum(rows for rows, _ in seen) == 601
    assert all(rows * 521 <= 512 * model.card.numbers for rows, _ in seen)
    assert [places for _, places in seen] == [model.card.numbers] * (len(seen) - 1) + [521]


@pytest.mark.slow
def test_one_request_at_a_time_is_drawn(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    service = Service(load_problem(layout), Registered("lines", 1, True, layout.model), layout.expectations)
    drawing: list[bool] = []

    def answer(body: bytes) -> Reply:
        drawing.append(True)
        time.sleep(0.05)
        together = len(drawing)
        drawing.pop()
        return Reply(200, str(together).encode())

    monkeypatch.setattr(service, "complete", answer)
    with TestClient(make_app(service)) as client, ThreadPoolExecutor(3) as clients:
        replies = list(clients.map(lambda _: client.post("/complete", content="{}").json(), range(3)))
    assert replies == [1, 1, 1]


@pytest.mark.slow
def test_of_too_many_requests_to_draw_some_are_told_to_come_back(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    service = Service(load_problem(layout), Registered("lines", 1, True, layout.model), layout.expectations)
    drawing = threading.Event()

    def answer(body: bytes) -> Reply:
        drawing.wait(10)
        return Reply(200, b"{}")

    monkeypatch.setattr(service, "complete", answer)
    monkeypatch.setattr("src.scoring.server.MOST_DRAWING", 2)
    with TestClient(make_app(service)) as client, ThreadPoolExecutor(4) as clients:
        asked = [clients.submit(client.post, "/complete", content="{}") for _ in range(4)]
        early = [each.result() for each in islice(as_completed(asked), 2)]
        drawing.set()
        replies = [each.result() for each in asked]
    assert [reply.status_code for reply in early] == [503, 503]
    assert sorted(reply.status_code for reply in replies) == [200, 200, 503, 503]
    assert {reply.headers.get("Retry-After") for reply in replies if reply.status_code == 503} == {"5"}
    refused = next(reply.json() for reply in replies if reply.status_code == 503)
    assert refused["error"] == "2 requests that draw are waiting already; ask again later"


@pytest.mark.slow
def test_a_request_with_texts_too_long_to_read_is_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch):
    service = Service(load_problem(layout), Registered("lines", 1, True, layout.model), layout.expectations)
    client = TestClient(make_app(service))
    monkeypatch.setattr("src.scoring.service.MOST_READ", 10)
    for content_type, body in (
        ("application/json", json.dumps([{"line": "The dog"}, {"line": "sees"}])),
        ("text/csv", "line\nThe dog\nsees\n"),
    ):
        refused = client.post("/predict", content=body, headers={"Content-Type": content_type})
        assert refused.status_code == 413
        assert refused.json()["error"].startswith("texts of 11 characters take too long to read on")
    assert client.post("/predict", json=[{"line": "The dog"}]).status_code == 200
    assert client.post("/predict", json=[{"line": None}]).status_code == 200


@pytest.mark.slow
def test_the_command_line_completes_a_prompt(layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(layout.root)
    registered = Registered("lines", 1, True, layout.model)
    monkeypatch.setattr("src.scoring.registered.find_model", lambda *named: registered)
    assert command.main(["lines", "The cat ", "--n", "2", "--seed", "1"]) == 0
    told = capsys.readouterr().out
    assert told.count("The cat ") == 2
    assert "--- 2 of 2" in told
    assert command.main(["lines", "The cat ", "--n", "0"]) == 1


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (command.main, ["lines", "The cat ", "--n", "0"], "n: input should be greater than or equal to 1"),
        (sample_command.main, ["lines", "0", "drawn.csv"], "n: input should be greater than or equal to 1"),
    ],
    ids=["complete", "sample"],
)
def test_a_wrong_setting_is_named_before_a_model_is_loaded(
    main: Callable[[Sequence[str]], int],
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(defined(tmp_path).root)
    monkeypatch.setattr("src.scoring.registered.find_model", lambda *named: pytest.fail("a model was looked for"))
    assert main(arguments) == 1
    assert message in capsys.readouterr().err


def test_the_ui_shows_each_line_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[str] = []
    monkeypatch.chdir(defined(tmp_path).root)
    monkeypatch.setattr("src.scoring.registered.find_model", lambda *named: Registered("lines", 1, True, tmp_path))
    monkeypatch.setattr(Registered, "load", lambda registered: Reciter(["a*\n<b>"]))
    monkeypatch.setattr(flow, "create_markdown_artifact", lambda text, *named: shown.append(text))
    monkeypatch.setattr(flow, "get_run_logger", lambda: logging.getLogger("workflow"))
    assert flow.complete.fn("lines", n=1, temperature=1).is_completed()
    assert shown == ["## 1\n\na\\*<br>&lt;b&gt;"]


def test_a_model_that_predicts_completes_nothing(tmp_path: Path):
    class Predicts:
        """As much of a model as is asked before anything is drawn."""

        class schema:
            type = "binary"
            problem_type = TYPES["binary"]

    with pytest.raises(UserError, match="a model of type binary says nothing of what comes next"):
        complete(Predicts(), Completion())  # type: ignore[arg-type]


@pytest.mark.slow
def test_of_a_long_text_the_last_rows_are_sealed_and_rows_are_read_after_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    layout = defined(
        tmp_path,
        data={"source": "file", "path": "lines.txt", "records": "(?P<line>.{1,32})", "number": "place"},
        time="place",
        test={"share": 0.1},
    )
    text = "\n".join(sentences(300))
    (layout.local / "lines.txt").write_text(text)
    for step in STEPS[:5]:
        step(layout)
    schema = read_schema(layout.train)
    train, test = (read_table(folder, schema).frame for folder in (layout.train, layout.test))
    assert "".join([*train["line"], *test["line"]]) == text
    assert len(test) == pytest.approx(0.1 * (len(train) + len(test)), abs=1)
    baseline = Baseline.read(layout.result("baseline"))
    assert baseline.shallow.development.mean < baseline.common_sense.development.mean
    fitted = fit_shallow("kneser_ney_7", read_table(layout.train, schema), np.arange(len(train)), 0)
    after, alone = (fitted.row_predictions(rows) for rows in (test, test.drop(columns="place")))
    assert after[:, 1].tolist() == alone[:, 1].tolist() == test["line"].str.len().tolist(), "such rows have no end"
    assert after[0, 0] == alone[0, 0], "what comes before the first sealed row is not in their table"
    assert after[1:, 0].sum() < 0.9 * alone[1:, 0].sum()
    monkeypatch.setattr("src.judging.fitted_shallow.CHUNK", 3)
    np.testing.assert_allclose(fitted.row_predictions(test), after, rtol=1e-12, err_msg="chunks cut no context")

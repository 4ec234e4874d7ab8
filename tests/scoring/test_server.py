"""HTTP for one model: what is right is answered with predictions, what is wrong with a 400 that says where."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from starlette.applications import Starlette

from src.problem.load import load_problem
from src.scoring.openapi import columns
from src.scoring.registered import find_model
from src.scoring.requests import Request
from src.scoring.server import make_app
from src.scoring.service import Reply, Service
from src.scoring.waiting import Waiting
from tests.scoring.repository import FEATURES, PROBLEM, Repository, fruit, fruit_model

MOST = 10_000


@dataclass
class Client:
    """Asks the application without a network."""

    app: Starlette

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.ask("POST", path, **body)

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
                return await client.request(method, path, **body)

        return asyncio.run(answer())


@pytest.fixture(scope="module")
def service(made: Repository) -> Service:
    return Service(load_problem(made.layout), find_model(PROBLEM, "champion", made.root), made.layout.expectations)


@pytest.fixture(scope="module")
def client(service: Service) -> Client:
    return Client(make_app(service, MOST))


def records(frame: pd.DataFrame) -> list[dict]:
    return json.loads(frame[FEATURES].to_json(orient="records", date_format="iso"))


def forms(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The same rows in every form that a request may have."""
    split = json.loads(frame[FEATURES].to_json(orient="split", date_format="iso"))
    return {
        "records": {"json": records(frame)},
        "dataframe_records": {"json": {"dataframe_records": records(frame)}},
        "dataframe_split": {"json": {"dataframe_split": split}},
        "dataframe_split without an index": {"json": {"dataframe_split": {k: split[k] for k in ("columns", "data")}}},
        "csv": {"content": frame.to_csv(index=False), "headers": {"Content-Type": "text/csv; charset=UTF-8"}},
    }


@pytest.mark.parametrize("form", forms(fruit(1)))
def test_rows_in_every_form_get_what_the_model_says_and_the_same_numbers(client: Client, form: str):
    frame = fruit(4, seed=5)
    expected = fruit_model("binary", seed=2).predict(frame)["probability__yes"].tolist()
    answer = client.post("/predict", **forms(frame)[form])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["problem"], found["model_version"], found["warnings"]) == (PROBLEM, 2, [])
    assert [row["row"] for row in found["predictions"]] == list(range(4))
    assert [row["probability__yes"] for row in found["predictions"]] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", forms(fruit(1)))
@pytest.mark.parametrize("weight", [1.01e100, -1e200])
def test_ranges_are_checked_in_every_form(client: Client, form: str, weight: float):
    frame = fruit(4).assign(weight=[1.0, 2.0, weight, 4.0])
    (refused,) = client.post("/predict", **forms(frame)[form]).json()["refused"]
    assert (refused["row"], refused["column"], refused.get("line")) == (2, "weight", 4 if form == "csv" else None)
    assert refused["reason"].endswith("is infinite or beyond 1e+100")


def test_a_bad_row_is_a_400_that_names_row_column_and_reason_and_nothing_is_predicted(client: Client):
    rows = records(fruit(3))
    rows[1]["weight"] = "heavy"
    answer = client.post("/predict", json=[*rows, 7])
    assert answer.status_code == 400
    assert answer.json()["model_version"] == 2
    assert "predictions" not in answer.json()
    assert answer.json()["refused"] == [
        {"row": 1, "column": "weight", "reason": "'heavy' is not a number with a decimal point"},
        {"row": 3, "column": None, "reason": 'is not a JSON object; every row needs the form {"column": value, …}'},
    ]


def test_what_the_model_never_learnt_comes_as_a_warning(client: Client):
    rows = records(fruit(2))
    rows[0]["colour"] = "pink"
    rows[1]["weight"] = 900
    category, number = client.post("/predict", json=rows).json()["warnings"]
    assert (category["row"], category["column"]) == (0, "colour")
    assert (number["row"], number["column"]) == (1, "weight")
    assert re.fullmatch(r"900 is outside [0-9.]+ to [0-9.]+, the range of the training rows", number["warning"])
    assert client.post(
        "/predict", content=pd.DataFrame(rows).to_csv(index=False), headers={"Content-Type": "text/csv"}
    ).json() == (client.post("/predict", json=rows).json())


@pytest.mark.parametrize(
    ("body", "content_type", "status", "told"),
    [
        ("[]", "application/json", 400, "no rows"),
        ("{}", "application/json", 400, "not JSON with rows"),
        ('{"dataframe_split": {"columns": ["size"]}}', "application/json", 400, "needs the keys columns and data"),
        ('{"dataframe_split": {"columns": ["a", "a"], "data": []}}', "application/json", 400, "'a' is there 2 times"),
        ('{"dataframe_split": {"columns": [["a"]], "data": []}}', "application/json", 400, "a list of names"),
        ('{"instances": []}', "application/json", 400, '{"dataframe_records": […]}'),
        ('[{"\\ud800": 1}]', "application/json", 400, "lacks 5 of the 5 columns"),
        ("[", "application/json", 400, "is not JSON"),
        ("[" * 100_000, "application/json", 413, "at most"),
        ("[" * 9_000, "application/json", 400, "JSON"),
        (b'[{"size":\n"\xff"}]', "application/json", 400, "is not utf-8: byte 11, 0xff, on line 2"),
        (b"size,weight\n\xe4,", "text/csv", 400, "is not utf-8: byte 12, 0xe4, on line 2"),
        ("[]", "application/json; charset=latin-1", 415, "is read as utf-8 here, not as latin-1"),
        ("a", "text/csv; charset=klingon", 415, "is read as utf-8 here, not as klingon"),
        ('[{"size": 1}]', "application/json", 400, "lacks 4 of the 5 columns"),
        ("size,weight\n1,2\n", "text/csv", 400, "the request lacks 3 of the 5 columns"),
        ("", "text/csv", 400, "the request is empty"),
        (f"{','.join(FEATURES)}\n", "text/csv", 400, "the request has no rows"),
        ("a", "text/plain", 415, "Content-Type"),
        ("a", "application/x-python-pickle", 415, "Content-Type"),
        ("x" * (MOST + 1), "text/csv", 413, "at most 10,000 bytes"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(client: Client, body, content_type: str, status: int, told: str):
    answer = client.post("/predict", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert told in answer.json()["error"]


def test_rows_of_a_split_that_do_not_fit_are_refused_by_their_number(client: Client):
    split = json.loads(fruit(3)[FEATURES].to_json(orient="split", date_format="iso"))
    split["data"][1].pop()
    answer = client.post("/predict", json={"dataframe_split": split | {"data": [*split["data"], {}]}})
    assert [(refused["row"], refused["reason"]) for refused in answer.json()["refused"]] == [
        (1, "has 4 values, expected 5"),
        (3, "is not a list of 5 values, one for each of the columns"),
    ]


def body_of(rows: Any) -> Request:
    return Request(json.dumps(rows).encode(), "application/json")


NUMBERS = st.none() | st.integers() | st.floats(allow_nan=False) | st.sampled_from([2**53 + 1, 10**30, 1e-320, -0.0])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "size": NUMBERS,
            "weight": NUMBERS,
            "colour": st.none() | st.sampled_from(["red", "green", " blue ", "pink", "", "NA"]),
            "ripe": st.none() | st.booleans(),
            "picked": st.none() | st.sampled_from(["2026-03-01", "2026-03-01T10:00", "soon"]),
        },
        optional={"note": st.none() | st.text(max_size=3), "tags": st.just(["a"])},
    ),
    min_size=1,
    max_size=3,
)


@given(ROWS)
@settings(deadline=None, max_examples=50)
def test_values_taken_by_their_json_type_get_the_answer_of_those_read_as_they_are_spelled(service: Service, rows):
    (plain,) = service.answers([body_of(rows)])
    with mock.patch.object(service.reader, "takes_plain", False):
        (spelled,) = service.answers([body_of(rows)])
    assert plain == spelled


def test_numbers_that_mark_missing_values_are_read_as_they_are_spelled(made: Repository, tmp_path: Path):
    repository = made.copy(tmp_path / "repository")
    repository.write_problem(missing=["-999"])
    layout = repository.layout
    own = Service(load_problem(layout), find_model(PROBLEM, "champion", layout.root), layout.expectations)
    rows = records(fruit(2))
    rows[1]["weight"] = -999
    (answer,) = own.answers([body_of(rows)])
    assert [(each["row"], each["column"]) for each in json.loads(answer.body)["warnings"]] == [(1, "weight")]


def test_requests_answered_together_get_the_answers_they_get_alone_but_for_rounding(service: Service):
    good, bad, doubtful = (records(fruit(rows, seed=rows)) for rows in (3, 4, 2))
    bad[2]["weight"] = 1e101
    doubtful[1]["colour"] = "pink"
    csv = Request(fruit(2).to_csv(index=False).encode(), "text/csv")
    requests = [body_of(good), body_of(bad), Request(b"[", "application/json"), csv, body_of(doubtful), body_of(good)]
    answers = service.answers(requests)
    assert [answer.status for answer in answers] == [200, 400, 400, 200, 200, 200]
    together = [json.loads(answer.body) for answer in answers]
    for found, request in zip(together, requests, strict=True):
        alone = json.loads(service.answers([request])[0].body)
        predicted, expected = (pd.DataFrame(answer.pop("predictions", [])) for answer in (found, alone))
        pd.testing.assert_frame_equal(predicted, expected, rtol=1e-5)
        assert found == alone
    assert together[1]["refused"][0]["row"] == 2
    assert together[4]["warnings"][0]["row"] == 1


def test_what_waits_is_answered_together_and_a_bug_hits_only_the_request_that_meets_it():
    calls = []

    def answers(requests: Sequence[Request]) -> list[Reply]:
        calls.append([request.body for request in requests])
        return [Reply(200, bytes([1 // request.body[0]])) for request in requests]

    async def ask() -> list[Reply | BaseException]:
        waiting = Waiting(answers)
        asked = (waiting.answer(Request(bytes([number]), "")) for number in (1, 1, 0))
        return await asyncio.gather(*asked, return_exceptions=True)

    one, other, hit = asyncio.run(ask())
    assert one == other == Reply(200, b"\x01")
    assert isinstance(hit, ZeroDivisionError)
    assert calls == [[b"\x01", b"\x01", b"\x00"], [b"\x01"], [b"\x01"], [b"\x00"]]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(alphabet=st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FEATURES, "\ud800"]), inner),
)
SPLITS = st.dictionaries(st.sampled_from(["columns", "data", "index"]), JSON_VALUES)
BODIES = st.one_of(
    st.binary(max_size=40),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["dataframe_records", "dataframe_split"]), JSON_VALUES | SPLITS).map(
        lambda value: json.dumps(value).encode()
    ),
    st.lists(st.sampled_from([",".join(FEATURES), "1,2,red,true,2026-03-01", '"', "\r", "\0", ",", "\n"])).map(
        lambda lines: "\n".join(lines).encode()
    ),
)
CONTENT_TYPES = st.one_of(
    st.sampled_from(["application/json", "text/csv", "APPLICATION/JSON;charset=utf8", "text/csv; charset=rot13"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)


@given(BODIES, CONTENT_TYPES)
@settings(deadline=None, max_examples=150)
def test_no_body_of_any_type_meets_a_bug(service: Service, body: bytes, content_type: str):
    (answer,) = service.answers([Request(body, content_type)])
    found = json.loads(answer.body)
    assert answer.status in (200, 400, 415)
    assert ("predictions" in found) == (answer.status == 200)
    assert ("error" in found) == (answer.status != 200)


def test_a_client_that_leaves_before_its_request_is_whole_is_no_error(client: Client):
    sent = []

    async def leave() -> None:
        messages = iter([{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> dict[str, Any]:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b""}
        await client.app(scope, receive, send)

    asyncio.run(leave())
    assert sent[0]["status"] == 400


def test_it_tells_what_it_is_and_that_it_answers(client: Client):
    assert client.get("/").json()["columns"]["picked"] == "date"
    assert (
        client.get("/ping").json()
        == client.get("/health").json()
        == {"status": "ok", "problem": "fruit", "model_version": 2}
    )


def test_a_request_for_something_else_is_told_what_there_is(client: Client):
    for method, path, status in (("GET", "/predict", 405), ("POST", "/", 405), ("POST", "/invocations", 404)):
        answer = client.ask(method, path)
        assert answer.status_code == status
        assert answer.json()["error"].endswith("rows go to POST /predict, and GET /docs shows how")


def test_the_description_is_openapi_with_the_columns_of_the_problem(client: Client):
    described = client.get("/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    row = described["components"]["schemas"]["rows"]["items"]["properties"]
    assert list(row) == FEATURES
    assert row["weight"].items() >= {"type": ["number", "null"], "minimum": -1e100, "maximum": 1e100}.items()
    assert re.fullmatch(
        r"a value that is outside [0-9.]+ to [0-9.]+, the range .*warning", row["weight"]["description"]
    )
    assert row["colour"]["examples"] == ["blue", "green", "red"]
    answer = described["components"]["schemas"]["answer"]["properties"]["predictions"]["items"]["properties"]
    assert list(answer) == list(client.post("/predict", json=records(fruit(1))).json()["predictions"][0])


def test_the_examples_are_answered_with_a_prediction(client: Client):
    content = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
    given = [(kind, of["value"]) for kind, each in content.items() for of in each["examples"].values()]
    assert len(given) == 4
    answers = [
        client.post(
            "/predict", content=body if kind == "text/csv" else json.dumps(body), headers={"Content-Type": kind}
        )
        for kind, body in given
    ]
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert all(answer.json()["predictions"] == answers[0].json()["predictions"] for answer in answers)


def test_the_users_own_ranges_are_in_the_description_and_checked(made: Repository, tmp_path: Path):
    layout = made.copy(tmp_path / "repository").layout
    suite = [
        {"type": "expect_column_values_to_be_between", "kwargs": {"column": "weight", "min_value": 0}},
        {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "colour", "value_set": ["red", "blue"]}},
    ]
    layout.expectations.parent.mkdir(parents=True, exist_ok=True)
    layout.expectations.write_text(json.dumps({"name": "own", "expectations": suite}))
    own = Service(load_problem(layout), find_model(PROBLEM, "champion", layout.root), layout.expectations)
    described = columns(own)
    assert (described["weight"]["minimum"], described["weight"]["maximum"]) == (0, 1e100)
    assert described["colour"]["enum"] == ["red", "blue", None]
    rows = records(fruit(2).assign(weight=[1.0, -1.0], colour=["red", "green"]))
    answer = json.loads(own.answers([body_of(rows)])[0].body)
    assert [(refused["row"], refused["column"]) for refused in answer["refused"]] == [(1, "weight"), (1, "colour")]


def test_the_page_shows_the_columns_and_loads_nothing(client: Client):
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"<code>{name}</code>" in page.text for name in [*FEATURES, "probability__yes"])
    assert not re.findall(r"https?://|src=|@import|url\(", page.text)
    assert client.get("/redoc").status_code == 404

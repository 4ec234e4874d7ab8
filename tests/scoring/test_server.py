"""HTTP for one model: what is right is answered with predictions, what is wrong with a 400 that says where."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
import pandas as pd
import pytest
from fastapi import FastAPI

from src.problem.load import load_problem
from src.scoring.registered import find_model
from src.scoring.server import Service, make_app
from tests.scoring.repository import FEATURES, PROBLEM, Repository, fruit, fruit_model

MOST = 10_000


@dataclass
class Client:
    """Asks the application without a network."""

    app: FastAPI

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
def client(made: Repository) -> Client:
    service = Service(load_problem(made.layout), find_model(PROBLEM, "champion", made.root), made.layout.expectations)
    return Client(make_app(service, MOST))


def records(frame: pd.DataFrame) -> list[dict]:
    return json.loads(frame[FEATURES].to_json(orient="records", date_format="iso"))


def test_the_same_rows_as_json_and_as_csv_get_what_the_model_says(client: Client):
    frame = fruit(4, seed=5)
    expected = fruit_model("binary", seed=2).predict(frame)["probability__yes"].tolist()
    as_json = client.post("/predict", json=records(frame))
    as_csv = client.post(
        "/predict", content=frame.to_csv(index=False), headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    for answer in (as_json, as_csv):
        assert answer.status_code == 200
        found = answer.json()
        assert (found["problem"], found["model_version"]) == (PROBLEM, 2)
        assert [row["row"] for row in found["predictions"]] == list(range(4))
        assert [row["probability__yes"] for row in found["predictions"]] == pytest.approx(expected, rel=1e-5)


def test_a_bad_row_is_a_400_that_names_row_column_and_reason_and_nothing_is_predicted(client: Client):
    rows = records(fruit(3))
    rows[1]["weight"] = "heavy"
    answer = client.post("/predict", json=[*rows, 7])
    assert answer.status_code == 400
    assert answer.json()["model_version"] == 2
    assert "predictions" not in answer.json()
    assert answer.json()["refused"] == [
        {"row": 1, "column": "weight", "reason": "'heavy' is not a number with a decimal point"},
        {"row": 3, "column": None, "reason": 'holds no JSON object; every row needs the form {"column": value, …}'},
    ]


def test_what_the_model_never_learnt_comes_as_a_warning(client: Client):
    rows = records(fruit(2))
    rows[0]["colour"] = "pink"
    (warning,) = client.post("/predict", json=rows).json()["warnings"]
    assert (warning["row"], warning["column"]) == (0, "colour")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "told"),
    [
        ("[]", "application/json", 400, "no rows"),
        ("{}", "application/json", 400, "no JSON list"),
        ("[", "application/json", 400, "is not JSON"),
        ("[" * 100_000, "application/json", 413, "at most"),
        ("[" * 9_000, "application/json", 400, "JSON"),
        (b"\xff\xfe", "application/json", 400, "JSON"),
        ('[{"size": 1}]', "application/json", 400, "lacks 4 of the 5 columns"),
        ("size,weight\n1,2\n", "text/csv", 400, "the request lacks 3 of the 5 columns"),
        ("", "text/csv", 400, "the request is empty"),
        ("a", "text/plain", 415, "Content-Type"),
        ("a", "application/x-python-pickle", 415, "Content-Type"),
        ("x" * (MOST + 1), "text/csv", 413, "at most 10,000 bytes"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(client: Client, body, content_type: str, status: int, told: str):
    answer = client.post("/predict", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert told in answer.json()["error"]


def test_it_tells_what_it_is_and_that_it_answers(client: Client):
    assert client.get("/").json()["columns"]["picked"] == "date"
    assert (
        client.get("/ping").json()
        == client.get("/health").json()
        == {"status": "ok", "problem": "fruit", "model_version": 2}
    )


def test_no_page_asks_another_host(client: Client):
    assert [client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3

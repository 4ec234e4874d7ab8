"""The description of the model server: an OpenAPI document with the problem's own columns, and a page that shows it.

The page is one document that loads nothing else. The pages of Swagger and Redoc, which FastAPI brings, load scripts
from a CDN: they do not work offline, and they tell others who uses a model.
"""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import orjson

from src.kinds.tabular.vectorizer import AnyColumn, Categories, Dates, Numbers
from src.saved.asked import Asked
from src.saved.codes import Interpolation
from src.saved.completion import Completion
from src.saved.generator import Drawing
from src.scoring.requests import CSV, JSON, RECORDS, SPLIT
from src.scoring.service import MOST_DRAWN, Service
from src.scoring.table import ROW
from src.tables.columns import FeatureType
from src.validation.suite import LARGEST

# A white picture of one pixel.
_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="
_TYPES: dict[FeatureType, dict[str, Any]] = {
    "numeric": {"type": ["number", "null"], "minimum": -LARGEST, "maximum": LARGEST},
    "categorical": {"type": ["string", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date-time"},
    "text": {"type": ["string", "null"]},
    "token": {"type": "string"},
    "image": {"type": "string", "contentEncoding": "base64"},
}
_EXAMPLES: dict[FeatureType, Any] = {
    "numeric": 0.0,
    "categorical": "a",
    "boolean": True,
    "date": "2026-11-21",
    "text": "some words",
    "token": "word",
    "image": _PICTURE,
}
_PREDICTED = {"float64": "number", "int64": "integer", "str": "string"}
_BETWEEN, _IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"


def openapi(service: Service) -> dict[str, Any]:
    """The description of the server that answers for `service`, as OpenAPI 3.1."""
    schemas = _forms(service) | {"answer": _answer(service), "refusal": _refusal(service)}
    reference = {name: {"$ref": f"#/components/schemas/{name}"} for name in schemas}
    given = examples(service)
    content = {
        JSON: {
            "schema": {"oneOf": [reference["rows"], reference[RECORDS], reference[SPLIT]]},
            "examples": {name: {"value": value} for name, (media_type, value) in given.items() if media_type == JSON},
        },
        CSV: {
            "schema": {"type": "string", "description": "a header line with the names of the columns, then the rows"},
            "examples": {name: {"value": value} for name, (media_type, value) in given.items() if media_type == CSV},
        },
    }
    responses = {
        "200": ("predictions, in the order of the rows", "answer"),
        "400": ("rows that cannot be scored, with the reasons; nothing was predicted", "refusal"),
        "413": ("too many bytes, or texts too long to read on", "refusal"),
        "415": ("neither JSON nor CSV", "refusal"),
    }
    predict = {
        "summary": "Predict every row, or none if any cannot be scored",
        "requestBody": {"required": True, "content": content},
        "responses": {
            status: {"description": description, "content": {JSON: {"schema": reference[name]}}}
            for status, (description, name) in responses.items()
        },
    }
    pages = {"/": "What the model is and which columns it needs", "/ping": "Whether it answers", "/health": "The same"}
    gets = {
        path: {"get": {"summary": text, "responses": {"200": {"description": text}}}} for path, text in pages.items()
    }
    text = _drawn(
        f"What follows a text, drawn character by character; at most {MOST_DRAWN:,} with the prompts",
        Completion(prompt="To be", n=3),
        "the texts, without the prompt",
        "completions",
        "string",
    )
    row = _drawn(
        "New rows, drawn at random",
        Drawing(n=3, seed=1),
        "the rows; pictures are data URIs. With nearest, also the number of the nearest training row, and its distance",
        "rows",
        "object",
    )
    completes = {"/complete": {"post": text}} if service.completes else {}
    draws = {"/sample": {"post": row}} if service.draws else {}
    encodes = _encoding(content, given) if service.model.encodes else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": service.problem.question,
            "version": str(service.registered.version),
            "description": f"Predictions of {service.registered}.",
        },
        "paths": {"/predict": {"post": predict}} | completes | draws | encodes | gets,
        "components": {"schemas": schemas},
    }


def _encoding(content: dict[str, Any], given: dict[str, tuple[str, Any]]) -> dict[str, Any]:
    """The requests for codes, and for rows between two. content: how rows are given. given: examples of them."""
    codes = {"type": "object", "properties": {"codes": {"type": "array", "items": {"type": "object"}}}}
    encode = {
        "summary": "The code of every row, or of none if any cannot be encoded",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "codes, in the order of the rows", "content": {JSON: {"schema": codes}}},
            "400": {"description": "rows that cannot be encoded, with the reasons"},
        },
    }
    between = _drawn(
        "Rows in equal steps from one row to another, by their codes",
        Interpolation(steps=3),
        "the rows, both ends included; pictures are data URIs",
        "rows",
        "object",
    )
    form = between["requestBody"]["content"][JSON]
    two = {"type": "array", "items": {"type": "object"}, "minItems": 2, "maxItems": 2}
    form["schema"]["properties"]["rows"] = two
    form["schema"]["required"] = ["rows"]
    form["examples"]["example"]["value"]["rows"] = given["rows"][1] * 2
    return {"/encode": {"post": encode}, "/interpolate": {"post": between}}


def _drawn(summary: str, asked: Asked, description: str, name: str, type_: str) -> dict[str, Any]:
    """The request for what a model draws. asked: an example of its settings. name: the list in the answer."""
    drawn = {"type": "object", "properties": {name: {"type": "array", "items": {"type": type_}}}}
    example = {"example": {"value": asked.model_dump()}}
    return {
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": asked.model_json_schema(), "examples": example}},
        },
        "responses": {
            "200": {"description": description, "content": {JSON: {"schema": drawn}}},
            "400": {"description": "what is wrong with the request"},
            "503": {"description": "too many requests wait to be drawn; ask again after the seconds of Retry-After"},
        },
    }


def page(service: Service) -> str:
    """The description as an HTML page with a form for requests."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    bodies = {
        name: {
            "type": type_,
            "body": value if type_ == CSV else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(),
        }
        for name, (type_, value) in examples(service).items()
    }
    return environment.get_template("docs.html.j2").render(
        model=str(service.registered),
        question=service.problem.question,
        completes=service.completes,
        encodes=service.model.encodes,
        types=service.checks.types,
        columns=columns(service),
        predicted=_answer(service)["properties"]["predictions"]["items"]["properties"],
        bodies=bodies,
        largest=LARGEST,
    )


def columns(service: Service) -> dict[str, dict[str, Any]]:
    """The schema of each column: its type, the values that the checks allow, and the categories seen in training."""
    described = {name: dict(_TYPES[type_]) for name, type_ in service.checks.types.items()}
    for name, column in _learnt(service).items():
        if isinstance(column, Categories):
            described[name] |= {"examples": column.categories, "description": "another value counts as a rare one"}
    for name, learnt in service.checks.ranges.items():
        described[name]["description"] = f"a value that {learnt.told}, comes with a warning"
    for rule in service.checks.suite.rules:
        schema = described.get(rule.kwargs.get("column", ""))
        if schema is None or rule.severity != "error":
            continue
        if rule.type == _BETWEEN and "minimum" in schema:
            lowest, highest = rule.kwargs.get("min_value"), rule.kwargs.get("max_value")
            schema |= {"minimum": schema["minimum"] if lowest is None else lowest}
            schema |= {"maximum": schema["maximum"] if highest is None else highest}
        if rule.type == _IN_SET:
            schema["enum"] = [*rule.kwargs["value_set"], None]
    return described


def examples(service: Service) -> dict[str, tuple[str, Any]]:
    """A request in each form, with its media type: one row with each column's median or a value seen in training."""
    learnt = _learnt(service)
    row = {name: _example(type_, learnt.get(name)) for name, type_ in service.checks.types.items()}
    lines = [",".join(map(_cell, row)), ",".join(map(_cell, row.values())), ""]
    return {
        "rows": (JSON, [row]),
        RECORDS: (JSON, {RECORDS: [row]}),
        SPLIT: (JSON, {SPLIT: {"columns": list(row), "data": [list(row.values())]}}),
        "csv": (CSV, "\n".join(lines)),
    }


def _learnt(service: Service) -> dict[str, AnyColumn]:
    return {column.name: column for column in service.model.vectorizers[0].columns}


def _example(type_: FeatureType, column: AnyColumn | None) -> Any:
    match column:
        case Numbers(median=median) if type_ == "numeric":
            return float(f"{median:.6g}")
        case Categories(categories=[first, *_]):
            return first
        case Dates(parts=[days, *_]):
            return str(np.datetime64(0, "D") + int(days.median))
    return _EXAMPLES[type_]


def _cell(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    quoted = text.replace('"', '""')
    return f'"{quoted}"' if set(text) & set(',"\n\r') else text


def _forms(service: Service) -> dict[str, Any]:
    rows = {
        "type": "array",
        "items": {"type": "object", "properties": columns(service)},
        "minItems": 1,
        "description": "A missing key is a missing value; other keys are ignored.",
    }
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "data": {"type": "array", "items": {"type": "array"}, "minItems": 1},
            "index": {"type": "array", "description": "is ignored"},
        },
        "required": ["columns", "data"],
        "additionalProperties": False,
    }
    reference = {"$ref": "#/components/schemas/rows"}
    return {"rows": rows} | {
        name: {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}
        for name, schema in ((RECORDS, reference), (SPLIT, split))
    }


def _identity(service: Service) -> dict[str, Any]:
    return {name: {"const": value} for name, value in service.identity.items()}


def _answer(service: Service) -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0, "description": "the row of the request, from 0"}
    # A moment with too short a past has no forecast.
    none = ["null"] if service.reader.whole else []
    predicted = {name: {"type": [_PREDICTED[dtype], *none]} for name, dtype in service.predicted.items()}
    warning = {ROW: number, "column": {"type": ["string", "null"]}, "warning": {"type": "string"}}
    return {
        "type": "object",
        "properties": _identity(service)
        | {
            "predictions": {"type": "array", "items": {"type": "object", "properties": {ROW: number} | predicted}},
            "warnings": {"type": "array", "items": {"type": "object", "properties": warning}},
        },
    }


def _refusal(service: Service) -> dict[str, Any]:
    refused = {
        ROW: {"type": "integer", "minimum": 0, "description": "the row of the request, from 0"},
        "line": {"type": "integer", "minimum": 1, "description": "of CSV"},
        "column": {"type": ["string", "null"], "description": "null: the row as a whole"},
        "reason": {"type": "string"},
    }
    return {
        "type": "object",
        "properties": {"error": {"type": "string"}}
        | _identity(service)
        | {"refused": {"type": "array", "items": {"type": "object", "properties": refused}}},
    }

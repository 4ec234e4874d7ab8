"""Explain what is wrong with a problem file.

Each of pydantic's errors becomes one line: the file, the key, its value, what is allowed, the nearest valid spelling.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from itertools import groupby
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from src.core.files import Layout


def explained(error: ValidationError, model: type[BaseModel], given: Any, layout: Layout) -> Iterator[str]:
    """A line about each key of `given`, the problem file as read, that `model` does not accept."""
    # A key with alternatives (text or a list) has one error for each; they follow one another and make one line.
    for location, details in groupby(error.errors(), _location):
        yield _explain(location, list(details), model, given, layout)


MOST_SHOWN = 200  # characters of a value in a message

# What pydantic expects, in words for people who write YAML.
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "too_short": "a list of at least {min_length}",
    "string_too_short": "text of at least {min_length} character",
    "string_too_long": "text of at most {max_length} character",
    "literal_error": "{expected}",
    "union_tag_invalid": "{expected_tags}",
}


def _explain(
    location: tuple[int | str, ...], details: list[ErrorDetails], model: type[BaseModel], given: Any, layout: Layout
) -> str:
    """The line about one key; `details` holds pydantic's errors, one for each form that the key may have."""
    fault, value, context = details[0]["type"], details[0]["input"], details[0].get("ctx", {})
    file = layout.problem_file if not location or _holds(given, location) else layout.params_file
    if fault == "value_error":
        return f"{file}: {context['error']}"
    if fault == "missing":
        return f"{layout.problem_file}: {_key(location)}: this key is missing"
    if fault == "union_tag_not_found":
        return f"{file}: {_key(location)}.source: this key is missing; allowed: {', '.join(sorted(_TAGS))}"
    if fault in ("extra_forbidden", "invalid_key"):
        allowed = sorted(_allowed_fields(model, details[0]["loc"][:-1]))
        near = get_close_matches(str(location[-1]), allowed, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{file}: {_key(location)}: unknown key{hint} (allowed: {', '.join(allowed)})"
    if fault == "union_tag_invalid":
        location, value = (*location, "source"), value["source"]
    expected = " or ".join(dict.fromkeys(_expected(detail, model) for detail in details))
    return f"{file}: {_key(location)}: should be {expected}, given {_shown(value)}{_way_out(value, expected)}"


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))


def _expected(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "string_pattern_mismatch":
        return str(_allowed_fields(model, detail["loc"][:-1])[str(detail["loc"][-1])].description)
    if detail["type"] in _EXPECTED:
        return _EXPECTED[detail["type"]].format(**detail.get("ctx", {}))
    return detail["msg"].removeprefix("Input should be ")


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _way_out(value: Any, expected: str) -> str:
    if isinstance(value, str):
        near = get_close_matches(value, re.findall(r"'(.+?)'", expected), n=1)
        return f"; did you mean {near[0]!r}?" if near else ""
    return f'; in quotes it is text: "{_shown(value)}"' if "text" in expected and isinstance(value, int | float) else ""


_TAGS = {"sklearn", "file", "address"}


def _location(detail: ErrorDetails) -> tuple[int | str, ...]:
    return tuple(part for part in detail["loc"] if not _is_union_tag(part, detail["loc"]))


def _is_union_tag(part: Any, location: tuple[int | str, ...]) -> bool:
    """Whether pydantic, not the user, put `part` into an error's location (union members and discriminators)."""
    if isinstance(part, str) and part.startswith(("literal[", "list[")):
        return True
    names = {"int", "constrained-int", "str", "bool", "float", "[key]"}
    return part in names or (part in _TAGS and location[0] == "data" and location.index(part) == 1)


def _holds(given: Any, location: tuple[int | str, ...]) -> bool:
    for part in location:
        keys = {str(key): key for key in given} if isinstance(given, dict) else {}  # pydantic names 3 and null as text
        try:
            given = given[keys.get(str(part), part)]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _allowed_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """The keys allowed in the mapping at `location` of a problem file."""
    annotation: Any = model
    for part in location:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
            continue
        members = _models(annotation)
        if part in _TAGS and len(members) > 1:
            annotation = next(m for m in members if get_args(m.model_fields["source"].annotation) == (part,))
        elif not isinstance(part, int):
            annotation = members[0].model_fields[str(part)].annotation
    return {name: field for member in _models(annotation) for name, field in member.model_fields.items()}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, UnionType, list):
        return [member for part in get_args(annotation) for member in _models(part)]
    return []

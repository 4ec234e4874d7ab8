"""Problem files and params.yaml as DVC reads them, so that a file means the same to both.

That is YAML 1.2: unlike in the older version that PyYAML follows, `yes` and `off` are text and `1e-3` is a number. A
date is text as well, and a key given twice is an error instead of a silent choice.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from src.errors import UserError

# How a plain word reads, and with which characters such a word begins.
_WORDS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))"
        r"|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}


# What to do about PyYAML's commonest complaints.
_WAYS_OUT = {
    "mapping values are not allowed here": "; quote a text that holds `: `",
    "found character '\\t'": "; indent with spaces",
    "is there twice": "; keep one of them",
}


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key has to be a word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _name, (_pattern, _beginnings) in _WORDS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _beginnings)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that the file holds. Raises UserError naming file, line and column where it holds none."""
    try:
        text = path.read_text(encoding="utf-8")
        value = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path} is not YAML: line {line} is not UTF-8 text; save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{path} is not YAML: {_told(error, text)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from None
    if value is None:
        raise UserError(f"{path} is empty; it needs lines of the form `key: value`")
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected lines of the form `key: value`, found {str(value)[:80]!r}")
    return value


def _told(error: yaml.MarkedYAMLError, text: str) -> str:
    problem, mark = error.problem or error.context or "", error.problem_mark
    way_out = next((way_out for part, way_out in _WAYS_OUT.items() if part in problem), "")
    if mark is None:
        return problem + way_out
    line = next(iter(text.splitlines()[mark.line :]), "")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{way_out}\n  {line}".rstrip()

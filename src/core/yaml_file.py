"""Read problem files and params.yaml as DVC does, so that they mean the same to both, and write values for them.

That is YAML 1.2: unlike in PyYAML's older version, `yes` and `off` are text and `1e-3` is a number. Dates are text as
well, and a repeated key is an error instead of a silent choice.

Files may come from strangers. So their size, depth, integers and expanded aliases are limited, and tags such as `!!int`
are refused.
"""

import json
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from src.core.errors import UserError

_PREFIX = "tag:yaml.org,2002:"  # of YAML's own tags, which are written `!!`

# The patterns of plain words by their type, and the characters that such words begin with.
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


MOST_BYTES = 2**18  # PyYAML reads some 100 kB in a second
MOST_DEPTH = 20
MOST_VALUES = 50_000  # with every alias written out
MOST_DIGITS = 18  # fits into 64 bits
MOST_SHOWN = 100  # characters of a line in a message

# What to do about PyYAML's most frequent errors.
_WAYS_OUT = {
    "mapping values are not allowed here": "; quote a text that holds `: `",
    "found character '\\t'": "; indent with spaces",
    "is there twice": "; keep one of them",
}


class _Extent(NamedTuple):
    """The number and depth of the values in a part of the file, with every alias expanded."""

    values: int
    depth: int


class _Loader(yaml.SafeLoader):
    """A safe loader with the limits above, which refuses repeated keys."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.extents: dict[Any, _Extent] = {}  # of each node that is complete

    def compose_node(self, parent: yaml.Node | None, index: Any) -> Any:
        event: Any = self.peek_event()
        if getattr(event, "tag", None) is not None:
            tag = event.tag.replace(_PREFIX, "!!")
            raise _refused(f"the tag {tag} is not allowed; write the plain value", event.start_mark)
        self.depth += 1
        too_deep = _refused(f"nested more than {MOST_DEPTH} deep", event.start_mark)
        if self.depth > MOST_DEPTH:
            raise too_deep
        node: Any = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if node not in self.extents:
                raise _refused(f"the alias *{event.anchor} contains itself", event.start_mark)
            return node
        if isinstance(node, yaml.ScalarNode):
            _check_scalar(node)
        inside = [self.extents[inner] for inner in _inside(node)]
        values, depth = sum(part.values for part in inside), max((part.depth for part in inside), default=0)
        extent = _Extent(1 + values, 1 + depth)
        if extent.values > MOST_VALUES:
            raise _refused(f"more than {MOST_VALUES:,} values", event.start_mark)
        if extent.depth > MOST_DEPTH:
            raise too_deep
        self.extents[node] = extent
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused("a key has to be a word", key.start_mark)
            if key.value in seen:
                raise _refused(f"the key {key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _check_scalar(node: yaml.ScalarNode) -> None:
    if node.tag == f"{_PREFIX}int" and len(node.value.lstrip("+-")) > MOST_DIGITS:
        raise _refused(f"an integer of more than {MOST_DIGITS} digits; in quotes it is text", node.start_mark)
    invalid = next((one for one in node.value if one == "\0" or "\ud800" <= one < "\ue000"), None)
    if invalid is not None:
        raise _refused(f"the character {invalid!r} cannot stand in a text; remove it", node.start_mark)


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _inside(node: yaml.Node) -> Iterable[Any]:
    match node:
        case yaml.SequenceNode():
            return node.value
        case yaml.MappingNode():
            return chain.from_iterable(node.value)
        case _:
            return ()


_Loader.yaml_implicit_resolvers = {}
for _name, (_pattern, _beginnings) in _WORDS.items():
    _Loader.add_implicit_resolver(f"{_PREFIX}{_name}", re.compile(f"^(?:{_pattern})$"), _beginnings)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that the file holds. Otherwise raises UserError with file, line and column."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if size > MOST_BYTES:
        raise UserError(f"{path} has {size:,} bytes; such a file may have {MOST_BYTES:,}")
    return parse_yaml(content, str(path))


def parse_yaml(content: bytes, shown: str) -> dict[str, Any]:
    """The mapping in `content`, which messages call `shown`. Raises UserError as `read_yaml` does."""
    try:
        text = content.decode("utf-8")
        value = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{shown} is not YAML: line {line} is not UTF-8 text; save the file as UTF-8") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise UserError(f"{shown} is not YAML: line {line} holds the character {chr(error.character)!r}") from None
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{shown} is not YAML: {_located(error, text)}") from None
    # PyYAML does not check some numbers, such as those in "\\U00110000".
    except (ValueError, OverflowError) as error:
        raise UserError(f"{shown} is not YAML: {error}") from None
    if value is None:
        raise UserError(f"{shown} is empty; it needs lines of the form `key: value`")
    if not isinstance(value, dict):
        raise UserError(f"{shown}: expected lines of the form `key: value`, found {str(value)[:80]!r}")
    return value


def _located(error: yaml.MarkedYAMLError, text: str) -> str:
    problem, mark = error.problem or error.context or "", error.problem_mark
    way_out = next((way_out for part, way_out in _WAYS_OUT.items() if part in problem), "")
    if mark is None:
        return problem + way_out
    line = next(iter(text.splitlines()[mark.line :]), "")
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}{way_out}\n  {line[:MOST_SHOWN]}".rstrip()


def scalar(value: str) -> str:
    """`value` as YAML that reads as the same text, also inside a flow sequence."""
    quoted = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**9).rstrip("\n")
    plain = re.fullmatch(r"[A-Za-z_][\w ()/.?-]*", value) and value == value.strip()
    try:
        return value if plain and yaml.safe_load(f"[{value}]") == [value] else quoted
    except yaml.YAMLError:
        return quoted


def flow(value: Any) -> str:
    """Mappings, sequences, texts, numbers and truth values as YAML in one line."""
    match value:
        case dict():
            return f"{{{', '.join(f'{scalar(name)}: {flow(inner)}' for name, inner in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case str():
            return scalar(value)
        case _:
            return json.dumps(value)

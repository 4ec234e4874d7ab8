"""Edit YAML files so that everything but the edited values stays as it is.

Problem files belong to their owner: `with_settings` replaces or inserts single values in the text and leaves every
other byte alone. dvc.lock belongs to DVC, which writes it by ruamel.yaml, as `edited` does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from src.core.errors import UserError
from src.core.files import atomic_file
from src.core.yaml_file import parse_yaml

_PLAIN = re.compile(r"(?!(?i:true|false|null)$)[A-Za-z_][\w-]*")
_WIDE = 2**20  # ruamel.yaml breaks longer lines


@contextmanager
def edited(path: Path) -> Iterator[dict[str, Any]]:
    """The content of the file, written back after the block. Comments and order stay."""
    yaml_file = _ruamel()
    content = yaml_file.load(path.read_bytes())
    yield content
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as file:
        yaml_file.dump(content, file)


def with_settings(text: str, settings: Mapping[str, Any]) -> str:
    """The YAML text of a mapping with other values for some keys, nested ones joined by dots.

    Files with aliases or other rare forms are written anew as a whole; comments and order stay.
    """
    for key, value in settings.items():
        expected = parse_yaml(text.encode(), "the file")
        set_value(expected, key.split("."), value)
        changed = _with_value(text, key.split("."), value)
        text = changed if _holds(changed, expected) else _written_anew(text, key.split("."), value)
    return text


def set_value(mapping: Any, keys: list[str], value: Any) -> None:
    """Set the value at the path `keys`; what is no mapping on the way becomes one."""
    for key in keys[:-1]:
        if not isinstance(mapping.get(key), dict):
            mapping[key] = {}
        mapping = mapping[key]
    mapping[keys[-1]] = value


def _with_value(text: str, keys: list[str], value: Any) -> str:
    """The text with one value replaced or inserted, where the file is written in a usual form."""
    node, newline = yaml.compose(text, yaml.SafeLoader), "\r\n" if "\r\n" in text else "\n"
    for depth, name in enumerate(keys):
        rest = _nested(keys[depth + 1 :], value)
        assert isinstance(node, yaml.MappingNode)
        entry = next(((key, inner) for key, inner in node.value if key.value == name), None)
        if entry is None:
            return _inserted(text, node, f"{name}: {_flow(rest)}", newline)
        key, inner = entry
        if depth == len(keys) - 1 or not isinstance(inner, yaml.MappingNode):
            colon = text.index(":", key.end_mark.index)
            begin, end = colon + 1, _end(inner, text)
            between = text[begin : inner.start_mark.index]
            if between.strip(" ") or not between:  # on lines of its own, or missing
                return f"{text[:begin]} {_flow(rest)}{text[max(begin, end) :]}"
            return f"{text[: inner.start_mark.index]}{_flow(rest)}{text[end:]}"
        node = inner
    raise AssertionError("there is at least one key")


def _inserted(text: str, mapping: yaml.MappingNode, line: str, newline: str) -> str:
    """The text with `line` as the last entry of a mapping."""
    if mapping.flow_style:
        end = mapping.end_mark.index - 1
        return f"{text[:end]}{', ' if mapping.value else ''}{line}{text[end:]}"
    last = _end(mapping, text)
    line_end = text.find("\n", last)
    before, after = (text, "") if line_end < 0 else (text[: line_end + 1], text[line_end + 1 :])
    if not before.endswith("\n"):
        before += newline
    return f"{before}{' ' * mapping.start_mark.column}{line}{newline}{after}"


def _end(node: yaml.Node, text: str) -> int:
    """Where the text of a value ends; PyYAML lets a block end where the next entry begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last, text)
    return len(text[: node.end_mark.index].rstrip()) if isinstance(node, yaml.ScalarNode) else node.end_mark.index


def _nested(keys: list[str], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _flow(value: Any) -> str:
    """A value on one line, as it means the same to every reader of YAML."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if _PLAIN.fullmatch(value):
            return value
    return json.dumps(value, ensure_ascii=False)


def _holds(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return parse_yaml(text.encode(), "the file") == expected
    except UserError:
        return False


def _written_anew(text: str, keys: list[str], value: Any) -> str:
    yaml_file, file = _ruamel(), StringIO()
    yaml_file.width, yaml_file.preserve_quotes = _WIDE, True
    content = yaml_file.load(text)
    set_value(content, keys, deepcopy(value))
    yaml_file.dump(content, file)
    return file.getvalue()


def _ruamel() -> YAML:
    yaml_file = YAML()
    yaml_file.default_flow_style = False
    return yaml_file

"""Write the pages that list every key of a problem file and every measure, from the code that reads them.

    python -m docs.reference

`tests/test_docs.py` fails where a page is not what this command would write.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from src.core.yaml_file import read_yaml
from src.models.measures import TABLE
from src.models.types.registry import TYPES
from src.problem.steps import Problem

ROOT = Path(__file__).parents[1]
_MADE = "Made by `python -m docs.reference`; change the code, not this page."
_BOUNDS = {"minimum": "from {}", "exclusiveMinimum": "over {}", "maximum": "to {}", "exclusiveMaximum": "under {}"}
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": ""}


def pages() -> dict[Path, str]:
    """Each page and its text."""
    return {
        ROOT / "docs/keys.md": "\n\n".join(_keys()) + "\n",
        ROOT / "docs/measures.md": "\n\n".join(_measures()) + "\n",
    }


def _keys() -> Iterator[str]:
    schema, defaults = Problem.model_json_schema(), read_yaml(ROOT / "params.yaml")["defaults"]
    yield f"# Every key of a problem file\n\n{_MADE} [Problem files](problem-files.md) explains them, with examples."
    yield (
        "A key without a default may be left out unless the table says that it is required. A default stands in "
        "`params.yaml` or in the code; some types have [defaults of their own](#defaults-of-some-types)."
    )
    yield from _sections("", schema, schema["$defs"], defaults)
    yield "## Defaults of some types"
    yield _table(
        ("type", "key", "default"),
        [
            (f"`{name}`", f"`{key}`", f"`{_yaml(default)}`")
            for name, type_ in TYPES.items()
            for key, default in _leaves("", type_.defaults)
        ],
    )


def _leaves(path: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The keys that hold values, with those above them, and the values."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(f"{path}{name}.", value)
        else:
            yield f"{path}{name}", value


def _sections(
    path: str, model: Mapping[str, Any], models: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[str]:
    """The table of a model's keys, then those of the models in it."""
    rows, inside = [], []
    for name, field in model["properties"].items():
        parts = [models[part] for part in _models_in(field)]
        inside += [(f"{path}{name}", part, defaults.get(name, {})) for part in parts]
        default = defaults.get(name, field.get("default"))
        required = name in model.get("required", []) and name not in defaults
        values = "its own table below" if parts else "[a measure](measures.md)" if name == "measure" else _values(field)
        shown = "required" if required else "" if parts or default in (None, "", [], {}) else f"`{_yaml(default)}`"
        rows.append((f"`{name}`", values, shown, field.get("description", "")))
    source = model["properties"].get("source", {}).get("const")
    title = f"`{path.removesuffix('.')}`" + (f" of source {source}" if source else "") if path else "At the top"
    about = " ".join(model.get("description", "").split()) if path else ""
    yield f"## {title}" + (f"\n\n{about}" if about else "")
    yield _table(("key", "values", "default", "meaning"), rows)
    for key, part, below in inside:
        yield from _sections(f"{key}.", part, models, below if isinstance(below, Mapping) else {})


def _models_in(field: Mapping[str, Any]) -> list[str]:
    """The names of the models that a field may hold, itself or as items."""
    names = [field["$ref"].rpartition("/")[2]] if "$ref" in field else []
    below = [*field.get("anyOf", []), *field.get("oneOf", []), field.get("items"), field.get("additionalProperties")]
    return names + [name for part in below if isinstance(part, Mapping) for name in _models_in(part)]


def _values(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(filter(None, map(_values, field["anyOf"]))))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{_yaml(value)}`" for value in field.get("enum", [field.get("const")]))
    if field["type"] == "array":
        return f"list of: {_values(field['items'])}"
    if field["type"] == "object":
        return f"by column: {_values(field['additionalProperties'])}"
    bounds = [words.format(f"{field[name]:,.12g}") for name, words in _BOUNDS.items() if name in field]
    return " ".join([_TYPES[field["type"]], *bounds])


def _yaml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_yaml, value))}]"
        case "":
            return '""'
        case float():
            return f"{value:g}"
    return str(value)


def _measures() -> Iterator[str]:
    yield f"# The measures of success\n\n{_MADE} `measure` in a problem file takes these names, or `auto`."
    yield (
        "With `auto` a type takes its first measure, unless the balance of the classes speaks for another. The report "
        "prints the choice and the reason."
    )
    rows = [
        (
            f"`{measure.name}`",
            measure.title,
            measure.meaning,
            "higher" if measure.direction == "maximize" else "lower",
            ", ".join(f"`{name}`" for name, type_ in TYPES.items() if measure.name in type_.measures),
        )
        for measure in TABLE.values()
    ]
    yield _table(("measure", "in words", "what it says", "better is", "types"), rows)
    yield "## By type"
    yield _table(
        ("type", "first", "others"),
        [
            (f"`{name}`", f"`{type_.measures[0]}`", ", ".join(f"`{other}`" for other in type_.measures[1:]))
            for name, type_ in TYPES.items()
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")

"""Settings are written into a problem file as a person would: nothing else in it changes by one byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.experiments.yaml_edits import set_value, with_settings
from src.core.yaml_file import parse_yaml

FILE = """\
# Who leaves?   \n\
question:   "Which customers will leave within the next thirty days, given what is known of them on the first?"
data: {source: file, path: churn.csv}  # from Ann
target: 'left'

folds: 5   # as always
search:   # small
  budget: 12   # as for wine

  dropout: [0.0,  0.25]
# the end of the search
training:
    optimizer: rmsprop
unit:
"""

# The settings, and the line of FILE that each replaces by another, or the line after which another comes.
EDITS = {
    "replaced": ({"folds": 3}, "folds: 5   # as always", "folds: 3   # as always"),
    "nested": ({"search.budget": 4}, "  budget: 12   # as for wine", "  budget: 4   # as for wine"),
    "a list": ({"search.dropout": [0.5]}, "  dropout: [0.0,  0.25]", "  dropout: [0.5]"),
    "new": ({"repeats": 2}, "unit:", "unit:\nrepeats: 2"),
    "new in a block": ({"search.l2": 1e-5}, "  dropout: [0.0,  0.25]", "  dropout: [0.0,  0.25]\n  l2: 1e-05"),
    "new in braces": (
        {"data.format": "csv"},
        "data: {source: file, path: churn.csv}  # from Ann",
        "data: {source: file, path: churn.csv, format: csv}  # from Ann",
    ),
    "empty before": ({"unit": "days: 30"}, "unit:", 'unit: "days: 30"'),
    "a new block": ({"engine.workers": 2}, "unit:", "unit:\nengine: {workers: 2}"),
    "a truth value as text": ({"target": "true"}, "target: 'left'", 'target: "true"'),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize(("settings", "line", "changed"), EDITS.values(), ids=EDITS)
def test_only_what_changes_is_written(settings: dict, line: str, changed: str, newline: str):
    assert FILE.count(f"\n{line}\n") == 1
    expected = FILE.replace(f"\n{line}\n", f"\n{changed}\n").replace("\n", newline)
    assert with_settings(FILE.replace("\n", newline), settings) == expected


KEYS = ["folds", "repeats", "search.budget", "search.penalty", "training.epochs"]
VALUES = st.one_of(st.integers(-9, 99), st.floats(0, 1), st.booleans(), st.sampled_from(["auto", "a: b", "no", "1"]))
COMMENTS = st.sampled_from(["", "   ", "  # why: 5", "#\t", "# ''"])
PROSE = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=200)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A mapping of one line per entry, with comments and blank lines between them."""
    lines = [f"question: '{draw(PROSE).replace(chr(39), chr(39) * 2)}'{draw(st.sampled_from(['', '  ', ' # ?']))}"]
    for key in draw(st.lists(st.sampled_from(["folds", "repeats", "seed"]), unique=True)):
        lines += [draw(COMMENTS), f"{key}:  {draw(st.sampled_from(['5', 'auto', chr(39) + 'x' + chr(39)]))} # {key}"]
    if draw(st.booleans()):
        lines += [draw(COMMENTS), "search: ", "   budget: 3", draw(COMMENTS), "   dropout: [0, 1]  ", draw(COMMENTS)]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@given(text=files(), settings=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1))
def test_settings_take_their_values_and_every_other_line_keeps_its_bytes(text: str, settings: dict):
    changed = with_settings(text, settings)
    expected = parse_yaml(text.encode(), "before")
    for key, value in settings.items():
        set_value(expected, key.split("."), value)
    assert parse_yaml(changed.encode(), "after") == expected
    edited = (*(f"{key.split('.')[-1]}:" for key in settings), "training:")

    def others(lines: str) -> list[str]:
        kept = [line for line in lines.split("\n") if not line.lstrip().startswith(edited)]
        return [line for line in kept if not line.startswith("search: {")]

    assert others(changed.rstrip("\n")) == others(text.rstrip("\n"))
    for line in text.split("\n"):
        _, hash_, comment = line.partition(" # ")
        assert hash_ + comment in changed


@pytest.mark.parametrize("text", ["a: &x 1\nfolds: *x\n", "search: &s {budget: 3}\nother: *s\n", "? folds\n: 5\n"])
def test_rare_forms_are_edited_too(text: str):
    changed = with_settings(text, {"folds": 3, "search.budget": 7})
    found = parse_yaml(changed.encode(), "after")
    assert (found["folds"], found["search"]) == (3, {"budget": 7})
    assert found.get("a", 1) == 1

"""The typed form: what it allows, what it refuses, and what it makes of a run."""

import json

import pytest
from pydantic import ValidationError

from flows.arguments import is_isolated
from flows.overrides import FIELDS, Overrides, from_pairs
from src.core.errors import UserError
from src.problem.steps import Problem


def test_every_field_of_the_form_has_a_title_a_help_text_or_choices():
    schema = Overrides.model_json_schema()
    for form in (schema, *schema["$defs"].values()):
        for name, field in form["properties"].items():
            title = field.get("title") or schema["$defs"][field["$ref"].rpartition("/")[2]]["title"]
            assert title[0].isupper(), name
            shown = json.dumps(field)
            assert "description" in field or "enum" in shown or "const" in shown, name


def test_a_choice_or_a_number_has_one_input_that_may_be_left_empty():
    schema = Overrides.model_json_schema()
    for form, types in ((schema, {"measure", "protocol", "folds"}), (schema["$defs"]["EngineOverrides"], {"backend"})):
        assert types <= set(form["properties"])
        for name in types:
            assert not {"anyOf", "default"} & set(form["properties"][name])
        assert not types & set(form.get("required", []))


@pytest.mark.parametrize(
    ("pairs", "settings"),
    [
        ([], {}),
        (["folds=3", "search.budget=9"], {"folds": 3, "search.budget": 9}),
        (
            ["training.learning_rate=1e-3", "training.epochs=50"],
            {"training.epochs": 50, "training.learning_rate": 0.001},
        ),
        (["measure=auto", "protocol=k_fold", "repeats=1"], {"measure": "auto", "protocol": "k_fold", "repeats": 1}),
        (["engine.workers=auto", "engine.accelerator=cpu"], {"engine.workers": "auto", "engine.accelerator": "cpu"}),
    ],
)
def test_what_is_set_becomes_keys_of_a_problem_file(pairs: list[str], settings: dict[str, object]):
    overrides = from_pairs(pairs)
    assert overrides.settings() == settings
    for key in settings:
        model: object = Problem
        for part in key.split("."):
            model = model.model_fields[part].annotation


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("folds=1", "--set folds: should be greater than or equal to 2, given '1'"),
        ("folds=many", "--set folds: should be a valid integer, given 'many'"),
        ("training.epochs=0", "--set training.epochs: should be greater than or equal to 1"),
        ("training.epochs=100001", "--set training.epochs: should be less than or equal to 100000"),
        ("search.budget=10001", "--set search.budget: should be less than or equal to 10000"),
        ("training.learning_rate=0", "--set training.learning_rate: should be greater than 0"),
        ("training.learning_rate=nan", "--set training.learning_rate: should be less than or equal to 10, given"),
        ("measure=acuracy", "--set measure: should be 'auto', 'accuracy'"),
        ("engine.workers=0", "--set engine.workers: should be greater than or equal to 1 or 'auto'"),
        ("search_budget=3", "--set search_budget: no such setting; did you mean search.budget?"),
        ("folds", "--set folds: give a setting and its value, like --set folds=3"),
        ("engine=3", "--set engine: no such setting"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(pair: str, told: str):
    with pytest.raises(UserError) as raised:
        from_pairs([pair])
    assert told in str(raised.value)


def test_several_bad_values_are_told_together():
    with pytest.raises(UserError) as raised:
        from_pairs(["folds=1", "engine.workers=x", "measure=?"])
    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        "--set measure",
        "--set folds",
        "--set engine.workers",
    ]


@pytest.mark.parametrize("given", [{"fold": 3}, {"engine": {"worker": 2}}])
def test_the_api_refuses_a_field_that_is_not_there(given: dict[str, object]):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Overrides.model_validate(given)


@pytest.mark.parametrize(
    ("parameters", "isolated"),
    [
        ({"problem": "wine"}, False),
        ({"problem": "wine", "overrides": None}, False),
        ({"problem": "wine", "overrides": {}}, False),
        ({"problem": "wine", "overrides": {"folds": None, "engine": {"workers": None}}}, False),
        ({"problem": "wine", "overrides": Overrides(), "force": True}, False),
        ({"problem": "wine", "overrides": {"folds": 3}}, True),
        ({"problem": "wine", "overrides": {"engine": {"workers": 2}}}, True),
        ({"problem": "wine", "overrides": Overrides(folds=3)}, True),
        ({"problem": "not listed in params.yaml"}, True),
    ],
)
def test_a_run_is_isolated_when_it_has_overrides_or_no_stages_in_the_workspace(
    parameters: dict[str, object], isolated: bool
):
    assert is_isolated(parameters) is isolated


def test_every_field_can_be_set_on_the_command_line():
    assert set(FIELDS) == {
        "measure",
        "protocol",
        "folds",
        "repeats",
        "search.budget",
        "training.epochs",
        "training.learning_rate",
        *(f"engine.{name}" for name in Problem.model_fields["engine"].annotation.model_fields),
    }

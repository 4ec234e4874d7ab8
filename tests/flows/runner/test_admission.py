"""Runs that cannot happen: each fails with a reason, none waits, and the runner goes on."""

import re
from typing import Any

import pytest
from prefect.utilities.schema_tools.validation import ValidationError as SchemaError
from prefect.utilities.schema_tools.validation import validate
from pydantic_core import to_jsonable_python

from flows.arguments import known_problems
from flows.runner import admission, deployments
from flows.runner.admission import admit
from src.core.errors import UserError
from src.core.files import Layout
from src.problem.load import load_problem
from tests.workspaces import ROOT


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


WINE = {"problem": "wine"}


@pytest.mark.parametrize(
    ("flow", "parameters", "told"),
    [
        (
            "universal-workflow",
            {},
            "not given: problem; a run takes it from its form, Custom run, and a schedule from its ",
        ),
        ("universal-workflow", {"problem": "wnie"}, "no problem is called 'wnie'; did you mean 'wine'?"),
        ("universal-workflow", {"problem": "../wine"}, "no problem is called '../wine'"),
        ("universal-workflow", {"problem": ""}, "no problem is called ''"),
        ("universal-workflow", {"problem": None}, "problem: should be 'adult'"),
        ("universal-workflow", {"problem": ["wine"]}, "given ['wine']"),
        ("universal-workflow", WINE | {"learning_rate": 0.1}, "has no parameter 'learning_rate' (there are: problem, "),
        ("universal-workflow", WINE | {"until": "repeat"}, "until: should be 'define'"),
        ("universal-workflow", WINE | {"force": "perhaps"}, "force: should be a valid boolean"),
        ("universal-workflow", WINE | {"overrides": []}, "overrides: should be a valid dictionary"),
        ("universal-workflow", WINE | {"overrides": {"folds": 1}}, "overrides.folds: should be greater than or equal"),
        ("universal-workflow", WINE | {"overrides": {"depth": 3}}, "overrides.depth: Extra inputs are not permitted"),
        (
            "universal-workflow",
            WINE | {"overrides": {"measure": "mae"}},
            "mae does not suit type multiclass; allowed: auto, accuracy, balanced_accuracy, macro_f1, log_loss",
        ),
        ("all-problems", {"problem": "wine"}, "all-problems has no parameter 'problem'"),
        ("predict", {"problem": "wine"}, "not given: table, output"),
        ("predict", WINE | {"table": "/etc/passwd", "output": "out.csv"}, "table: "),
        ("predict", WINE | {"table": "rows.csv", "output": "../out.csv"}, "output: "),
        ("apply", {"run": "wine-0"}, "no experiment is called 'wine-0'; "),
        ("train", {}, "no flow for the deployment train: delete the deployment"),
    ],
)
def test_a_run_that_cannot_happen_is_refused_with_a_reason(flow: str, parameters: dict[str, Any], told: str):
    found = admit(flow, parameters)
    assert found.refusal is not None
    assert told in found.refusal
    assert "Traceback" not in found.refusal


@pytest.mark.parametrize("flow", list(deployments.ENTRYPOINTS))
@pytest.mark.parametrize("value", [None, True, -1, 1e308, "", "\0", "wine", [], [[]], {}, {"$ref": "x"}, "x" * 10**6])
def test_whatever_the_parameters_hold_the_answer_is_short(flow: str, value: object):
    names = list(admission.flow_of(flow).parameters.properties)
    for parameters in (dict.fromkeys(names, value), *({name: value} for name in [*names, "other"])):
        refusal = admit(flow, parameters).refusal
        assert refusal is None or len(refusal) < 3_000


@pytest.mark.parametrize("entrypoint", list(deployments.ENTRYPOINTS))
def test_what_can_happen_is_admitted_and_told_where(entrypoint: str):
    given = {
        "universal-workflow": [
            (WINE, True),
            (WINE | {"overrides": {"folds": 3}}, False),
            ({"problem": "adult"}, False),
        ],
        "all-problems": [({}, True), ({"force": True, "until": "define"}, True)],
        "predict": [(WINE | {"table": "rows.csv", "output": "out.csv"}, False)],
    }
    for parameters, needs_workspace in given.get(entrypoint, []):
        assert admit(entrypoint, parameters) == admission.Admission(None, needs_workspace)


@pytest.mark.parametrize("text", ["problems: [wine", "problems: wine\n", "problems: [1]\n", ""])
def test_a_params_file_that_lists_no_problems_refuses_runs_and_ends_nothing(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    (tmp_path / "problems").mkdir()
    (tmp_path / "problems" / "wine.yaml").write_text((ROOT / "problems" / "wine.yaml").read_text())
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"params\.yaml"):
        known_problems()
    for flow, parameters in (("universal-workflow", WINE), ("all-problems", {})):
        assert "params.yaml" in (admit(flow, parameters).refusal or "")
    assert deployments._defaults("universal-workflow") == {}


def test_an_answer_can_be_sent_to_the_runner():
    found = admit("universal-workflow", {})
    assert admission.Admission(**to_jsonable_python(found.as_json())) == found


@pytest.mark.parametrize(
    ("problem", "measure", "suits"),
    [
        ("wine", "macro_f1", True),
        ("wine", "auto", True),
        ("wine", None, True),
        ("wine", "mae", False),
        ("diabetes", "mae", True),
        ("diabetes", "accuracy", False),
        ("yeast", "roc_auc", False),
    ],
)
def test_the_form_takes_for_each_problem_just_the_measures_of_its_type(problem: str, measure: str | None, suits: bool):
    form = admission.flow_of("universal-workflow").parameters.model_dump(exclude_unset=True)
    form["allOf"] = deployments.conditions_of_form("universal-workflow")
    given = {"problem": problem, "overrides": {"measure": measure}}
    if suits:
        validate(given, form, raise_on_error=True)
    else:
        allowed = f"'{measure}' is not one of ['auto', '{load_problem(Layout(problem)).problem_type.measures[0]}', "
        with pytest.raises(SchemaError, match=re.escape(f"field 'overrides.measure'. Failure reason: {allowed}")):
            validate(given, form, raise_on_error=True)

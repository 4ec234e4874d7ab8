"""Read a problem file merged with the defaults of `params.yaml`, and a step's settings as `define` wrote them."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from src.core.errors import UserError
from src.core.files import Layout, read_model
from src.core.names import check_problem_name
from src.core.yaml_file import read_yaml
from src.models.types.registry import TYPES
from src.problem.errors import explained
from src.problem.steps import STEP_SETTINGS, Problem
from src.problem.terms import S


def load_problem(layout: Layout) -> Problem:
    """Read `problems/<name>.yaml`, merge it over the defaults of `params.yaml` and check the result.

    Raises UserError with the file, the key, its value, what is allowed and the nearest valid spelling.
    """
    if not layout.problem_file.exists():
        raise UserError(f"{layout.problem_file} does not exist{_nearest_problem(layout)}")
    given = read_yaml(layout.problem_file)
    defaults = read_yaml(layout.params_file).get("defaults")
    if not isinstance(defaults, dict):
        raise UserError(f"{layout.params_file}: needs a mapping named 'defaults'")
    try:
        return Problem.model_validate(_merged(_of_type(defaults, given), given))
    except ValidationError as error:
        raise UserError("\n".join(explained(error, Problem, given, layout))) from None


def listed_problems(params_file: Path) -> list[str]:
    """The names under `problems` in params.yaml: the problems that DVC has stages for.

    Raises UserError if they are not a list of names.
    """
    listed = read_yaml(params_file).get("problems") or []
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise UserError(f"{params_file}: problems: should be a list of names, given {str(listed)[:80]!r}")
    for name in listed:
        check_problem_name(name)
    return listed


def settings_of(problem: Problem, step: str) -> dict[str, Any]:
    """The part of `problem` that `step` reads, as plain JSON values."""
    if step == "engine":
        return problem.engine.model_dump(mode="json")
    return problem.model_dump(mode="json", include=set(STEP_SETTINGS[step].model_fields))


def load_settings(layout: Layout, step: str, model: type[S]) -> S:
    """Read the settings file that `define` wrote for `step`."""
    return read_model(layout.settings(step), model)


def _nearest_problem(layout: Layout) -> str:
    names = sorted(file.stem for file in layout.problem_file.parent.glob("*.yaml"))
    near = get_close_matches(layout.problem, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(names)}" if names else ""


def _of_type(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The defaults with what is different for the problem's type."""
    name = given.get("type")
    return _merged(defaults, TYPES[name].defaults) if isinstance(name, str) and name in TYPES else defaults


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        base = defaults.get(key)
        merged[key] = _merged(base, value) if isinstance(base, dict) and isinstance(value, dict) else value
    return merged

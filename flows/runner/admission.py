"""Whether a run that is due can happen at all, found out before it waits for its turn.

A run may bring anything: a schedule saves no parameters unless they are overridden, the API may skip every check, and
a run or a deployment may have been made when the workflow looked otherwise.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, get_type_hints

from prefect import Flow
from prefect.utilities.callables import get_parameter_defaults
from pydantic import TypeAdapter, ValidationError

from flows.arguments import check_problem
from flows.runner.deployments import ENTRYPOINTS, needs_workspace
from src.core.errors import UserError

_LONGEST = 2_000


@dataclass(frozen=True)
class Admission:
    """`refusal`: why the run cannot happen, with the way out; None when it can."""

    refusal: str | None
    needs_workspace: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def admit(deployment: str, parameters: Mapping[str, Any]) -> Admission:
    """Look at a run of the deployment with `parameters` as the Prefect server holds them."""
    try:
        values = checked(deployment, parameters)
        return Admission(None, needs_workspace(deployment, values))
    except UserError as error:
        told = str(error)
        return Admission(told if len(told) <= _LONGEST else f"{told[:_LONGEST]} …")


def checked(deployment: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The flow's arguments, defaults included. Raises UserError for any that the flow does not take.

    The module of a flow may have a function `check` of the same arguments, which raises UserError for what fits the
    flow's types and yet cannot be run.
    """
    if deployment not in ENTRYPOINTS:
        raise UserError(
            f"this version of the workflow has no flow for the deployment {deployment}: delete the deployment, and "
            f"start the run from one of {', '.join(ENTRYPOINTS)}"
        )
    flow = flow_of(deployment)
    defaults = get_parameter_defaults(flow.fn)
    _check_names(flow, parameters, defaults)
    if isinstance(parameters.get("problem"), str):
        check_problem(parameters["problem"])  # tells the nearest spelling
    types = get_type_hints(flow.fn, include_extras=True)
    values = defaults | {name: _checked(name, value, types[name]) for name, value in parameters.items()}
    module = sys.modules[flow.fn.__module__]
    if hasattr(module, "check"):
        module.check(**values)
    return values


def flow_of(deployment: str) -> Flow:
    module, _, name = ENTRYPOINTS[deployment].rpartition(".")
    flow: Flow = getattr(import_module(module), name)
    return flow


def _checked(name: str, value: Any, type_: Any) -> Any:
    try:
        return TypeAdapter(type_).validate_python(value)
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, (name, *found['loc'])))}: {found['msg'].replace('Input should', 'should')}, "
            f"given {found['input']!r}"
            for found in error.errors()
        ]
        raise UserError("\n".join(told)) from None


def _check_names(flow: Flow, parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    known = list(flow.parameters.properties)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise UserError(
            f"{flow.name} has no parameter {', '.join(map(repr, unknown))} (there are: {', '.join(known)}). The run "
            "or its schedule may come from another version of the workflow: start a new run, or edit the schedule"
        )
    missing = [name for name in known if name not in parameters and name not in defaults]
    if missing:
        raise UserError(
            f"not given: {', '.join(missing)}; a run takes it from its form, Custom run, and a schedule from its "
            "Parameter Overrides"
        )

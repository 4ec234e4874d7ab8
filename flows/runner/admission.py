"""Checks whether a run that is due can happen at all, before it waits for its turn.

A run can have any parameters: a schedule saves none unless they are overridden, the API can skip every check, and a run
or deployment may come from an older version of the workflow.
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
    """`refusal`: why the run cannot happen and what to do about it; None if it can."""

    refusal: str | None
    needs_workspace: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def admit(deployment: str, parameters: Mapping[str, Any]) -> Admission:
    """Check a run of the deployment with `parameters` as the Prefect server stores them."""
    try:
        values = checked(deployment, parameters)
        return Admission(None, needs_workspace(deployment, values))
    except UserError as error:
        reason = str(error)
        return Admission(reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]} …")


def checked(deployment: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The flow's arguments, defaults included. Raises UserError for any that the flow does not accept.

    A flow's module may have a function `check` with the same arguments. It raises UserError for values that have the
    right types and still cannot run.
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
        check_problem(parameters["problem"])  # suggests the nearest spelling
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
        reasons = [
            f"{'.'.join(map(str, (name, *details['loc'])))}: {details['msg'].replace('Input should', 'should')}, "
            f"given {details['input']!r}"
            for details in error.errors()
        ]
        raise UserError("\n".join(reasons)) from None


def _check_names(flow: Flow, parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    names = list(flow.parameters.properties)
    unknown = [name for name in parameters if name not in names]
    if unknown:
        raise UserError(
            f"{flow.name} has no parameter {', '.join(map(repr, unknown))} (there are: {', '.join(names)}). The run "
            "or its schedule may come from another version of the workflow: start a new run, or edit the schedule"
        )
    missing = [name for name in names if name not in parameters and name not in defaults]
    if missing:
        raise UserError(
            f"not given: {', '.join(missing)}; a run takes it from its form, Custom run, and a schedule from its "
            "Parameter Overrides"
        )

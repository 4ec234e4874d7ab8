"""What the Prefect UI can start: the served flows, each with one deployment of the same name."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flows.arguments import is_isolated, known_problems, problem_files
from src.core.errors import UserError
from src.core.files import Layout
from src.core.yaml_file import read_yaml
from src.models.types.registry import TYPES

ENTRYPOINTS = {
    "universal-workflow": "flows.universal_workflow.universal_workflow",
    "all-problems": "flows.all_problems.all_problems",
    "predict": "flows.predict.predict",
    "complete": "flows.complete.complete",
    "sample": "flows.sample.sample",
    "encode": "flows.encode.encode",
    "interpolate": "flows.interpolate.interpolate",
    "promote": "flows.promote.promote",
    "apply": "flows.apply.apply",
}


def needs_workspace(name: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a run of the deployment changes files here, so that only one such run may happen at a time."""
    return name in ("all-problems", "apply") or (name == "universal-workflow" and not is_isolated(parameters))


def register() -> dict[str, str]:
    """Register the flows, as they are on disk now, with the Prefect server. Return their names by deployment id.

    Settings made in the UI stay: schedules, and whether they are paused. The result includes deployments from other
    versions of the workflow, so that their runs get an answer too.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate
    from prefect.types.entrypoint import EntrypointType
    from prefect.utilities.importtools import import_object

    ids = {}
    with get_client(sync_client=True) as client:
        for name, entrypoint in ENTRYPOINTS.items():
            flow = import_object(entrypoint)
            deployment = flow.to_deployment(
                name, parameters=_defaults(name), entrypoint_type=EntrypointType.MODULE_PATH
            )
            deployment.model_fields_set.difference_update(
                {"schedules", "paused"}
            )  # if sent, they would replace those set in the UI
            id_ = deployment.apply()
            ids[str(id_)] = name
            if conditions := conditions_of_form(name):
                form = flow.parameters.model_dump(exclude_unset=True) | {"allOf": conditions}
                client.update_deployment(id_, DeploymentUpdate(parameter_openapi_schema=form))
        of_other_versions = {
            str(deployment.id): f"{deployment.name} ({deployment.entrypoint})"
            for deployment in client.read_deployments()
            if (deployment.entrypoint or "").startswith("flows.") and str(deployment.id) not in ids
        }
    return ids | of_other_versions


def conditions_of_form(name: str) -> list[dict[str, Any]]:
    """The part of a form's JSON schema that makes the server refuse a measure unsuited to the problem's type."""
    if name != "universal-workflow":
        return []
    problems: dict[str, list[str]] = {}
    for problem in problem_files():
        with suppress(UserError):  # a run reports what is wrong with the file
            problems.setdefault(str(read_yaml(Layout(problem).problem_file).get("type")), []).append(problem)
    return [
        {
            "if": {"properties": {"problem": {"enum": problems[type_]}}, "required": ["problem"]},
            "then": {"properties": {"overrides": {"properties": {"measure": {"enum": ["auto", *measures, None]}}}}},
        }
        for type_, measures in ((each.name, each.measures) for each in TYPES.values())
        if type_ in problems
    ]


def _defaults(name: str) -> dict[str, str]:
    """The default parameters. A schedule's dialog asks for none, so the problem needs a default."""
    try:
        return {"problem": known_problems()[0]} if name == "universal-workflow" else {}
    except (UserError, IndexError):  # a run reports what is wrong with params.yaml
        return {}

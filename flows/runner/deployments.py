"""What the Prefect UI can start: the served flows, each as the one deployment that bears its name."""

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
    "promote": "flows.promote.promote",
    "apply": "flows.apply.apply",
}


def needs_workspace(name: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a run of the deployment changes files here, so that no other such run may go on beside it."""
    return name in ("all-problems", "apply") or (name == "universal-workflow" and not is_isolated(parameters))


def register() -> dict[str, str]:
    """Tell the Prefect server of the flows as they are on disk now; return their names by their deployments' ids.

    What was set in the UI stays: schedules, and whether they are paused. Deployments of flows that another version of
    the workflow had are returned as well, so that somebody looks after their runs.
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
            deployment.model_fields_set.difference_update({"schedules", "paused"})  # sent, they would end what is there
            id_ = deployment.apply()
            ids[str(id_)] = name
            if conditions := conditions_of_form(name):
                form = flow.parameters.model_dump(exclude_unset=True) | {"allOf": conditions}
                client.update_deployment(id_, DeploymentUpdate(parameter_openapi_schema=form))
        of_other_versions = {
            str(found.id): f"{found.name} ({found.entrypoint})"
            for found in client.read_deployments()
            if (found.entrypoint or "").startswith("flows.") and str(found.id) not in ids
        }
    return ids | of_other_versions


def conditions_of_form(name: str) -> list[dict[str, Any]]:
    """What a form's JSON schema adds so that the server refuses a measure which does not suit the problem's type."""
    if name != "universal-workflow":
        return []
    problems: dict[str, list[str]] = {}
    for problem in problem_files():
        with suppress(UserError):  # a run tells what is wrong with the file
            problems.setdefault(str(read_yaml(Layout(problem).problem_file).get("type")), []).append(problem)
    return [
        {
            "if": {"properties": {"problem": {"enum": problems[type_]}}, "required": ["problem"]},
            "then": {"properties": {"overrides": {"properties": {"measure": {"enum": ["auto", *measures, None]}}}}},
        }
        for type_, measures in ((kind.name, kind.measures) for kind in TYPES.values())
        if type_ in problems
    ]


def _defaults(name: str) -> dict[str, str]:
    """What a run begins with. The dialog of a schedule asks for no parameter, so the problem needs a default."""
    try:
        return {"problem": known_problems()[0]} if name == "universal-workflow" else {}
    except (UserError, IndexError):  # a run tells what is wrong with params.yaml
        return {}

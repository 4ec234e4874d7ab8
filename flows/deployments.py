"""What the Prefect UI can start: the served flows, each as the one deployment that bears its name."""

from collections.abc import Mapping
from typing import Any

from flows.arguments import is_isolated

ENTRYPOINTS = {
    "universal-workflow": "flows.universal_workflow.universal_workflow",
    "all-problems": "flows.all_problems.all_problems",
    "predict": "flows.predict.predict",
    "promote": "flows.promote.promote",
}


def needs_workspace(name: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a run of the deployment changes files here, so that no other such run may go on beside it."""
    return name == "all-problems" or (name == "universal-workflow" and not is_isolated(parameters))


def register() -> dict[str, str]:
    """Tell the Prefect server of the flows as they are on disk now; return their names by their deployments' ids.

    What was set in the UI stays: schedules, and whether they are paused.
    """
    from prefect.types.entrypoint import EntrypointType
    from prefect.utilities.importtools import import_object

    ids = {}
    for name, entrypoint in ENTRYPOINTS.items():
        deployment = import_object(entrypoint).to_deployment(name, entrypoint_type=EntrypointType.MODULE_PATH)
        deployment.model_fields_set.difference_update({"schedules", "paused"})  # sent, they would end what is there
        ids[str(deployment.apply())] = name
    return ids

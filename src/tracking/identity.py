"""The identity of workflow runs: hashes of the content they were made from.

Records are found by these hashes, never by a name or a time, so that recording twice changes nothing. The key of a
workflow run depends only on the problem file and the data's source. So its name is known before anything has run, and
a run in which every step was up to date has the name of the run that computed the results.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from src.core.errors import UserError
from src.core.files import Layout, read_json
from src.core.hashes import file_sha256
from src.core.steps import GRAPH, recorded_steps_read_by
from src.internals.mlflow_records import find_run
from src.problem.load import load_problem
from src.tracking.address import DATABASE, tracking_uri

logger = logging.getLogger("workflow")

KEY = "workflow.key"
NAME_DIGITS = 8


def workflow_name(layout: Layout) -> str:
    """The name of a run of the problem file on disk: in Prefect, in MLflow and as an experiment.

    It is known before anything has run. Raises UserError for an invalid problem file or a missing data file.
    """
    from src.datasets.fetching import origins

    problem = load_problem(layout)
    settings = problem.model_dump(mode="json", exclude={"engine"})
    return name_of(layout.problem, workflow_key(settings, origins(problem.data, layout.local, problem.word_vectors)))


def recorded_key(layout: Layout) -> str:
    """The key of the content behind the results on disk. A later edit of the problem file does not change it."""
    from src.datasets.manifest import read_manifest

    folder = layout.results / "settings"
    files = sorted(path for path in folder.glob("*.json") if path.stem != "engine")
    if not files:
        raise UserError(f"{folder} holds no settings: run `python -m tasks.define {layout.problem}` or `dvc repro`")
    settings = {key: value for path in files for key, value in read_json(path).items()}
    return workflow_key(settings, [file.origin for file in read_manifest(layout.raw).files])


def workflow_key(settings: Mapping[str, Any], origins: Iterable[str]) -> str:
    """SHA-256 of a problem's resolved settings and the origins of its data.

    The engine's settings do not count: results do not depend on where trainings run.
    """
    return hashlib.sha256(json.dumps([settings, *origins], sort_keys=True).encode()).hexdigest()


def name_of(problem: str, key: str) -> str:
    return f"{problem}-{key[:NAME_DIGITS]}"


def find_workflow_run(home: Path, problem: str, name: str) -> tuple[str, str] | None:
    """The ids of the experiment and the run in MLflow for a workflow's name; None if nothing was recorded yet.

    Queries the database directly: importing MLflow for one link would take longer than everything else.
    """
    address = tracking_uri(home)
    if address.startswith("sqlite") and not (home / DATABASE).exists():
        return None
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        with create_engine(address, poolclass=NullPool).connect() as connection:
            return find_run(connection, problem, KEY, name.removeprefix(f"{problem}-"))
    except SQLAlchemyError as error:
        logger.warning("warning: MLflow's database did not tell which run %s is: %s", name, str(error).splitlines()[0])
        return None


def raw_checksum(layout: Layout) -> str:
    from src.datasets.manifest import read_manifest

    return read_manifest(layout.raw).sha256


def outputs(step: str, layout: Layout) -> list[Path]:
    """The recorded files of `step` that exist."""
    return [path for name in GRAPH[step].recorded if (path := layout.path(name)).exists()]


def outputs_digest(step: str, layout: Layout) -> str:
    return digest(outputs(step, layout))


def inputs_digest(step: str, layout: Layout) -> str:
    """The digest of what `step` read. What the prepared tables are made from stands for them, so none is read here."""
    shared = layout.expectations if step == "validate" else layout.settings("prepare")
    files = [layout.settings(step), *([shared] if shared.exists() else [])]
    results = [path for upstream in recorded_steps_read_by(step) for path in outputs(upstream, layout)]
    return digest(files + results, raw_checksum(layout))


def digest(files: Iterable[Path], *texts: str) -> str:
    """SHA-256 over the names and bytes of `files`, in their order, and `texts`."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}:{file_sha256(path)}\n".encode())
    for text in texts:
        total.update(f"{text}\n".encode())
    return total.hexdigest()

"""The record of what ran, in MLflow: one run per workflow content, one below it per step, the model in the registry.

`record` is called after each step, in the step's process. A step's results are safe on disk before it is called, and
everything recorded is read from them, so a record that fails costs nothing but itself: it can be made up for with
`python -m src.tracking <problem>`.

Steps that leave nothing to look at (define, fetch) and steps that DVC skips add no run. Recording the same results
again adds nothing; other results from the same content (the code has changed) add a run for the step, and the older
one says by which run it is superseded. The workflow's run carries the headlines of all steps up to date.
"""

import logging
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Mapping

import psutil

from src.files import Layout
from src.tracking.address import home
from src.tracking.content import step_content
from src.tracking.database import open_database
from src.tracking.identity import OUTPUTS
from src.tracking.provenance import provenance
from src.tracking.registry import describe, register
from src.tracking.runs import Moment, Recorder

logger = logging.getLogger("workflow")

PAUSES_SECONDS = (1.0, 5.0)


def record(step: str, layout: Layout) -> None:
    """Record the finished `step` and bring the workflow's run up to date.

    A locked database is tried again; when that or anything else fails in MLflow, a warning says so and how to record
    later, and the step counts as done.
    """
    if step in OUTPUTS:
        record_steps({step: Moment(psutil.Process().create_time(), time.time())}, layout)


def record_steps(steps: Mapping[str, Moment], layout: Layout) -> bool:
    """Record `steps`, given in their order with their times; False when MLflow failed, which a warning tells."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    try:
        from mlflow.exceptions import MlflowException
        from psycopg2 import Error as PostgreSQLError
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        return _not_recorded(steps, layout, error)
    failures = (MlflowException, SQLAlchemyError, sqlite3.Error, PostgreSQLError, OSError, subprocess.SubprocessError)
    for pause in (*PAUSES_SECONDS, None):
        try:
            _record_once(steps, layout)
        except failures as error:
            if pause is None or "locked" not in str(error):
                return _not_recorded(steps, layout, error)
            time.sleep(pause)
        else:
            break
    return True


def _record_once(steps: Mapping[str, Moment], layout: Layout) -> None:
    root = home(layout)
    with open_database(root) as client:
        recorder = Recorder(client, layout, root, provenance(layout.root))
        for step, moment in steps.items():
            workflow = recorder.workflow_run(moment)
            run, complete = recorder.step_run(step, workflow, moment)
            if not complete:
                recorder.write_step(step, run, step_content(step, layout), moment)
            recorder.write_workflow(workflow, step, moment, known=complete)
            if step == "evaluate":
                register(recorder, workflow, run)
            if step == "report":
                describe(recorder)


def _not_recorded(steps: Iterable[str], layout: Layout, error: Exception) -> bool:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    logger.warning(
        "warning: MLflow did not record %s of %s: %s. The results are complete and safe on disk; "
        "record them later with `python -m src.tracking %s`.",
        *(", ".join(steps), layout.problem, reason, layout.problem),
    )
    return False

"""The process that records a step. It starts with the step and has MLflow ready by the time the step is done.

Importing MLflow and opening its database takes two seconds, which pass while the step works. Meanwhile this process
samples what the step uses of the machine. When the results are on disk the step sends its times, and the recorder
writes the record; a step that fails ends the recorder.
"""

import logging
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection

import psutil

from src.core.errors import UserError
from src.core.files import Layout
from src.core.garbage import collect_seldom
from src.core.home import home
from src.core.processes import die_with_parent, name_process
from src.tracking.content import step_content
from src.tracking.database import failures, open_database
from src.tracking.provenance import provenance
from src.tracking.registry import describe, register
from src.tracking.runs import Moment, Recorder
from src.tracking.usage import Sample, Usage

logger = logging.getLogger("workflow")

PAUSES_SECONDS = (1.0, 5.0)


def record(done: Connection, step: str, layout: Layout) -> None:
    """Run the recorder of `step` from start to end; `done` delivers the times of the step."""
    parent = parent_process()
    assert parent is not None
    assert parent.pid is not None
    name_process("recorder")
    os.setpgid(0, 0)  # Ctrl-C is for the step, which ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    collect_seldom()
    die_with_parent(parent.pid)
    usage = Usage(psutil.Process(parent.pid))
    get_ready(step, layout)
    moment = Moment(**done.recv())
    try:
        record_steps({step: moment}, layout, usage.samples())
    except UserError as error:
        _not_recorded([step], layout, str(error))


def get_ready(step: str, layout: Layout) -> None:
    """Import what the record needs and open the database, which creates the tables of a new one."""
    with suppress(ImportError):
        with suppress(UserError, *failures()), open_database(home(layout), patience=0) as client:
            client.get_experiment_by_name(layout.problem)
        if step == "evaluate":
            import mlflow.pyfunc  # noqa: F401


def record_steps(steps: Mapping[str, Moment], layout: Layout, usage: Iterable[Sample] = ()) -> bool:
    """Record `steps`, given in order with their times. Return False, after a warning, if MLflow failed.

    A locked database is tried again. If that or anything else in MLflow fails, the warning says how to record later.
    `usage` belongs to the last step. Raises UserError for the database of another folder.
    """
    try:
        known_failures = failures()
    except ImportError as error:
        return _not_recorded(steps, layout, described(error))
    for pause in (*PAUSES_SECONDS, None):
        try:
            _record_once(steps, layout, list(usage))
        except known_failures as error:
            if pause is None or "locked" not in str(error):
                return _not_recorded(steps, layout, described(error))
            time.sleep(pause)
        else:
            break
    return True


def _record_once(steps: Mapping[str, Moment], layout: Layout, usage: Sequence[Sample]) -> None:
    root = home(layout)
    with open_database(root) as client:
        recorder = Recorder(client, layout, root, provenance(layout.root))
        for step, moment in steps.items():
            workflow = recorder.workflow_run(moment)
            run, complete = recorder.step_run(step, workflow, moment)
            if not complete:
                recorder.write_step(step, run, step_content(step, layout), moment, usage)
            recorder.write_workflow(workflow, step, moment, known=complete)
            if step == "evaluate":
                register(recorder, workflow, run)
            if step == "report":
                describe(recorder)


def described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _not_recorded(steps: Iterable[str], layout: Layout, reason: str) -> bool:
    logger.warning(
        "warning: MLflow did not record %s of %s: %s. The results are complete and safe on disk; "
        "record them later with `python -m src.tracking %s`.",
        *(", ".join(steps) or "the run", layout.problem, reason, layout.problem),
    )
    return False

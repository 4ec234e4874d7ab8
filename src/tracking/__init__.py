"""The record of what ran, in MLflow: one run per workflow content, one below it per step, the model in the registry.

A step runs within `recording`. Its results are safe on disk before anything is recorded, and everything recorded is
read from them, so a record that fails costs nothing but itself: it can be made up for with
`python -m src.tracking <problem>`.

Steps that leave nothing to look at (define, fetch) and steps that DVC skips add no run. Recording the same results
again adds nothing; other results from the same content (the code has changed) add a run for the step, and the older
one says by which run it is superseded. The workflow's run carries the headlines of all steps up to date.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from src.files import Layout
from src.tracking.address import home, tracking_uri
from src.tracking.identity import OUTPUTS

logger = logging.getLogger("workflow")


@contextmanager
def recording(step: str, layout: Layout) -> Iterator[None]:
    """Record `step` when the block has ended well, and only then; its results have to be on disk.

    The record is made by a process of its own, which gets ready during the block (see `src.tracking.recorder`), and is
    waited for. Raises UserError before the block when params.yaml names no database to record in.
    """
    if step not in OUTPUTS:
        yield
        return
    tracking_uri(home(layout))
    command = [sys.executable, "-m", "src.tracking.recorder", step, layout.problem, str(layout.root)]
    # In a process group of its own: Ctrl-C is for the step, which ends the recorder.
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, process_group=0) as recorder:
        try:
            yield
            recorder.communicate(json.dumps({"started": psutil.Process().create_time(), "ended": time.time()}))
        except BaseException:
            recorder.kill()
            raise
    if recorder.returncode != 0:
        logger.warning(
            "warning: MLflow did not record %s of %s: its recorder ended with code %s. The results are complete and "
            "safe on disk; record them later with `python -m src.tracking %s`.",
            *(step, layout.problem, recorder.returncode, layout.problem),
        )

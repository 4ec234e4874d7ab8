"""The record of what ran, in MLflow: one run per workflow content, one below it per step, the model in the registry.

A step runs within `recording`. Its results are safe on disk before anything is recorded, and everything recorded is
read from them, so a record that fails costs nothing but itself: it can be made up for with
`python -m src.tracking <problem>`.

Steps that leave nothing to look at (define, fetch) and steps that DVC skips add no run. Recording the same results
again adds nothing; other results from the same content (the code has changed) add a run for the step, and the older
one says by which run it is superseded. The workflow's run carries the headlines of all steps up to date.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe, get_context

import psutil

from src.core.files import Layout
from src.core.home import home
from src.core.steps import RECORDED
from src.tracking.address import tracking_uri

logger = logging.getLogger("workflow")

# Where a fork is safe, the recorder has from the start what the step has imported.
_BESIDE = get_context("fork") if sys.platform == "linux" else get_context("spawn")


@contextmanager
def recording(step: str, layout: Layout) -> Iterator[None]:
    """Record `step` when the block has ended well, and only then; its results have to be on disk.

    The record is made by a process of its own, which gets ready during the block (see `src.tracking.recorder`), and is
    waited for. Raises UserError before the block when params.yaml names no database to record in.
    """
    from src.tracking.recorder import record

    if step not in RECORDED:
        yield
        return
    tracking_uri(home(layout))
    own, its = Pipe()
    recorder = _BESIDE.Process(target=record, args=(its, step, layout), name="recorder")
    recorder.start()
    its.close()
    try:
        yield
        with suppress(BrokenPipeError):  # where it has ended, as its exit code will tell
            own.send({"started": psutil.Process().create_time(), "ended": time.time()})
        recorder.join()
    except BaseException:
        recorder.kill()
        recorder.join()
        raise
    finally:
        own.close()
    if recorder.exitcode != 0:
        logger.warning(
            "warning: MLflow did not record %s of %s: its recorder ended with code %s. The results are complete and "
            "safe on disk; record them later with `python -m src.tracking %s`.",
            *(step, layout.problem, recorder.exitcode, layout.problem),
        )

"""Record in MLflow what ran: one run per workflow content, a child run per step, and the model in the registry.

A step runs within `recording`. Its results are safe on disk before anything is recorded, and everything recorded is
read from them. So a failed record loses no results; `python -m src.tracking <problem>` makes up for it.

Steps without anything to look at (define, fetch) and steps that DVC skips add no run. Recording the same results again
adds nothing. Other results from the same content (the code has changed) add a run for the step, and the older run names
the one that supersedes it. The workflow's run shows the headlines of all steps that are up to date.
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

# Fork where that is safe: the recorder then starts with everything that the step has imported.
_BESIDE = get_context("fork") if sys.platform == "linux" else get_context("spawn")


@contextmanager
def recording(step: str, layout: Layout) -> Iterator[None]:
    """Record `step` after the block has ended without an error; its results have to be on disk by then.

    A separate process makes the record. It gets ready during the block (see `src.tracking.recorder`), and this process
    waits for it. Raises UserError before the block if params.yaml names no database to record in.
    """
    from src.tracking.recorder import record

    if step not in RECORDED:
        yield
        return
    tracking_uri(home(layout))
    our_end, its_end = Pipe()
    recorder = _BESIDE.Process(target=record, args=(its_end, step, layout), name="recorder")
    recorder.start()
    its_end.close()
    try:
        yield
        with suppress(BrokenPipeError):  # it has ended already; its exit code says how
            our_end.send({"started": psutil.Process().create_time(), "ended": time.time()})
        recorder.join()
    except BaseException:
        recorder.kill()
        recorder.join()
        raise
    finally:
        our_end.close()
    if recorder.exitcode != 0:
        logger.warning(
            "warning: MLflow did not record %s of %s: its recorder ended with code %s. The results are complete and "
            "safe on disk; record them later with `python -m src.tracking %s`.",
            *(step, layout.problem, recorder.exitcode, layout.problem),
        )

"""Record from the result files what could not be recorded when it ran: `python -m src.tracking <problem>`.

It records only steps that DVC calls up to date. Other result files belong to other settings than those on disk.
"""

import argparse
import json
import logging
import subprocess
import sys

from src.core.closed_output import end_quietly_without_reader
from src.core.errors import UserError
from src.core.files import Layout
from src.core.steps import RECORDED, recorded_steps_read_by
from src.tracking.identity import outputs
from src.tracking.recorder import record_steps
from src.tracking.runs import Moment

logger = logging.getLogger("workflow")


def main() -> int:
    end_quietly_without_reader()
    parser = argparse.ArgumentParser(prog="python -m src.tracking", description=__doc__)
    parser.add_argument("problem", help="the name of a file in problems/")
    problem = parser.parse_args().problem
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        layout = Layout(problem)
        steps = recordable(layout)
        recorded = record_steps(steps, layout)
    except UserError as error:
        logger.error("error: %s", error)
        return 1
    if recorded:
        logger.info("MLflow holds %s of %s", ", ".join(steps), layout.problem)
    return 0 if recorded else 1


def recordable(layout: Layout) -> dict[str, Moment]:
    """The steps whose results exist and are up to date, with the time at which they were written."""
    present = [step for step in RECORDED if outputs(step, layout)]
    if not present:
        raise UserError(f"{layout.results} holds no results: run `dvc repro` or `python -m tasks.define` first")
    changed = changed_stages(layout)
    current: list[str] = []
    for step in present:
        if f"{step}@{layout.problem}" in changed or not {*recorded_steps_read_by(step)} <= {*current}:
            logger.info("%s: left out, its results do not match what is on disk now; `dvc repro` renews them", step)
        else:
            current.append(step)
    times = {step: max(path.stat().st_mtime for path in outputs(step, layout)) for step in current}
    return {step: Moment(time, time) for step, time in times.items()}


def changed_stages(layout: Layout) -> set[str]:
    """The stages of the problem that DVC would run."""
    stages = [f"{step}@{layout.problem}" for step in RECORDED]
    command = [sys.executable, "-m", "dvc", "status", "--json", *stages]
    done = subprocess.run(command, capture_output=True, text=True, cwd=layout.root)
    if done.returncode != 0:
        raise UserError(f"`dvc status` failed: {done.stderr.strip() or done.stdout.strip()}")
    return set(json.loads(done.stdout))


if __name__ == "__main__":
    sys.exit(main())

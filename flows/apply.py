"""Bring an experiment home: copy the files of its problem into this folder and leave all others as they are.

    python -m flows.apply wine-1a2b3c4d

takes from the experiment problems/wine.yaml, data/expectations/wine.json, results/wine and the stages of wine in
dvc.lock. It adds wine to the list in params.yaml if it is missing there. It never overwrites edits that are neither
committed nor part of an experiment: it stops and names them. So you can apply one experiment after another.
"""

import sys

if __name__ == "__main__":
    from flows.arguments import parse_apply

    OPTIONS = parse_apply(sys.argv[1:], __doc__ or "")

from pathlib import Path

from flows.experiments.bring_home import bring_home, find
from src.core.errors import UserError

if __name__ == "__main__":
    try:
        print("\n".join(bring_home(OPTIONS.run, Path()).lines(OPTIONS.run)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)

from prefect import flow, get_run_logger
from prefect.states import Completed, State

from flows.running.outcome import outcome_as_state


def check(run: str) -> None:
    """Raise UserError where there is no such experiment."""
    find(run, Path())


@flow(name="apply", flow_run_name="apply {run}", persist_result=False)
@outcome_as_state
def apply(run: str) -> State:
    """Bring an experiment home: copy the files of its problem into this folder and leave all others as they are.

    Args:
        run: the name of the run that became the experiment, like wine-1a2b3c4d.
    """
    lines = bring_home(run, Path()).lines(run)
    for line in lines:
        get_run_logger().info("%s", line)
    return Completed(message="\n".join(lines))

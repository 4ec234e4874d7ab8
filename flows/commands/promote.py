"""Make a version of a problem's model the champion, which `predict` and `serve_model` use.

    python -m flows.promote wine 3 --reason "needs no laboratory"

A version becomes champion automatically when it is surely better than the present one in cross-validation on the same
folds. When the two cannot be compared, the difference is not sure, or the run had settings of its own, a person
decides: with this command or the flow `promote` in the Prefect UI. MLflow's registry records who did it and why.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError
from tasks.cli import FAILED, log_to_stderr


def main(arguments: Sequence[str]) -> int:
    """Promote as the command line says. Return the exit code."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        check_problem(options.problem)
        from src.tracking.promotion import promote
        from src.tracking.provenance import user

        print(promote(Path(), options.problem, options.version, f"{user()} at the command line", options.reason))
    except UserError as error:
        logging.getLogger("workflow").error("error: %s", error)
        return FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.promote", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("version", type=int, help="the number of a version in MLflow's registry of models")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why this version, for anyone who asks later")
    return parser

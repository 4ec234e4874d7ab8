"""The flow's command line, apart from the flow so that `--help` need not wait for Prefect."""

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import yaml

from src.errors import UserError
from src.files import STEPS

StepName = Literal["define", "fetch", "validate", "prepare", "baseline", "overfit", "regularize", "evaluate", "report"]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return `problem`, `until` and `force`; exits with code 1 and a message for a problem that is not there."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.universal_workflow",
        description=(
            "Run the universal workflow for one problem as a Prefect flow: one task per step, which DVC skips\n"
            "when nothing it reads has changed. Needs no server; with PREFECT_API_URL set, that server shows the run."
        ),
        epilog=f"The steps in order: {' > '.join(STEPS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("problem", help=f"one of those named in params.yaml: {', '.join(known_problems())}")
    parser.add_argument("--until", choices=STEPS, default=STEPS[-1], metavar="STEP", help="the last step to run")
    parser.add_argument("--force", action="store_true", help="run every step, even where nothing has changed")
    options = parser.parse_args(arguments)
    try:
        check_problem(options.problem)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    return options


def known_problems() -> list[str]:
    """The problems that DVC has stages for."""
    return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["problems"]


def check_problem(problem: str) -> None:
    """Raise UserError with the nearest spelling, or with the way to add it, when DVC has no stages for `problem`."""
    known = known_problems()
    if problem in known:
        return
    if Path("problems", f"{problem}.yaml").exists():
        raise UserError(f"params.yaml: add {problem!r} to the list `problems`, so that DVC has stages for it")
    near = get_close_matches(problem, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
    raise UserError(f"params.yaml: no problem is called {problem!r}; {hint}")

"""The flow's arguments, separate from the flow so that `--help` and a misspelt name need not wait for Prefect."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from flows.overrides import FIELDS, from_pairs
from src.core.errors import UserError
from src.core.names import check_problem_name
from src.core.steps import STEPS
from src.problem.load import listed_problems

StepName = Literal["define", "fetch", "validate", "prepare", "baseline", "overfit", "regularize", "evaluate", "report"]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return `problem`, `overrides`, `until` and `force`. Exits with code 1 and a message for what cannot run."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.universal_workflow",
        description=(
            "Run the universal workflow for one problem as a Prefect flow: one task per step, which DVC skips\n"
            "when nothing it reads has changed. Needs no server; with PREFECT_API_URL set, that server shows the run.\n"
            "\n"
            "With --set, or for a problem that params.yaml does not list, the run is isolated: it runs in a copy\n"
            "of the last commit and becomes a DVC experiment. The files here stay as they are.\n"
            "`make experiments` lists it; `make apply run=NAME` brings home the files of its problem and no others."
        ),
        epilog=f"The steps in order: {' > '.join(STEPS)}\nWhat can be set: {', '.join(FIELDS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="pairs",
        help="a setting for this run only, like --set folds=3; can be repeated",
    )
    _add_extent(parser)
    options = parser.parse_args(arguments)
    try:
        check_problem(options.problem)
        options.overrides = from_pairs(options.pairs)
    except UserError as error:
        _refuse(error)
    return options


def parse_all(arguments: Sequence[str], description: str) -> argparse.Namespace:
    """Return `until` and `force` of the flow that runs all problems. Exits with code 1 if params.yaml is broken."""
    try:
        problems = known_problems()
    except UserError as error:
        _refuse(error)
    parser = argparse.ArgumentParser(
        prog="python -m flows.all_problems",
        description=description,
        epilog=f"The problems: {', '.join(problems)}\nThe steps in order: {' > '.join(STEPS)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_extent(parser)
    return parser.parse_args(arguments)


def _refuse(error: UserError) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


def parse_apply(arguments: Sequence[str], description: str) -> argparse.Namespace:
    """Return `run`, the name of the experiment to bring home."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.apply", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="its name, like wine-1a2b3c4d; `make experiments` lists them")
    options = parser.parse_args(arguments)
    if not options.run:
        parser.error("run: give the name of an experiment: make apply run=wine-1a2b3c4d")
    return options


def _add_extent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--until", choices=STEPS, default=STEPS[-1], metavar="STEP", help="the last step to run")
    parser.add_argument("--force", action="store_true", help="run every step, even where nothing has changed")


def problem_files() -> list[str]:
    """The problems that have a file, in alphabetical order."""
    return sorted(path.stem for path in Path("problems").glob("*.yaml"))


def known_problems() -> list[str]:
    """The problems that DVC has stages for."""
    return listed_problems(Path("params.yaml"))


if TYPE_CHECKING:
    ProblemName = str
else:
    ProblemName = Literal[tuple(problem_files()) or ("",)]


def is_isolated(parameters: Mapping[str, Any]) -> bool:
    """Whether a run with these parameters, as JSON from the API or as Python objects, happens in a copy."""
    overrides = parameters.get("overrides") or {}
    settings = overrides if isinstance(overrides, Mapping) else overrides.settings()
    return _any_set(settings) or parameters["problem"] not in known_problems()


def _any_set(value: Any) -> bool:
    return any(map(_any_set, value.values())) if isinstance(value, Mapping) else value is not None


def check_problem(problem: str) -> None:
    """Raise UserError with the nearest spelling when `problem` has no file."""
    problems = problem_files()
    if problem not in problems:
        near = get_close_matches(problem, problems, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(problems)}"
        raise UserError(f"problems/: no problem is called {problem[:100]!r}; {hint}")
    check_problem_name(problem)

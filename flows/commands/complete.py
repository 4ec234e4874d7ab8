"""Let a trained language model complete a text.

    python -m flows.complete shakespeare "ROMEO:" --n 3 --temperature 0.8 --seed 1

prints what follows the prompt, as often as asked. The same seed gives the same texts.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError
from tasks.cli import FAILED, log_to_stderr


def main(arguments: Sequence[str]) -> int:
    """Complete as the command line says. Return the exit code."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        check_problem(options.problem)
        from src.saved.completion import Completion, complete
        from src.scoring.registered import find_model

        given = vars(options).copy()
        problem, version = given.pop("problem"), given.pop("model")
        asked = Completion.of(given)
        texts = complete(find_model(problem, version, Path()).load(), asked)
    except UserError as error:
        logging.getLogger("workflow").error("error: %s", error)
        return FAILED
    for number, text in enumerate(texts, start=1):
        if len(texts) > 1:
            print(f"--- {number} of {len(texts)}")
        print(options.prompt + text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.complete", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("prompt", nargs="?", default="", help="the beginning of the text; default: nothing")
    parser.add_argument("--model", default="champion", metavar="VERSION", help="champion (default), or a version")
    parser.add_argument("--n", type=int, default=1, help="how many texts (default: 1)")
    parser.add_argument("--characters", type=int, default=200, help="the most characters of each (default: 200)")
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        help="1 (default) draws by the model's own probabilities, less favours the likely, 0 takes the likeliest",
    )
    parser.add_argument(
        "--top-p",
        type=float,
        default=1.0,
        help="draw from the likeliest characters that have this share of the probability together (default: 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="the same gives the same texts (default: 0)")
    return parser

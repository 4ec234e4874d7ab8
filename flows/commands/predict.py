"""Score the rows of a table file with a trained model.

    python -m flows.predict wine new.csv predictions.csv

reads the rows with the problem's settings and checks them as the training rows were checked. It writes the number of
each row, the prediction and the version of the model. Classes come with their probabilities, and values with an
interval that holds the actual value 19 times out of 20. A value unlike those of the training rows, such as a number out
of their range, comes with a warning. It needs no server and loads no foreign code or pickle.

Rows are numbered from 0 in every format; headers and blank lines do not count. Refused rows go to OUTPUT.refused.csv
with their reasons and, for a text file, their lines. OUTPUT is written completely or not at all.
"""

import argparse
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError
from tasks.cli import FAILED, INTERRUPTED, exit_on_signal, log_to_stderr, told

EXIT_CODES = "exit code: 0 if rows were written, 1 if none were"


def main(arguments: Sequence[str]) -> int:
    """Score as the command line says. Return the exit code."""
    return answer(_parser().parse_args(arguments), "predict")


def answer(options: argparse.Namespace, question: str) -> int:
    """Ask the model about every row of a file. question: `predict` or `encode`. Return the exit code."""
    log_to_stderr()
    signal.signal(signal.SIGTERM, exit_on_signal)
    try:
        check_problem(options.problem)
        return _score(options, question)
    except (UserError, OSError, MemoryError) as error:
        message, code = told(error, question)
        if message is None:
            raise
        logging.getLogger("workflow").error("%s", message)
        return code
    except KeyboardInterrupt:
        logging.getLogger("workflow").error("interrupted; nothing was written")
        return INTERRUPTED


def _score(options: argparse.Namespace, question: str) -> int:
    from src.scoring.output import check_output

    check_output(options.table, options.output, options.overwrite)

    from src.scoring.table import QUESTIONS, Order, score_table

    given = vars(options) | {"keep": tuple(options.keep), "question": QUESTIONS[question]}
    scored = score_table(Order(**given), Path())
    print("\n".join(scored.lines()))
    return 0 if scored.scored else FAILED


def _parser() -> argparse.ArgumentParser:
    return parser_of("predict", __doc__, "a .csv or .parquet file for the predictions")


def parser_of(question: str, description: str | None, output: str) -> argparse.ArgumentParser:
    """The options of a command that asks a model about rows. output: the help of the argument of that name."""
    parser = argparse.ArgumentParser(
        prog=f"python -m flows.{question}",
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("table", type=Path, help="the rows: a .csv, .tsv, .parquet or .jsonl file")
    parser.add_argument("output", type=Path, help=output)
    parser.add_argument("--model", default="champion", metavar="VERSION", help="champion (default), or a version")
    parser.add_argument(
        "--refused",
        choices=("report", "stop"),
        default="report",
        help="report: score the rows that pass the checks (default); stop: score none if any is refused",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="also refuse rows with a gap, a category or a range that the model did not see in training",
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="copy this column of the table into the output; can be repeated",
    )
    parser.add_argument(
        "--reconstruct", action="store_true", help="also write each row as rebuilt from its code: rebuilt__<column>"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    return parser

"""Go from one row of a table file to another in equal steps between their codes.

    python -m flows.interpolate wine_codes new.csv between.csv --rows 0 5 --steps 8
    python -m flows.interpolate digits_density new.parquet strip.png --rows 0 5

writes rows in the units of the table, both ends included; of pictures one PNG file with all side by side, or a folder
with a PNG file for each. Of texts these are the heaviest words, and of a series the columns at the last moment. Rows
are numbered from 0 and checked as flows.predict checks them.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError
from src.scoring.output import check_drawn, write_drawn
from tasks.cli import FAILED, log_to_stderr


def main(arguments: Sequence[str]) -> int:
    """Interpolate as the command line says. Return the exit code."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        check_problem(options.problem)
        check_drawn(options.output, options.overwrite)
        from src.saved.codes import Interpolation
        from src.scoring.two_rows import TwoRows, between

        asked = Interpolation.of({"steps": options.steps, "seed": options.seed})
        order = TwoRows(options.problem, options.table, options.rows[0], options.rows[1], options.model)
        registered, rows = between(order, asked, Path())
        write_drawn(rows, options.output)
    except UserError as error:
        logging.getLogger("workflow").error("error: %s", error)
        return FAILED
    print(f"{len(rows)} rows by {registered}: {options.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.interpolate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("table", type=Path, help="the rows: a .csv, .tsv, .parquet or .jsonl file")
    parser.add_argument(
        "output",
        type=Path,
        help="a .csv or .parquet file; of pictures a .png file, or a folder that does not exist yet",
    )
    parser.add_argument("--model", default="champion", metavar="VERSION", help="champion (default), or a version")
    parser.add_argument(
        "--rows", type=int, nargs=2, default=(0, 1), metavar="ROW", help="the two rows, from 0 (default: 0 1)"
    )
    parser.add_argument("--steps", type=int, default=8, help="how many rows, with both ends (default: 8)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of what is drawn; the same gives the same rows (default: 0)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    return parser

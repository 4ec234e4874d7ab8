"""Draw new rows from a trained model of type density or generate.

    python -m flows.sample wine_density 64 new.csv --seed 3
    python -m flows.sample digits_density 64 drawn/ --seed 3

writes a table, or a folder with a PNG file for each picture; what there is to tell of pictures beside them, such as
their class, is in its rows.csv. The same seed gives the same rows.

--nearest tells how new each row is: the nearest row among those that the model learnt from, by its number in the data
file. The distance beside it counts standardized columns, or pixels from 0 to 1.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError
from src.scoring.output import STRIP, check_drawn, write_drawn
from tasks.cli import FAILED, log_to_stderr


def main(arguments: Sequence[str]) -> int:
    """Draw as the command line says. Return the exit code."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        check_problem(options.problem)
        check_drawn(options.output, options.overwrite)
        if options.nearest and options.output.suffix.lower() == STRIP:
            raise UserError(f"{options.output}: a picture has no place for nearest rows; name a folder")
        from src.saved.generator import Drawing, sample
        from src.scoring.registered import find_model

        given = {name: getattr(options, name) for name in ("n", "seed", "given", "nearest")}
        asked = Drawing.of(given)
        registered = find_model(options.problem, options.model, Path())
        rows = sample(registered.load(), asked)
        write_drawn(rows, options.output)
    except UserError as error:
        logging.getLogger("workflow").error("error: %s", error)
        return FAILED
    print(f"{len(rows)} rows by {registered}: {options.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.sample", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("n", type=int, help="how many rows")
    parser.add_argument(
        "output",
        type=Path,
        help="a .csv or .parquet file; of pictures a .png file, or a folder that does not exist yet",
    )
    parser.add_argument("--model", default="champion", metavar="VERSION", help="champion (default), or a version")
    parser.add_argument("--seed", type=int, default=0, help="the same gives the same rows (default: 0)")
    parser.add_argument("--given", metavar="CLASS", help="rows of this class, of a model that was given classes")
    parser.add_argument("--nearest", action="store_true", help="tell for each row the nearest training row")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    return parser

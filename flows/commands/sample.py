"""Draw new rows from a trained model of type density or generate.

    python -m flows.sample wine_density 64 new.csv --seed 3
    python -m flows.sample digits_density 64 drawn/ --seed 3

writes a table, or a folder with a PNG file for each picture. The same seed gives the same rows.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from flows.arguments import check_problem, problem_files
from src.core.errors import UserError
from src.core.files import atomic_directory, atomic_file
from tasks.cli import FAILED, log_to_stderr


def main(arguments: Sequence[str]) -> int:
    """Draw as the command line says. Return the exit code."""
    options = _parser().parse_args(arguments)
    log_to_stderr()
    try:
        check_problem(options.problem)
        from src.saved.generator import Drawing, sample
        from src.scoring.registered import find_model

        asked = Drawing.of({"n": options.n, "seed": options.seed, "given": options.given})
        registered = find_model(options.problem, options.model, Path())
        rows = sample(registered.load(), asked)
        pictures = rows.iloc[:, 0].map(lambda value: isinstance(value, bytes)).all()
        if pictures and options.output.exists():
            raise UserError(f"{options.output} is there already; name a folder that does not exist yet")
    except UserError as error:
        logging.getLogger("workflow").error("error: %s", error)
        return FAILED
    if pictures:
        with atomic_directory(options.output) as folder:
            for number, file in enumerate(rows.iloc[:, 0]):
                (folder / f"{number:04d}.png").write_bytes(file)
    else:
        with atomic_file(options.output) as partial:
            rows.to_csv(partial, index=False)
    print(f"{len(rows)} rows by {registered}: {options.output}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.sample", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(problem_files())}")
    parser.add_argument("n", type=int, help="how many rows")
    parser.add_argument("output", type=Path, help="a CSV file; of pictures a folder, which must not exist yet")
    parser.add_argument("--model", default="champion", metavar="VERSION", help="champion (default), or a version")
    parser.add_argument("--seed", type=int, default=0, help="the same gives the same rows (default: 0)")
    parser.add_argument("--given", metavar="CLASS", help="rows of this class, of a model that was given classes")
    return parser

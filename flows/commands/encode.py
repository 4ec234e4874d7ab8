"""Describe the rows of a table file by the codes of a trained model.

    python -m flows.encode wine_codes new.csv codes.csv
    python -m flows.encode wine_codes new.csv codes.parquet --reconstruct

reads and checks the rows as flows.predict does. It writes the number of each row, its code (code__1 and so on, or
bit__1) and the version of the model. With --reconstruct each row is also given back as the code tells it.
"""

import argparse
from collections.abc import Sequence

from flows.commands.predict import answer, parser_of


def main(arguments: Sequence[str]) -> int:
    """Encode as the command line says. Return the exit code."""
    return answer(_parser().parse_args(arguments), "encode")


def _parser() -> argparse.ArgumentParser:
    return parser_of("encode", __doc__, "a .csv or .parquet file for the codes")

"""What the automatic workflow scores on problems of this repository, beside figures others have published.

    python -m benchmarks.results [NAME ...] [--json figures.json]

Runs every step of each problem in a temporary workspace, from the problem files and params.yaml as they are.
`published` is a known figure for the same measure and number of folds, though with statistics learnt from held-out rows
too: breast_cancer by a peer tool, boston_housing in "Deep Learning with Python". Data that must be fetched comes from
DATA_MIRROR where that is set, otherwise from its address.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.steps import run_workflow, workspace
from src.judging.printer import Printer, printer_of

PUBLISHED = {"breast_cancer": 0.9736, "boston_housing": 2.38}
DEFAULT = ("breast_cancer", "wine", "diabetes", "boston_housing")


def run_problem(name: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Run all steps of one problem; its figures, and the line of the table that prints them."""
    evaluation, seconds = run_workflow(name, folder)
    row = {
        "problem": name,
        "measure": evaluation.measure,
        "published": PUBLISHED.get(name),
        "common_sense": evaluation.baseline,
        "shallow": evaluation.shallow,
        "ours": evaluation.cross_validation.mean,
        "low": evaluation.cross_validation.low,
        "high": evaluation.cross_validation.high,
        "test": evaluation.test.value,
        "seconds": round(seconds, 1),
    }
    return row, _line(row, printer_of(evaluation))


def _line(row: dict[str, Any], printing: Printer) -> str:
    published = "" if row["published"] is None else printing.bare(row["published"])
    return (
        f"| {row['problem']} | {row['measure']} | {published} | {printing.bare(row['common_sense'])} "
        f"| {printing.bare(row['shallow'])} "
        f"| **{printing.bare(row['ours'])}** ({printing.interval(row['low'], row['high'])}) "
        f"| {printing.bare(row['test'])} | {row['seconds']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__.split("\n\n")[0])
    parser.add_argument("problems", nargs="*", default=DEFAULT, metavar="NAME", help=f"default: {' '.join(DEFAULT)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    with workspace() as folder:
        print(
            "| problem | measure | published | common sense | shallow model | ours (95% interval) | sealed test | s |"
        )
        print("|---|---|---|---|---|---|---|---|")
        rows = []
        for name in options.problems:
            row, line = run_problem(name, folder)
            rows.append(row)
            print(line, flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

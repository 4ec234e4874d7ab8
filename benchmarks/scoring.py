"""How long scoring a large file takes, and how much memory: the figures of docs/results.md.

    python -m benchmarks.scoring [--rows 1000000] [--columns 30] [--json figures.json]

Trains a model on the first rows of a made table of mixed columns in a temporary workspace, registers it there, and
scores the whole table by the same command as a person would, as CSV and as Parquet, and once with a tenth of the rows
to show that the memory does not grow with the file. Prints wall seconds and peak resident memory (GiB).
"""

import argparse
import json
import os
import shutil
import tempfile
from itertools import islice
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import yaml

from benchmarks.steps import REPOSITORY, measured, run_step
from benchmarks.tables import NAME, make_csv
from src.core.steps import STEPS

TRAINING_ROWS = 5_000
QUICK = {"training": {"epochs": 10}, "overfit": {"max_rungs": 4}, "search": {"budget": 2}, "protocol": "hold_out"}


def make_model(folder: Path, table: Path) -> None:
    """Train on the first rows of `table` and register the model in `folder`."""
    for name in ("problems", "data/local", "data/expectations"):
        (folder / name).mkdir(parents=True)
    shutil.copy(REPOSITORY / "params.yaml", folder)
    problem = {
        "question": "How long does it take to score a large table?",
        "data": {"source": "file", "path": f"{NAME}.csv"},
        "target": "bought",
        "type": "binary",
    }
    (folder / "problems" / f"{NAME}.yaml").write_text(yaml.safe_dump(problem | QUICK))
    with table.open() as whole, (folder / "data" / "local" / f"{NAME}.csv").open("w") as part:
        part.writelines(islice(whole, 1 + TRAINING_ROWS))
    for step in STEPS:
        run_step(step, NAME, folder)


def score(folder: Path, table: Path, ending: str) -> dict[str, float]:
    output = folder / f"{table.stem}-{table.suffix[1:]}{ending}"
    return measured(["flows.predict", NAME, str(table), str(output), "--model", "1"], folder)


def first_rows(table: Path, rows: int, target: Path) -> Path:
    with table.open() as whole, target.open("w") as part:
        part.writelines(islice(whole, 1 + rows))
    return target


def as_parquet(table: Path, target: Path) -> Path:
    with pyarrow.csv.open_csv(table) as reader, pyarrow.parquet.ParquetWriter(target, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = folder / "table.csv"
        make_csv(table, options.rows, options.columns)
        make_model(folder, table)
        tenth = first_rows(table, options.rows // 10, folder / "tenth.csv")
        parquet = as_parquet(table, folder / "table.parquet")
        figures = {
            "CSV to CSV, a tenth of the rows": score(folder, tenth, ".csv"),
            "CSV to CSV": score(folder, table, ".csv"),
            "Parquet to Parquet": score(folder, parquet, ".parquet"),
        }
    print(f"{options.rows:,} rows, {options.columns} columns, {os.cpu_count()} cores")
    for what, figure in figures.items():
        print(f"{what:32} {figure['seconds']:7.1f} s {figure['peak_gib']:6.2f} GiB")
    if options.json:
        options.json.write_text(json.dumps({"rows": options.rows, "columns": options.columns, "runs": figures}) + "\n")


if __name__ == "__main__":
    main()

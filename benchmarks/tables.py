"""How long a large CSV takes to be checked and split, and how much memory: the figures of docs/results.md.

    python -m benchmarks.tables [--rows 1000000] [--columns 30] [--json figures.json]

Makes a CSV of mixed columns in a temporary workspace and runs the steps define, fetch, validate and prepare there by
the same commands as DVC does. Prints wall seconds and peak resident memory (GiB) of each step.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import yaml

from benchmarks.steps import REPOSITORY, run_step

STEPS = ("define", "fetch", "validate", "prepare")
NAME = "benchmark"
CHUNK_ROWS = 100_000


def make_csv(path: Path, rows: int, columns: int) -> None:
    """Write `rows` rows of `columns` columns: a yes/no target, a date, a truth value, then two numbers to one category.

    One cell in fifty of every other column is missing.
    """
    rng = np.random.default_rng(0)
    writer = None
    for start in range(0, rows, CHUNK_ROWS):
        table = pa.table(_columns(rng, min(CHUNK_ROWS, rows - start), columns))
        writer = writer or pyarrow.csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def _columns(rng: np.random.Generator, rows: int, columns: int) -> dict[str, pa.Array]:
    made: dict[str, pa.Array] = {
        "bought": pa.array(np.where(rng.random(rows) < 0.3, "yes", "no")),
        "day": pa.array(np.datetime64("2020-01-01") + rng.integers(0, 2000, rows).astype("timedelta64[D]")),
        "member": pa.array(rng.random(rows) < 0.5),
    }
    for number in range(columns - len(made)):
        gaps = rng.random(rows) < 0.02 if number % 2 else np.zeros(rows, dtype=bool)
        if number % 3 == 2:
            values = pa.array([f"value {value}" for value in range(5 + number)])
            made[f"category_{number}"] = values.take(pa.array(rng.integers(0, 5 + number, rows), mask=gaps))
        else:
            made[f"number_{number}"] = pa.array(rng.normal(0, 10, rows).round(4), mask=gaps)
    return made


def make_workspace(folder: Path, rows: int, columns: int) -> None:
    (folder / "problems").mkdir()
    (folder / "data" / "local").mkdir(parents=True)
    (folder / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    problem = {
        "question": "How long does a large table take?",
        "data": {"source": "file", "path": f"{NAME}.csv"},
        "target": "bought",
        "type": "binary",
    }
    (folder / "problems" / f"{NAME}.yaml").write_text(yaml.safe_dump(problem))
    make_csv(folder / "data" / "local" / f"{NAME}.csv", rows, columns)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_workspace(folder, options.rows, options.columns)
        figures = {step: run_step(step, NAME, folder) for step in STEPS}
    print(f"{options.rows:,} rows, {options.columns} columns, {os.cpu_count()} cores")
    for step, figure in figures.items():
        print(f"{step:10} {figure['seconds']:7.1f} s {figure['peak_gib']:6.2f} GiB")
    if options.json:
        options.json.write_text(json.dumps({"rows": options.rows, "columns": options.columns, "steps": figures}) + "\n")


if __name__ == "__main__":
    main()

"""What a falling rate, other losses and larger networks gain on a table, on one development fold.

    python -m benchmarks.table_recipes [california_housing] [--recipes today ...] [--json FILE]

Every recipe trains one network on the first development fold, each change on top of the one before. The measure is that
of the validation rows at the best epoch of the smoothed curve, as in the search. The sealed test stays sealed. Data
come from DATA_MIRROR where that is set, otherwise from their address.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.steps import run_step, workspace
from src.core.files import Layout
from src.models.measures import TABLE
from src.networks.configurations.mlp import MLPConfiguration
from src.problem.training import Engine, Training
from src.results.data import Prepared
from src.results.networks import Candidate
from src.search.candidates import score
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from src.training.fit import fit
from src.training.members import Member
from src.training.settings import batch_size, epochs, schedule

TODAY: Mapping[str, Any] = {"units": [128, 128], "optimizer": "rmsprop", "learning_rate": 0.001}
FALLING = {**TODAY, "optimizer": "adam", "learning_rate": 0.003, "schedule": "coslog4"}
ABSOLUTE = {**FALLING, "loss": "absolute"}
WIDER = {**ABSOLUTE, "units": [256, 256, 256]}
RECIPES: dict[str, Mapping[str, Any]] = {
    "today": TODAY,
    "falling": FALLING,
    "absolute": ABSOLUTE,
    "wider": WIDER,
    "dropout": {**WIDER, "dropout": 0.1},
}


@dataclass(frozen=True)
class Row:
    """A recipe with the measure on the fold's validation rows, its best epoch, and the seconds that it took."""

    recipe: str
    network: str
    measure: float
    epoch: int
    seconds: float


def rows(layout: Layout, recipes: Sequence[str]) -> Iterator[Row]:
    """Train the recipes one after another."""
    table = read_table(layout.train, read_schema(layout.train))
    measure = TABLE[Prepared.read(layout.result("prepare")).searched_by]
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    for name in recipes:
        recipe = RECIPES[name]
        training = Training(schedule=recipe.get("schedule", "constant"))
        most = epochs(training, table)
        network = MLPConfiguration(units=recipe["units"], activation="relu", dropout=recipe.get("dropout", 0.0))
        candidate = Candidate(
            network=network,
            optimizer=recipe["optimizer"],
            learning_rate=recipe["learning_rate"],
            l1=0.0,
            l2=0.0,
            batch_size=batch_size(training, table),
            epochs=most,
            loss=recipe.get("loss", "auto"),
            **schedule(training, most),
        )
        start = time.perf_counter()
        trained = fit([Member.of_split(candidate, split, 0)], table, measure, Engine(workers=1), name)
        scored = score(trained, measure)
        yield Row(name, network.words, scored.mean, scored.candidate.epochs, time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table_recipes", description=__doc__.split("\n\n")[0])
    parser.add_argument("problem", nargs="?", default="california_housing", help="default: california_housing")
    parser.add_argument("--recipes", nargs="+", choices=list(RECIPES), default=list(RECIPES), help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    options = parser.parse_args()
    trained_rows = []
    with workspace() as folder:
        for step in ("define", "fetch", "validate", "prepare"):
            run_step(step, options.problem, folder)
        print("| recipe | network | measure | best epoch | seconds |\n|---|---|---|---|---|")
        for row in rows(Layout(options.problem, folder), options.recipes):
            trained_rows.append(row)
            print(
                f"| {row.recipe} | {row.network} | {row.measure:,.6g} | {row.epoch} | {row.seconds:.0f} |", flush=True
            )
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(row) for row in trained_rows], indent=2) + "\n")


if __name__ == "__main__":
    main()

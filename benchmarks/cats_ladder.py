"""The book's ladder of cats and dogs: from scratch, augmented, frozen features, fine-tuned.

    python -m benchmarks.cats_ladder [--json rungs.json]

Every rung is trained on the same three folds of the training rows, two thirds of the photographs at a time, and
answers each photograph once; the sealed test sets stay sealed. Data and weights come from DATA_MIRROR where that is
set, otherwise from their addresses.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.steps import run_step, workspace
from src.core.files import Layout
from src.judging.intervals import share_interval
from src.kinds.registry import kind_of
from src.models.measures import TABLE
from src.problem.training import Engine, OverfitLadder, Training
from src.results.networks import Candidate
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from src.training.fit import fit
from src.training.members import Member
from src.training.settings import batch_size, schedule

FOLDS = "protocol: k_fold\nfolds: 3\n"


@dataclass(frozen=True)
class Rung:
    """What the book gets with it, a problem, the place of a network on its ladder, and its settings."""

    name: str
    book: float | None
    problem: str
    place: int
    epochs: int
    settings: dict[str, Any]


RUNGS = (
    Rung("from scratch", 0.73, "cats_vs_dogs", 2, 20, {}),
    Rung("augmented", 0.82, "cats_vs_dogs", 2, 40, {"augmentation": "mirror", "dropout": 0.25}),
    Rung("frozen features", 0.90, "cats_vs_dogs_pretrained", 1, 30, {"dropout": 0.25}),
    Rung("frozen, augmented", None, "cats_vs_dogs_fine_tuned", 0, 8, {"augmentation": "mirror", "dropout": 0.25}),
    Rung("fine-tuned", None, "cats_vs_dogs_fine_tuned", 2, 8, {"dropout": 0.25}),
    Rung("fine-tuned, augmented", 0.97, "cats_vs_dogs_fine_tuned", 2, 8, {"augmentation": "mirror", "dropout": 0.25}),
)


def prepared(folder: Path, problem: str) -> Layout:
    """Run the steps up to prepare, with three folds."""
    file = folder / "problems" / f"{problem}.yaml"
    kept = [line for line in file.read_text().splitlines(keepends=True) if not line.startswith("protocol:")]
    file.write_text("".join(kept) + FOLDS)
    for step in ("define", "fetch", "validate", "prepare"):
        run_step(step, problem, folder)
    return Layout(problem, folder)


def right_answers(rung: Rung, layout: Layout) -> tuple[str, dict[int, bool]]:
    """The rung's network, and for each photograph, by its place in the raw data, whether it is recognized."""
    table = read_table(layout.train, read_schema(layout.train))
    training = Training()
    ladder = kind_of(table.schema.features).ladders["predict"]
    network = ladder(table.schema.features, OverfitLadder(), training)[rung.place]
    candidate = Candidate(
        network=network.changed(**rung.settings),
        optimizer=training.optimizer,
        learning_rate=training.learning_rate,
        l1=0.0,
        l2=0.0,
        batch_size=batch_size(training, table),
        epochs=rung.epochs,
        **schedule(training, rung.epochs, network.rate_falls),
    )
    folds = read_folds(layout.folds, len(table))["development"]
    members = [Member.of_split(candidate, split, 0) for split in folds]
    is_right: dict[int, bool] = {}
    for trained in fit(members, table, TABLE["accuracy"], Engine(), rung.name):
        rows = trained.member.validation
        right = (trained.predictions[:, 0] >= 0.5) == (table.y_NT[rows, 0] == 1)
        is_right |= dict(zip(table.rows_N[rows].tolist(), right.tolist(), strict=True))
    return network.text, is_right


def gain(now: NDArray[np.bool_], before: NDArray[np.bool_]) -> tuple[float, float, float]:
    """By how much more of the same photographs are recognized, with the 95% interval of the paired difference."""
    difference = now.astype(float) - before
    error = 1.96 * float(difference.std(ddof=1)) / len(difference) ** 0.5
    return float(difference.mean()), float(difference.mean()) - error, float(difference.mean()) + error


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cats_ladder", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rungs here")
    options = parser.parse_args()
    print("| rung | network | book | ours (95% interval) | gained on the rung before |\n|---|---|---|---|---|")
    rows, before = [], None
    with workspace() as folder:
        layouts = {problem: prepared(folder, problem) for problem in dict.fromkeys(rung.problem for rung in RUNGS)}
        for rung in RUNGS:
            network, answers = right_answers(rung, layouts[rung.problem])
            right_N = np.array([answers[row] for row in sorted(answers)])
            accuracy = share_interval(float(right_N.mean()), len(right_N))
            book = "" if rung.book is None else f"{rung.book:.2f}"
            more = "" if before is None else "{:+.3f} ({:+.3f} to {:+.3f})".format(*gain(right_N, before))
            ours = f"**{accuracy.value:.3f}** ({accuracy.low:.3f} to {accuracy.high:.3f})"
            print(f"| {rung.name} | {network} | {book} | {ours} | {more} |", flush=True)
            rows.append(
                {
                    "rung": rung.name,
                    "book": rung.book,
                    "ours": accuracy.value,
                    "low": accuracy.low,
                    "high": accuracy.high,
                }
            )
            before = right_N
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

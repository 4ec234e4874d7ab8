"""Whether networks that learn from rows without a target first are better where few rows have one.

    python -m benchmarks.pretraining [fashion_mnist] [--labelled 500] [--draws 5] [--rung 2] [--json gains.json]

The targets of so many training rows are drawn, several times. Networks learn from each draw, and all are scored on the
same training rows, which neither were drawn nor learnt from before; the sealed test stays sealed. A gain is paired over
the draws. The interval is about other draws, with these held-out rows and this pretraining. Data come from DATA_MIRROR
where that is set, otherwise from their address.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.steps import run_step, workspace
from src.core.files import Layout
from src.judging.intervals import paired_gain
from src.kinds.registry import kind_of
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.models.pretraining import METHODS
from src.networks import Configuration
from src.problem.training import Engine, OverfitLadder, Training
from src.results.data import Prepared
from src.results.networks import Candidate
from src.results.verdicts import Estimate
from src.tables.table import Table, read_schema, read_table
from src.training.fit import fit
from src.training.members import Member
from src.training.pretraining import with_initial_weights
from src.training.settings import schedule

HELD_OUT, BATCH, EPOCHS = 5_000, 32, 40


@dataclass(frozen=True)
class Gain:
    """The measure with a way to start, a mean over the draws, and what that gains on random initial weights."""

    start: str
    measure: float
    gain: Estimate | None


def gains(
    table: Table, network: Configuration, measure: Measure, labelled: int, draws: int, engine: Engine
) -> list[Gain]:
    """A row for random initial weights, then one for every method of pretraining."""
    rows = np.random.default_rng(0).permutation(len(table))
    held_out, pool = np.split(rows, [min(HELD_OUT, len(rows) // 5)])
    table = replace(table, unlabelled=table.frame.iloc[np.sort(pool)].reset_index(drop=True))
    drawn = [np.sort(np.random.default_rng([1, draw]).choice(pool, labelled, replace=False)) for draw in range(draws)]
    training = Training()
    candidates = [
        Candidate(
            network=network,
            optimizer=training.optimizer,
            learning_rate=training.learning_rate,
            l1=0.0,
            l2=0.0,
            batch_size=BATCH,
            epochs=EPOCHS,
            **schedule(training, EPOCHS, network.rate_falls),
            pretrained=start,
        )
        for start in ("none", *METHODS)
    ]
    table = with_initial_weights(table, candidates, engine, 0)
    members = [
        Member(candidate, draw, 0, draw, rows, np.sort(held_out))
        for candidate in candidates
        for draw, rows in enumerate(drawn)
    ]
    results = fit(members, table, measure, engine, "few rows with a target")
    scores = np.array([trained.history.validation[-1] for trained in results]).reshape(len(candidates), draws)
    return [
        _gain(candidate.pretrained, scores_J, scores[0], measure)
        for candidate, scores_J in zip(candidates, scores, strict=True)
    ]


def _gain(start: str, scores_J: np.ndarray, random_J: np.ndarray, measure: Measure) -> Gain:
    gains_J = measure.gain(scores_J, random_J)
    better = None if start == "none" else paired_gain(float(gains_J.mean()), gains_J, 0.0)
    return Gain(start, float(scores_J.mean()), better)


def markdown(rows: Sequence[Gain]) -> str:
    lines = ["| initial weights | mean | gained (95% interval) |", "|---|---|---|"]
    for row in rows:
        gained = "" if row.gain is None else f"{row.gain.value:.4f} ({row.gain.low:.4f} to {row.gain.high:.4f})"
        lines.append(f"| {'random' if row.gain is None else row.start} | {row.measure:.4f} | {gained} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretraining", description=__doc__.split("\n\n")[0])
    parser.add_argument("problem", nargs="?", default="fashion_mnist", help="a problem file (default: fashion_mnist)")
    parser.add_argument("--labelled", type=int, default=500, metavar="N", help="rows with a target (default: 500)")
    parser.add_argument("--draws", type=int, default=5, metavar="N", help="draws of them (default: 5)")
    parser.add_argument("--rung", type=int, default=2, metavar="N", help="of the ladder, from 0 (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    options = parser.parse_args()
    with workspace() as folder:
        for step in ("define", "fetch", "validate", "prepare"):
            run_step(step, options.problem, folder)
        layout = Layout(options.problem, folder)
        table = read_table(layout.train, read_schema(layout.train))
        measure = TABLE[Prepared.read(layout.result("prepare")).measure]
        ladder = kind_of(table.schema.features).ladders["predict"]
        network = ladder(table.schema.features, OverfitLadder(), Training())[options.rung]
        rows = gains(table, network, measure, options.labelled, options.draws, Engine())
    print(f"{measure.title} of a network of {network.text}, from {options.labelled} rows with a target")
    print(markdown(rows))
    if options.json is not None:
        lines = [asdict(row) | {"gain": row.gain and row.gain.model_dump()} for row in rows]
        options.json.write_text(json.dumps(lines, indent=2) + "\n")


if __name__ == "__main__":
    main()

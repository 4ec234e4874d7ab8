"""Are the verdicts right? Problems whose truth is known, the real steps on them, and how often they were wrong.

    python -m benchmarks.honesty [--problems 400] [--seed 0] [--processes 1] [--log log.jsonl] [--json figures.json]

So many problems without any signal, and as many with one: all steps but the report run on each, with small budgets. The
shallow model is the linear one alone, which saves half of the time and touches nothing of what is counted:

- false_claims: how often `beats_common_sense` is claimed where there is nothing to learn; `allowed_claims`
  of the problems may be, since the gain has a two-sided 95% interval.
- coverage_cross_validation: how often the 95% interval of the cross-validated measure holds the true risk of the
  procedure: the measure's expected value on new rows, over models of the chosen configuration that are each trained on
  as many new rows as the problem has training rows. This, and not the risk of the one model at hand, is what
  cross-validation estimates (Bates, Hastie and Tibshirani 2021, "Cross-validation: what does it estimate and how well
  does it do it?").
- coverage_test: how often the sealed test's 95% interval holds the true risk of the final model: its measure on new
  rows without end.
- optimism: by how much a score is better than the true risk of the procedure, on average: that of the search's best
  candidate (`search`), that of the evaluation folds (`evaluation_folds`) and, for one problem in eight, that of nested
  cross-validation on one repeat of them (`nested`). In standard errors: half the width of the cross-validated interval
  over 1.96.

Coverage is counted on the problems with a signal; `without_signal` has it for the others. True risks are measured on
20,000 new rows, that of the procedure over 16 trainings. With --log, problems that the file holds are not run again.
The report cites what --json src/report/honesty.json has written.
"""

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import BaseModel

from benchmarks.generators import as_table
from benchmarks.generators import figures as known_generators
from benchmarks.populations import TARGET, Population, populations
from benchmarks.steps import REPOSITORY
from src.core.errors import UserError
from src.core.files import Layout
from src.judging.intervals import CONFIDENCE
from src.kinds.tabular import shallow
from src.models.measures import TABLE
from src.problem.load import load_settings
from src.problem.steps import RegularizeSettings
from src.problem.training import Engine
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.results.networks import Overfit, Regularize
from src.results.verdicts import Estimate
from src.saved.network_model import NetworkCard, NetworkModel
from src.saved.saved_model import load_model
from src.search.candidates import candidates_of
from src.search.nested import search_in_folds
from src.tables.protocols import read_folds
from src.tables.table import Table, encode_targets, read_schema, read_table
from src.training.fit import fit
from src.training.members import Member, Trained

NAME = "honesty"
FRESH_ROWS, TRAININGS = 20_000, 16
# Nested cross-validation costs as much as all the rest: one problem in so many has it.
NESTED_EVERY = 8
# Independent draws from a population: those from FIRST_DRAW on are tried until the data checks accept one.
FRESH_DRAW, TRAINING_DRAW, FIRST_DRAW = 10, 11, 20
SETTINGS: dict[str, Any] = {
    "training": {"optimizer": "adam", "learning_rate": 0.03, "batch_size": 32, "epochs": 15, "activation": "relu"},
    "overfit": {"first_units": 4, "max_rungs": 3},
    "search": {"budget": 8, "dropout": [0.0, 0.25], "l1": [0.0], "l2": [0.0, 0.01], "learning_rate": [0.3, 1.0]},
    "committee": 1,
}
ENGINE = Engine(workers=1, accelerator="cpu")


class Outcome(BaseModel):
    """What the steps reported of one problem, and the truth. `sign`: 1 where more of the measure is better, or -1."""

    number: int
    signal: bool
    seed: int
    rows: int
    measure: str
    sign: int
    claimed: bool
    search: float
    cross_validation: Estimate
    nested: float | None
    test: Estimate
    true_procedure: float
    true_final: float

    @property
    def standard_error(self) -> float:
        return (self.cross_validation.high - self.cross_validation.low) / 2 / 1.96


def run_problem(number: int, population: Population, seed: int) -> Outcome:
    """All steps but the report on one problem, in a workspace of its own; then the truth."""
    logging.getLogger("workflow").setLevel(logging.ERROR)
    for models in shallow.SHALLOW.values():
        models.pop("gradient_boosting", None)
    with tempfile.TemporaryDirectory(prefix="honesty-") as folder:
        return _outcome(number, population, seed, _run_steps(population, Path(folder)))


def _outcome(number: int, population: Population, seed: int, layout: Layout) -> Outcome:
    prepared = Prepared.read(layout.result("prepare"))
    evaluation = Evaluate.read(layout.result("evaluate"))
    final = _final_network(layout)
    fresh = _table(population.draw(FRESH_ROWS, FRESH_DRAW), final)
    cross, test = evaluation.cross_validation, evaluation.test
    return Outcome(
        number=number,
        signal=population.strength > 0,
        seed=seed,
        rows=population.rows,
        measure=evaluation.measure,
        sign=1 if evaluation.direction == "maximize" else -1,
        claimed=next(verdict.holds for verdict in evaluation.verdicts if verdict.name == "beats_common_sense"),
        search=Regularize.read(layout.result("regularize")).best_score.mean,
        cross_validation=Estimate(value=cross.mean, low=cross.low, high=cross.high),
        nested=_nested_score(layout, evaluation) if number // 2 % NESTED_EVERY == 0 else None,
        test=Estimate(value=test.value, low=test.low, high=test.high),
        true_procedure=_risk_of_procedure(population, final, evaluation, prepared.rows, fresh),
        true_final=_risk(final, evaluation, fresh),
    )


def _final_network(layout: Layout) -> NetworkModel:
    models = (load_model(folder) for folder in (layout.model, layout.alternative))
    return next(model for model in models if isinstance(model, NetworkModel))


def _run_steps(population: Population, folder: Path) -> Layout:
    from tasks.baseline import baseline
    from tasks.define import define
    from tasks.evaluate import evaluate
    from tasks.fetch import fetch
    from tasks.overfit import overfit
    from tasks.prepare import prepare
    from tasks.regularize import regularize
    from tasks.validate import validate

    for draw in range(FIRST_DRAW, FIRST_DRAW + 20):
        layout = _workspace(population, draw, folder / str(draw))
        try:
            define(layout)
            fetch(layout)
            validate(layout)
        except UserError:  # too few rows of a class
            continue
        for step in (prepare, baseline, overfit, regularize, evaluate):
            step(layout)
        return layout
    raise UserError(f"the data checks accept no table of {population}")


def _workspace(population: Population, draw: int, folder: Path) -> Layout:
    layout = Layout(NAME, folder)
    layout.problem_file.parent.mkdir(parents=True)
    layout.local.mkdir(parents=True)
    layout.params_file.write_bytes((REPOSITORY / "params.yaml").read_bytes())
    settings = SETTINGS | {
        "question": "Is there anything to learn?",
        "data": {"source": "file", "path": f"{NAME}.csv"},
        "target": TARGET,
        "type": population.type,
        "measure": population.measure,
        "seed": population.seed % 10_000,
    }
    layout.problem_file.write_text(yaml.safe_dump(settings))
    population.draw(population.rows, draw).to_csv(layout.local / f"{NAME}.csv", index=False)
    return layout


def _nested_score(layout: Layout, evaluation: Evaluate) -> float:
    """What `protocol: nested` would report, on the first repeat of the evaluation folds."""
    settings = load_settings(layout, "regularize", RegularizeSettings)
    climbed = Overfit.read(layout.result("overfit"))
    table = read_table(layout.train, read_schema(layout.train))
    folds, measure = read_folds(layout.folds, len(table)), TABLE[evaluation.measure]
    outer = [split for split in folds["evaluation"] if split.repeat == 0]
    candidates = candidates_of(climbed.rungs, climbed.chosen, settings, table)
    development, seed = folds["development"], settings.seed
    search = search_in_folds(candidates, outer, development, table, measure, ENGINE, seed, [seed])
    return search.held_out.value(table, measure)


def _risk_of_procedure(
    population: Population, final: NetworkModel, evaluation: Evaluate, rows: int, fresh: Table
) -> float:
    """Mean measure on `fresh` of the chosen configuration, trained on `TRAININGS` new tables of so many rows."""
    table = _table(population.draw(rows * TRAININGS, TRAINING_DRAW), final)
    nothing = np.arange(0)
    members = [
        Member(evaluation.chosen, 0, t, t, np.arange(t * rows, (t + 1) * rows), nothing) for t in range(TRAININGS)
    ]
    trained = fit(members, table, TABLE[evaluation.measure], ENGINE, "truth")
    return float(np.mean([_risk(_model(refit, final), evaluation, fresh) for refit in trained]))


def _risk(model: NetworkModel, evaluation: Evaluate, fresh: Table) -> float:
    return TABLE[evaluation.measure].value(fresh.y_NT, model.row_predictions(fresh.frame), fresh.w_N)


def _model(trained: Trained, final: NetworkModel) -> NetworkModel:
    card = NetworkCard(
        table=final.schema,
        vectorizer=trained.vectorizer,
        target_scaler=trained.target_scaler,
        network=trained.member.candidate.network,
        inputs=trained.inputs,
    )
    return NetworkModel(card, [trained.weights])


def _table(frame: pd.DataFrame, model: NetworkModel) -> Table:
    return Table(model.schema, frame, encode_targets(frame, model.schema), np.ones(len(frame)), np.arange(len(frame)))


def run_problems(count: int, seed: int, processes: int, log: Path | None) -> Iterator[Outcome]:
    """The outcomes of `count` problems without signal and as many with one, in turns; `log` keeps them."""
    from joblib import Parallel, delayed

    kept = {}
    if log is not None and log.exists():
        outcomes = [Outcome.model_validate_json(line) for line in log.read_text().splitlines()]
        kept = {(outcome.signal, outcome.number): outcome for outcome in outcomes if outcome.seed == seed}
    pairs = zip(populations(count, False, seed), populations(count, True, seed), strict=True)
    wanted = [(population.strength > 0, number, population) for number, pair in enumerate(pairs) for population in pair]
    run = Parallel(n_jobs=processes, return_as="generator", batch_size=1)(
        delayed(run_problem)(number, population, seed)
        for signal, number, population in wanted
        if (signal, number) not in kept
    )
    for signal, number, _ in wanted:
        if (signal, number) in kept:
            yield kept[signal, number]
            continue
        outcome = next(run)
        if log is not None:
            with log.open("a") as file:
                file.write(outcome.model_dump_json() + "\n")
        yield outcome


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What is printed and written."""
    empty, full = ([outcome for outcome in outcomes if outcome.signal == signal] for signal in (False, True))
    by_measure = {
        measure: [outcome for outcome in outcomes if outcome.measure == measure]
        for measure in sorted({outcome.measure for outcome in outcomes})
    }
    return {
        "problems_without_signal": len(empty),
        "problems_with_signal": len(full),
        "false_claims": _mean([outcome.claimed for outcome in empty]),
        "allowed_claims": (1 - CONFIDENCE) / 2,
        "true_claims": _mean([outcome.claimed for outcome in full]),
        **_coverage(full),
        "optimism": _optimism(full),
        "without_signal": {**_coverage(empty), "optimism": _optimism(empty)},
        "by_measure": {
            measure: {
                "problems": len(chosen),
                "false_claims": _mean([outcome.claimed for outcome in chosen if not outcome.signal]),
                **_coverage(chosen),
            }
            for measure, chosen in by_measure.items()
        },
    }


def _coverage(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    return {
        "coverage_cross_validation": _mean([_holds(each.cross_validation, each.true_procedure) for each in outcomes]),
        "coverage_test": _mean([_holds(each.test, each.true_final) for each in outcomes]),
    }


def _holds(interval: Estimate, truth: float) -> bool:
    """An interval of rounding errors around the truth holds it."""
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def _optimism(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    usable = [outcome for outcome in outcomes if outcome.standard_error > 0]

    def mean(reported: Sequence[float | None]) -> float | None:
        pairs = [(value, each) for value, each in zip(reported, usable, strict=True) if value is not None]
        return _mean([each.sign * (value - each.true_procedure) / each.standard_error for value, each in pairs])

    return {
        "search": mean([each.search for each in usable]),
        "evaluation_folds": mean([each.cross_validation.value for each in usable]),
        "nested": mean([each.nested for each in usable]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.honesty", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--problems", type=int, default=400, metavar="N", help="with signal, and as many without; default: 400"
    )
    parser.add_argument(
        "--generators", type=int, metavar="N", help="instead, N sets of rows for each of some known generators"
    )
    parser.add_argument("--seed", type=int, default=0, help="other problems for every seed; default: 0")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="problems at a time; default: 1")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep every problem's outcome here, and go on from it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    if options.generators is not None:
        lines = known_generators(options.generators, options.seed)
        print(as_table(lines))
        if options.json:
            options.json.write_text(json.dumps(lines, indent=2) + "\n")
        return
    begin, outcomes = time.monotonic(), []
    for outcome in run_problems(options.problems, options.seed, options.processes, options.log):
        outcomes.append(outcome)
        if len(outcomes) % 20 == 0:
            results = figures(outcomes)
            print(
                f"{len(outcomes)} of {2 * options.problems} problems, {time.monotonic() - begin:.0f} s: false claims "
                f"{results['false_claims']}, coverage of cross-validation {results['coverage_cross_validation']}, "
                f"of the test {results['coverage_test']}",
                flush=True,
            )
    text = json.dumps(figures(outcomes), indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()

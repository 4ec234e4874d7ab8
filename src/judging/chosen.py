"""The chosen configuration, trained for every estimate: on the evaluation folds, on fewer rows, and on all of them.

Book: "Evaluating machine learning models".
"""

from dataclasses import dataclass

import numpy as np

from src.judging.committee import Committee, committees_of, held_out, members_of, starts_of
from src.judging.evaluation import compare, repeats_wanted
from src.judging.half_samples import half_sample_variance, half_samples
from src.judging.held_out import HeldOut
from src.judging.sample_sizes import Trial, learning_curve, trials
from src.models.measures.measure import Measure
from src.models.types.problem_type import ProblemType
from src.problem.steps import EvaluateSettings
from src.problem.training import Engine
from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import SampleSize
from src.results.networks import Candidate, Overfit
from src.results.verdicts import Choice, Verdict
from src.tables.protocols import Folds, Split
from src.tables.table import Table
from src.training.fit import fit
from src.training.members import Trained


@dataclass(frozen=True)
class Given:
    """What earlier steps left, without the sealed test set."""

    settings: EvaluateSettings
    engine: Engine
    prepared: Prepared
    rivals: Baseline
    climbed: Overfit
    candidate: Candidate
    table: Table
    measure: Measure
    evaluation: Folds
    development: Folds

    @property
    def starts(self) -> list[int]:
        return starts_of(self.settings.seed, self.settings.committee)


@dataclass(frozen=True)
class Learnt:
    """The trainings of the chosen configuration: on the evaluation folds, on fewer rows, and on all training rows.

    variance: that of the cross-validated estimate, from half samples where they were trained.
    """

    problem_type: ProblemType
    folds: Folds
    committees: list[Committee]
    final: Committee
    sample_sizes: list[SampleSize]
    more_data: list[Verdict]
    variance: float | None
    choices: list[Choice]

    @property
    def splits(self) -> list[Split]:
        return list(self.folds)

    @property
    def held_out(self) -> HeldOut:
        return held_out(self.splits, self.committees, self.problem_type)


def train(given: Given) -> Learnt:
    """Train the chosen configuration for every estimate in one go, then on further repeats where they are needed."""
    table, measure, protocol, starts = given.table, given.measure, given.prepared.protocol, given.starts
    folds = given.evaluation.first(protocol.repeats)
    splits = list(folds)
    everything = np.arange(len(table))
    whole = Split(0, 0, everything, everything[:0])
    smaller = trials(given.candidate, [s for s in splits if s.repeat == 0], table, starts[0])
    # The distances of drawn rows depend on how many rows are judged, so those of halves say nothing about all.
    halved = protocol.method == "iterated_k_fold" and not table.schema.problem_type.generates
    halves = half_samples(protocol.folds, table, given.settings.seed) if halved else []
    members = [
        members_of(given.candidate, [*splits, whole], starts),
        [member for trial in smaller for member in trial.members],
        members_of(given.candidate, [split for half in halves for split in half], starts[:1]),
    ]
    results = iter(fit([m for group in members for m in group], table, measure, given.engine, "evaluate", final=True))
    of_folds, of_shares, of_halves = ([next(results) for _ in group] for group in members)

    *committees, final = committees_of(of_folds, len(starts))
    alone = held_out(splits, [committee[:1] for committee in committees], table.schema.problem_type)
    points, more_data = _learning_curve(smaller, of_shares, alone, folds.first(1), given)
    of_half = committees_of(of_halves, protocol.folds)
    predicted = [HeldOut(half, [t.predictions for t in group]) for half, group in zip(halves, of_half, strict=True)]
    variance = half_sample_variance(predicted, table, measure) if predicted else None
    choices = []
    if protocol.most_repeats is not None:
        folds, committees, choice = _repeat_until_stable(given, folds, committees, variance)
        choices = [choice]
    return Learnt(table.schema.problem_type, folds, committees, final, points, more_data, variance, choices)


def _learning_curve(
    smaller: list[Trial], results: list[Trained], alone: HeldOut, folds: Folds, given: Given
) -> tuple[list[SampleSize], list[Verdict]]:
    """The curve over the number of training rows, on the first repeat; `results` are those of all members of `smaller`,
    in their order; `alone` is what single networks say that learnt from all rows."""
    one_by_one = iter(results)
    predicted = [(trial, [next(one_by_one).predictions for _ in trial.members]) for trial in smaller]
    tried = [(trial, HeldOut(trial.splits, predictions)) for trial, predictions in predicted]
    count = len(list(folds))
    first = HeldOut(alone.splits[:count], alone.predictions[:count])
    return learning_curve(tried, first, folds, given.table, given.measure, given.settings.seed)


def _repeat_until_stable(
    given: Given, folds: Folds, committees: list[Committee], variance: float | None
) -> tuple[Folds, list[Committee], Choice]:
    """Train on more of the drawn repeats until the estimate hardly depends on how the rows were shuffled.

    folds: those of `committees`. Returns the final folds and committees, and the reason for stopping.
    """
    table, measure = given.table, given.measure
    most = given.prepared.protocol.most_repeats
    assert most is not None
    while True:
        splits = list(folds)
        wanted, why = repeats_wanted(
            held_out(splits, committees, table.schema.problem_type), table, measure, most, variance
        )
        if wanted == len(folds.fold_RN):
            return folds, committees, Choice(setting="repeats", chosen=str(wanted), reason=why)
        folds = given.evaluation.first(wanted)
        members = members_of(given.candidate, list(folds)[len(splits) :], given.starts)
        results = fit(members, table, measure, given.engine, "evaluate, more repeats", final=True)
        committees = committees + committees_of(results, len(given.starts))


def pretraining_helps(given: Given, learnt: Learnt) -> Verdict:
    """Whether the chosen configuration is better than the same one from random initial weights."""
    if given.candidate.pretrained == "none":
        return Verdict(name="pretraining_helps", holds=False, evidence="the search chose random initial weights")
    candidate = given.candidate.model_copy(update={"pretrained": "none"})
    members = members_of(candidate, learnt.splits, given.starts)
    title = "evaluate, from random initial weights"
    results = fit(members, given.table, given.measure, given.engine, title, final=True)
    random = held_out(learnt.splits, committees_of(results, len(given.starts)), given.table.schema.problem_type)
    return compare(
        "pretraining_helps",
        learnt.held_out,
        [random],
        "from random initial weights",
        given.table,
        learnt.folds,
        given.measure,
        given.settings.seed,
        f"pretrained ({given.candidate.pretrained})",
    )

"""The search of the step `regularize`: which candidates to try, and which one to choose.

Book: "Regularizing and tuning your model": dropout, L1, L2, capacity, learning rate, epochs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError
from src.kinds.registry import kind_of
from src.models.measures.measure import Measure
from src.networks import Configuration
from src.problem.steps import RegularizeSettings
from src.problem.training import Search, Training
from src.results.networks import Candidate, Rung
from src.search.curves import best_epoch
from src.tables.table import Table
from src.training.members import Trained
from src.training.settings import batch_size, epochs, schedule

Array = NDArray[np.float64]


# The search covers the chosen rung of the ladder and this many smaller ones.
SMALLER_RUNGS = 2
# Settings of a candidate that vary where `search` names several values.
FURTHER = ("loss", "label_smoothing", "weight_decay")


@dataclass(frozen=True)
class Scored:
    """A candidate with its epochs settled, its number of parameters, and the measure on each of J folds.

    trained: the epochs it was trained for. dropped: whether halving dropped it, because others were better.
    left_out_B: with a single fold, the measure with one of B blocks of its rows left out at a time.
    """

    candidate: Candidate
    parameters: int
    scores_J: Array
    trained: int
    dropped: bool = False
    left_out_B: Array | None = None

    @property
    def mean(self) -> float:
        return float(self.scores_J.mean())

    @property
    def simplicity(self) -> tuple[float, ...]:
        """A key that sorts the simple first: fewer parameters, smaller weights (L2, L1, weight decay), more dropout,
        smoother labels, fewer epochs."""
        c = self.candidate
        return (self.parameters, -c.l2, -c.l1, -c.weight_decay, -c.network.dropout, -c.label_smoothing, c.epochs)


def candidates_of(rungs: Sequence[Rung], chosen: int, settings: RegularizeSettings, table: Table) -> list[Candidate]:
    """The candidates of a problem, from the ladder's rungs up to the chosen one."""
    asked, kind = table.schema.problem_type, kind_of(table.schema.features)
    smaller = SMALLER_RUNGS if asked.smaller_rungs is None else asked.smaller_rungs
    networks = [rung.network for rung in reversed(rungs[max(chosen - smaller, 0) : chosen + 1])]
    size, most = batch_size(settings.training, table), epochs(settings.training, table)
    by, budget = kind.penalties, settings.search.budget
    search = settings.search.model_copy(
        update={
            "budget": kind.candidates if budget == "auto" else budget,
            "l1": [by * l1 for l1 in settings.search.l1],
            "l2": [by * l2 for l2 in settings.search.l2],
        }
    )
    options = {**kind.options(table.schema.features), **asked.options}
    return propose(networks, search, settings.training, size, most, settings.seed, options, settings.pretrain)


def score(trained: Sequence[Trained], measure: Measure) -> Scored:
    """Score a candidate by its trainings on J folds; their mean validation curve so far settles its epochs."""
    epochs = min(len(t.history.validation) for t in trained)
    curves_JE = [t.history.validation[:epochs] for t in trained]
    epoch = best_epoch(curves_JE, measure.direction == "maximize")
    return Scored(
        candidate=trained[0].member.candidate.model_copy(update={"epochs": epoch}),
        parameters=sum(w.size for w in trained[0].weights.values()),
        scores_J=np.array([curve_E[epoch - 1] for curve_E in curves_JE]),
        trained=epochs,
    )


def propose(
    networks: Sequence[Configuration],
    search: Search,
    training: Training,
    batch_size: int,
    epochs: int,
    seed: int,
    options: Mapping[str, Sequence[Any]] = {},
    pretrain: str = "none",
) -> list[Candidate]:
    """`search.budget` different candidates (fewer where the space is smaller), the unregularized `networks[0]` first.

    A scrambled Sobol sequence spreads the others over capacity, dropout, one penalty (L1 or L2), the learning rate and
    the `options`. Those `FURTHER` settings that have several values vary, too, and so does pretraining, if there is
    something to `pretrain`. So even a small budget covers every value. An option varies only in networks that name it;
    its first value is that of the unregularized network, which also has the first loss.
    """
    from scipy.stats import qmc

    assert search.budget != "auto"

    penalties = [(0.0, l2) for l2 in search.l2] + [(l1, 0.0) for l1 in search.l1 if l1 > 0]
    axes: list[Sequence[Any]] = [
        range(len(networks)),
        search.dropout,
        penalties,
        search.learning_rate,
        *options.values(),
    ]
    further = {name: getattr(search, name) for name in FURTHER}
    varied = {name: values for name, values in further.items() if len(values) > 1}
    axes += varied.values()
    starts = ("none",) if pretrain == "none" else ("none", pretrain)
    axes += [starts] if len(starts) > 1 else []
    plain = dict(zip(FURTHER, (search.loss[0], 0.0, 0.0), strict=True))
    unregularized = (0, 0.0, (0.0, 0.0), 1.0, *(values[0] for values in options.values()), *plain.values(), "none")
    proposed: dict[tuple[Any, ...], None] = {unregularized: None}
    # Enough points to meet every combination, however small its cell.
    points = qmc.Sobol(len(axes), rng=np.random.default_rng(seed)).random_base2(
        int(np.ceil(np.log2(8 * np.prod([len(axis) for axis in axes]))))
    )
    for point in points:
        if len(proposed) >= search.budget:
            break
        network, dropout, penalty, factor, *chosen = (
            axis[int(u * len(axis))] for axis, u in zip(axes, point, strict=True)
        )
        used = [
            value if networks[network].names(name) else values[0]
            for value, (name, values) in zip(chosen, options.items(), strict=False)
        ]
        of_varied = dict(zip(varied, chosen[len(options) :], strict=False))
        others = [of_varied.get(name, values[0]) for name, values in further.items()]
        start = chosen[-1] if len(starts) > 1 else "none"
        proposed[network, dropout, penalty, factor, *used, *others, start] = None
    return [
        Candidate(
            network=networks[network].changed(
                dropout=dropout,
                **{name: value for name, value in zip(options, chosen, strict=False) if networks[network].names(name)},
            ),
            optimizer=training.optimizer,
            learning_rate=training.learning_rate * factor,
            l1=l1,
            l2=l2,
            batch_size=batch_size,
            epochs=epochs,
            clip_norm=networks[network].clip_norm,
            **schedule(training, epochs, networks[network].rate_falls),
            **dict(zip(FURTHER, chosen[len(options) :], strict=True)),
            pretrained=start,
        )
        for network, dropout, (l1, l2), factor, *chosen, start in proposed
    ]


def one_standard_error_rule(scored: Sequence[Scored], measure: Measure) -> tuple[Scored, Scored, float]:
    """The best candidate, the simplest one within one standard error of it, and that standard error.

    All candidates share their folds, so the standard error is that of the paired difference to the best. The rule
    leaves out candidates that were dropped or whose training diverged (a score that is not finite). Raises UserError
    where none remains. Sources: Breiman et al. 1984, "Classification and Regression Trees", section 3.4.3; Hastie,
    Tibshirani and Friedman 2009, section 7.10.
    """
    finished = [each for each in scored if not each.dropped and np.isfinite(each.scores_J).all()]
    if not finished:
        raise UserError("the training of every candidate diverged; choose a lower training.learning_rate")
    best = finished[0]
    for other in finished[1:]:
        if measure.better(other.mean, best.mean):
            best = other
    within = [each for each in finished if measure.gain(best.mean, each.mean) <= difference_error(best, each)]
    chosen = min(within, key=lambda candidate: candidate.simplicity)
    return best, chosen, difference_error(best, chosen)


def best_unregularized(scored: Sequence[Scored], measure: Measure) -> Scored | None:
    """The best candidate of a search without regularization of its own: no penalty, dropout or further option is on.

    Its capacity, loss, learning rate and epochs are free, as those of the chosen candidate are. Dropped candidates
    compete with the score that they had by then. With a single fold they cannot: their differences have no standard
    error. `scored` begins with the search's start. None if all trainings diverged.
    """
    start = scored[0]
    best = None
    for each in scored:
        comparable = (each.left_out_B is None) == (start.left_out_B is None) and np.isfinite(each.scores_J).all()
        if comparable and is_unregularized(each, start) and (best is None or measure.better(each.mean, best.mean)):
            best = each
    return best


def is_unregularized(scored: Scored, start: Scored) -> bool:
    """Whether a candidate regularizes no more than the start of its search."""
    one, other = scored.candidate, start.candidate
    of_each = [
        (c.network.regularizers, c.l1, c.l2, c.weight_decay, c.label_smoothing, c.pretrained) for c in (one, other)
    ]
    return of_each[0] == of_each[1]


def difference_error(one: Scored, other: Scored) -> float:
    """Standard error of the difference between two candidates on the same folds, from its spread over the folds.

    With a single fold it comes from a jackknife over blocks of its rows, and is 0 for candidates that were dropped.
    """
    if one.left_out_B is not None and other.left_out_B is not None:
        difference_B = one.left_out_B - other.left_out_B
        return float(((len(difference_B) - 1) * difference_B.var()) ** 0.5)
    return standard_error(one.scores_J - other.scores_J)


def standard_error(values_J: Array) -> float:
    """Standard error of the mean of fold scores; 0 with one fold."""
    return float(values_J.std(ddof=1) / len(values_J) ** 0.5) if len(values_J) > 1 else 0.0

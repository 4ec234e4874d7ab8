"""Successive halving: train every candidate for some epochs, the better half for longer, and the last ones to the end.

Early scores tell enough to drop the worst candidates, so that a budget of epochs tries more of them. A dropped
candidate never returns: the chosen one is always among those left at the end. A candidate whose best epoch lies in the
first half of its training is not trained further (early stopping), and competes with the score of that epoch. Sources:
Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization"; Li et al. 2018,
"Hyperband: a novel bandit-based approach to hyperparameter optimization", JMLR 18.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from src.judging.evaluation import left_out
from src.models.measures.measure import Measure
from src.problem.training import Engine
from src.results.networks import Candidate
from src.search.candidates import Scored, score
from src.tables.protocols import Split
from src.tables.table import Table
from src.training.fit import fit
from src.training.members import Member, Trained

# The numbers of a search and of a candidate.
Key = tuple[int, int]

# Where trainings pause and the worse half is dropped, as shares of all epochs.
PAUSES = (1 / 4, 1 / 2)
# At least this many candidates are left at the end, so that the one-standard-error rule has a choice.
FEWEST = 8


def search(
    candidates: Sequence[Candidate],
    searches: Sequence[Sequence[Split]],
    table: Table,
    measure: Measure,
    engine: Engine,
    seed: int,
    title: str,
) -> list[list[Scored]]:
    """Try all candidates on the folds of each search, all searches at once; a search drops candidates by its own folds.

    The first candidate, without regularization, is never dropped, since the others are compared with it. The others
    compete within the same network first, because small networks learn slowly and would all be dropped early.
    """
    members = {
        (s, c): [Member.of_split(candidate, split, seed) for split in splits]
        for s, splits in enumerate(searches)
        for c, candidate in enumerate(candidates)
    }
    trained: dict[Key, list[Trained]] = {}
    scores: dict[Key, Scored] = {}
    alive = list(members)
    for epoch, kept in rungs(len(candidates), max(candidate.epochs for candidate in candidates)):
        going = [key for key in alive if key not in trained or _goes_on(scores[key], trained[key])]
        resumed = [training for key in going for training in trained.get(key, [])]
        training = [member for key in going for member in members[key]]
        results = iter(fit(training, table, measure, engine, title, epoch, resumed or None) if training else [])
        for key in going:
            trained[key] = [next(results) for _ in members[key]]
            scores[key] = score(trained[key], measure)
        for s in range(len(searches)):
            rivals = [key for key in alive if key[0] == s and key[1] > 0]
            for key in _in_order(rivals, scores, measure)[kept - 1 :]:
                scores[key] = replace(scores[key], dropped=True)
        alive = [key for key in alive if not scores[key].dropped]
    for s, splits in enumerate(searches):
        if len(splits) == 1:
            survivors = [key for key in alive if key[0] == s]
            pairs = [(scores[key], trained[key][0]) for key in survivors]
            rescored = _left_out(pairs, splits[0], table, measure, engine, seed, title)
            scores |= dict(zip(survivors, rescored, strict=True))
    return [[scores[s, c] for c in range(len(candidates))] for s in range(len(searches))]


def rungs(candidates: int, epochs: int) -> Iterator[tuple[int, int]]:
    """For each pause and the end: the epoch up to which to train, and how many candidates stay.

    Few candidates train without a pause.
    """
    if candidates > FEWEST:
        for epoch in sorted({math.ceil(share * epochs) for share in PAUSES} - {epochs}):
            candidates = max(math.ceil(candidates / 2), FEWEST)
            yield epoch, candidates
    yield epochs, candidates


def _goes_on(scored: Scored, trained: Sequence[Trained]) -> bool:
    """Whether more epochs might help: the best epoch lies in the second half, and no fold's training has ended."""
    return 2 * scored.candidate.epochs > scored.trained and all(training.paused for training in trained)


def _in_order(keys: Sequence[Key], scores: Mapping[Key, Scored], measure: Measure) -> list[Key]:
    """The best of each network, then the second of each, and so on; the better ones first."""
    before = Counter[str]()
    places = {}
    for key in sorted(keys, key=lambda key: _rank(scores[key], measure)):
        network = repr(scores[key].candidate.network.unregularized)
        places[key] = before[network]
        before[network] += 1
    return sorted(places, key=places.__getitem__)


def _rank(scored: Scored, measure: Measure) -> tuple[float, ...]:
    """A key that sorts the best first and, among equals, the simplest; scores that are not finite come last."""
    gain = measure.gain(scored.mean, 0.0)
    return (-gain if math.isfinite(gain) else math.inf, *scored.simplicity)


def _left_out(
    finalists: Sequence[tuple[Scored, Trained]],
    split: Split,
    table: Table,
    measure: Measure,
    engine: Engine,
    seed: int,
    title: str,
) -> list[Scored]:
    """The finalists of a search with a single fold, with the measure when blocks of its rows are left out.

    These values say how sure a difference between two candidates is, as more folds would. Finalists trained past their
    chosen epoch are trained once more, for predictions.
    """
    past = [scored.candidate.epochs < scored.trained for scored, _ in finalists]
    members = [
        Member.of_split(scored.candidate, split, seed)
        for (scored, _), again in zip(finalists, past, strict=True)
        if again
    ]
    anew = iter(fit(members, table, measure, engine, title) if members else [])
    trained = [next(anew) if again else one for (_, one), again in zip(finalists, past, strict=True)]
    return [
        replace(scored, left_out_B=left_out(one.predictions, split, table, measure))
        for (scored, _), one in zip(finalists, trained, strict=True)
    ]

"""A committee: networks of one configuration with different seeds, whose predictions are averaged.

Sources: Hansen and Salamon 1990, "Neural network ensembles", IEEE PAMI 12; Lakshminarayanan, Pritzel and Blundell 2017,
"Simple and scalable predictive uncertainty estimation using deep ensembles".
"""

from collections.abc import Sequence

import numpy as np

from src.judging.evaluation import compare
from src.judging.held_out import HeldOut
from src.models.measures.measure import Measure
from src.models.types.problem_type import ProblemType
from src.results.networks import Candidate
from src.results.verdicts import Verdict
from src.tables.protocols import Folds, Split
from src.tables.table import Table
from src.training.members import Member, Trained

Committee = list[Trained]


def starts_of(seed: int, count: int) -> list[int]:
    """The seeds of a committee's networks."""
    return [int(state) for state in np.random.SeedSequence(seed).generate_state(count) >> 1]


def members_of(candidate: Candidate, splits: Sequence[Split], starts: Sequence[int]) -> list[Member]:
    """The networks of a committee on each split."""
    return [Member.of_split(candidate, split, start) for split in splits for start in starts]


def committees_of(results: Sequence[Trained], size: int) -> list[Committee]:
    return [list(results[i : i + size]) for i in range(0, len(results), size)]


def held_out(splits: Sequence[Split], committees: Sequence[Committee], problem_type: ProblemType) -> HeldOut:
    """The predictions of each split's committee together for its held-out rows."""
    return HeldOut(
        splits, [problem_type.combined(np.stack([t.predictions for t in committee])) for committee in committees]
    )


def committee_helps(
    splits: Sequence[Split], committees: Sequence[Committee], table: Table, folds: Folds, measure: Measure, seed: int
) -> Verdict:
    """Whether the averaged predictions score better than a single network does on average."""
    alone = [HeldOut(splits, [each[k].predictions for each in committees]) for k in range(len(committees[0]))]
    together = held_out(splits, committees, table.schema.problem_type)
    name, called = f"{len(alone)} networks averaged", "one network on average"
    return compare("committee_helps", together, alone, called, table, folds, measure, seed, name)

"""The answer of the workflow: what `evaluate` recommends, provided that all verdicts allow an answer.

The report, the summary on the terminal, the list of experiments, the page in Prefect, the records in MLflow, the model
registry and `predict` all use it.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from src.core.files import Layout
from src.core.steps import STEPS
from src.results.baseline import Baseline
from src.results.data import Validation
from src.results.evaluate import Evaluate, Recommended
from src.results.networks import Overfit, Regularize
from src.results.verdicts import FOUNDATIONS, Verdict, without_foundation

Judged = Validation | Baseline | Overfit | Regularize | Evaluate
WITH_VERDICTS: dict[str, type[Judged]] = {
    "validate": Validation,
    "baseline": Baseline,
    "overfit": Overfit,
    "regularize": Regularize,
    "evaluate": Evaluate,
}

Used = Recommended | Literal["nothing"]
ADVICE: dict[Used, str] = {
    "network": "use the network",
    "shallow model": "use the shallow model",
    "common sense": "stay with common sense",
    "nothing": "no answer",
}


@dataclass(frozen=True)
class Answer:
    """What to use; `broken` holds the verdicts that rule out an answer."""

    use: Used
    broken: Sequence[Verdict] = ()

    @property
    def is_a_model(self) -> bool:
        return self.use in ("network", "shallow model")

    @property
    def advice(self) -> str:
        return ADVICE[self.use]

    def __str__(self) -> str:
        """One clause: `use the network`; `no answer, because the data are not fit to learn from`."""
        reasons = " and ".join(FOUNDATIONS[verdict.name] for verdict in self.broken)
        return self.advice + (f", because {reasons}" if reasons else "")


def answer(verdicts: Sequence[Verdict], recommended: Recommended) -> Answer:
    """The answer that follows from all `verdicts` and what `evaluate` recommends."""
    broken = without_foundation(verdicts)
    return Answer("nothing", broken) if broken else Answer(recommended)


def answer_of(layout: Layout) -> Answer:
    """The answer according to the result files of an evaluated problem."""
    verdicts = [verdict for _, verdict in verdicts_of(layout)]
    return answer(verdicts, Evaluate.read(layout.result("evaluate")).recommended)


def verdicts_of(layout: Layout, steps: Collection[str] = STEPS) -> Iterator[tuple[str, Verdict]]:
    """Every verdict on disk of these steps, with its step, in order."""
    for step, result in WITH_VERDICTS.items():
        if step in steps and layout.result(step).exists():
            yield from ((step, verdict) for verdict in result.read(layout.result(step)).verdicts)

"""The names that reports, logs and records share for models, candidates and openings of the sealed test set."""

from src.results.evaluate import Saved
from src.results.networks import Candidate

MODELS: dict[Saved, str] = {"network": "network", "shallow": "shallow model"}
# What a network minimizes, where that is not the loss of its type.
LOSSES = {"absolute": "absolute error", "huber": "Huber loss"}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`, `23rd`."""
    return f"{number}{'th' if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, 'th')}"


def scored(opening: int) -> str:
    """How often the sealed rows have been scored: `scored for the 3rd time`."""
    return f"scored for the {ordinal(opening)} time"


def further_text(candidate: Candidate) -> str:
    """What the search chose besides the usual settings, after a comma: `, absolute error, weight decay 0.1`."""
    numbers = {"weight decay": candidate.weight_decay, "label smoothing": candidate.label_smoothing}
    loss = [LOSSES[candidate.loss]] if candidate.loss in LOSSES else []
    return "".join(
        f", {words}" for words in [*loss, *(f"{name} {value:g}" for name, value in numbers.items() if value)]
    )


def schedule_text(candidate: Candidate) -> str:
    """What follows a candidate's learning rate: ` (coslog4 over 100 epochs)`; nothing where it is constant."""
    if candidate.schedule == "constant":
        return ""
    return f" ({candidate.schedule} over {candidate.schedule_epochs or candidate.epochs} epochs)"


def candidate_text(candidate: Candidate) -> str:
    """A candidate within a sentence: `64-64 units, dropout 0.25, L2 0.001, rmsprop 0.001, 40 epochs`.

    Leaves out regularizers that are off."""
    penalties = {"L1": candidate.l1, "L2": candidate.l2}
    return ", ".join(
        [
            candidate.network.phrase,
            *candidate.network.regularizers,
            *(f"{words} {number:g}" for words, number in penalties.items() if number),
            *([] if candidate.pretrained == "none" else [f"pretrained ({candidate.pretrained})"]),
            f"{candidate.optimizer} {candidate.learning_rate:g}{schedule_text(candidate)}{further_text(candidate)}",
            f"{candidate.epochs} epochs",
        ]
    )

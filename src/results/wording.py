"""The names that reports, logs and records share for networks, candidates and openings of the sealed test set."""

from typing import Any

from src.results.networks import Candidate

_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_SHARES = {"dropout": "dropout", "recurrent_dropout": "recurrent dropout", "word_dropout": "word dropout"}


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `11th`, `23rd`."""
    return f"{number}{'th' if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, 'th')}"


def scored(opening: int) -> str:
    """How often the sealed rows have been scored: `scored for the 3rd time`."""
    return f"scored for the {ordinal(opening)} time"


def network_text(network: dict[str, Any]) -> str:
    """A network's hidden layers as people write them: `64-64`. Names its blocks unless they are plain, the layer that
    reads a sequence, pretrained networks, and the encoders of several inputs."""
    return _layers(network) + _learnt_before(network)


def network_phrase(network: dict[str, Any]) -> str:
    """The same within a sentence: `64-64 units`, `16 units on mobilenet_v2, 2 blocks learning`."""
    return f"{_layers(network)} units{_learnt_before(network)}"


def candidate_text(candidate: Candidate) -> str:
    """A candidate within a sentence: `64-64 units, dropout 0.25, L2 0.001, rmsprop 0.001, 40 epochs`.

    Leaves out regularizers that are off."""
    penalties = {"L1": candidate.l1, "L2": candidate.l2}
    return ", ".join(
        [
            network_phrase(candidate.network),
            *regularizer_texts(candidate.network),
            *(f"{words} {number:g}" for words, number in penalties.items() if number),
            f"{candidate.optimizer} {candidate.learning_rate:g}",
            f"{candidate.epochs} epochs",
        ]
    )


def regularizer_texts(network: dict[str, Any]) -> list[str]:
    """The network's own regularizers that are on: `dropout 0.25`, `augmentation mirror`."""
    shares = {words: network.get(key, 0) for key, words in _SHARES.items()}
    augmentation = network.get("augmentation", "none")
    return [
        *(f"{words} {number:g}" for words, number in shares.items() if number),
        *(["frozen vectors"] if network.get("frozen") else []),
        *([f"augmentation {augmentation}"] if augmentation != "none" else []),
    ]


def _layers(network: dict[str, Any]) -> str:
    units = "-".join(str(units) for units in network["units"])
    if "encoders" in network:
        return f"{' + '.join(network_text(encoder) for encoder in network['encoders'])} > {units}"
    if "reader" in network:
        return f"{network['reader']} {units}"
    return units if network.get("block", "plain") == "plain" else f"{units} {network['block']}"


def _learnt_before(network: dict[str, Any]) -> str:
    if "learnt" not in network:
        return ""
    learnt = network["learnt"]
    blocks = f", {learnt} block{'s' if learnt > 1 else ''} learning" if learnt else ""
    return f" on {' and '.join(network['weights'])}{blocks}"

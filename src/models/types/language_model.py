"""Language model: texts without a target; how likely each character is after those before it. Shapes: N rows."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from src.models.types.mixture import mixture
from src.models.types.problem_type import Array, ProblemType, TargetFacts

ORDERS = range(3, 10)


class LanguageModel(ProblemType):
    """A network gives the bits of each text and the number of its characters."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 2

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        return {"bits": p_NK[:, 0], "characters": p_NK[:, 1]}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return ["bits", "characters"]

    def combined(self, p_MNK: Array) -> Array:
        return mixture(p_MNK)

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        return None if targets else "no target was given, and there is nothing but texts"


def _n_grams(seed: int, rows: int, code: int, order: int) -> Any:
    from src.models.kneser_ney import KneserNey

    return KneserNey(order)


LANGUAGE_MODEL = LanguageModel(
    name="language_model",
    words="how likely each character of a text is after those before it",
    verb="say",
    returns="the bits that it takes to tell each text, and its number of characters",
    targets="none",
    networks="read_on",
    # Each training takes minutes: few candidates, all of the chosen rung, since smaller networks say less for as many
    # steps; the optimizer that such networks learn by; and many small steps, since few large ones end too early.
    defaults={
        "protocol": "hold_out",
        "committee": 1,
        "training": {"optimizer": "adam", "learning_rate": 0.008, "batch_size": 16},
        "overfit": {"max_rungs": 3},
        "search": {
            "budget": 4,
            "dropout": [0.0, 0.1, 0.2],
            "l1": [0.0],
            "l2": [0.0],
            "learning_rate": [0.5, 1.0],
        },
    },
    gradient_steps=3_000,
    fewest_epochs=12,
    smaller_rungs=0,
    curve_rows=500,
    shares=(1 / 2,),
    measures=("bits_per_character", "perplexity"),
    reason="it is what the network learns by",
    loss="cross_entropy",
    of_rows={"single_characters": partial(_n_grams, order=1)},
    shallow={f"kneser_ney_{order}": partial(_n_grams, order=order) for order in ORDERS},
    trusted=frozenset({"src.models.kneser_ney.KneserNey"}),
    figures="likelihood",
    adds="texts",
)

"""Let a finished model complete texts: it draws one character after another. Shapes: B texts, V symbols."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from src.core.errors import UserError
from src.kinds.text.language import Characters
from src.kinds.text.vectorizer import TextVectorizer
from src.models.kneser_ney import NOTHING, UNKNOWN
from src.saved.asked import Asked
from src.saved.inference import Model

MOST_TEXTS, MOST_CHARACTERS, MOST_PROMPT = 100, 10_000, 8_192


class Completion(Asked):
    """What to complete, and how.

    n: how many texts. characters: the most of each; fewer where a text ends. temperature: 1 draws by the model's own
    probabilities, less favours the likely characters, 0 always takes the likeliest. top_p: draw from the likeliest
    characters that have this share of the probability together (Holtzman et al. 2020, "The curious case of neural text
    degeneration"). seed: the same gives the same texts.
    """

    prompt: Annotated[str, Field(max_length=MOST_PROMPT)] = ""
    n: Annotated[int, Field(ge=1, le=MOST_TEXTS)] = 1
    characters: Annotated[int, Field(ge=1, le=MOST_CHARACTERS)] = 200
    temperature: Annotated[float, Field(ge=0, le=10)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0


def first_prompt(model: Model) -> str:
    """What a text of the model's own begins after.

    Where rows continue one another this is a line break, if the model knows it: of how the whole begins, it has seen
    one example.
    """
    known = _known(model)
    return "\n" if known.follows is not None and "\n" in known.known else ""


def complete(model: Model, asked: Completion) -> list[str]:
    """What follows the prompt, as often as asked; unknown characters are never drawn.

    Raises UserError if the model does not read texts on.
    """
    if not model.schema.problem_type.reads_on:
        raise UserError(
            f"a model of type {model.schema.type} says nothing of what comes next, so it cannot complete texts"
        )
    known, rng = _known(model), np.random.default_rng(asked.seed)
    after, prompt = model.reading_on(), known.numbers(asked.prompt)
    for symbol in (NOTHING, *prompt.tolist()):
        p_BV = after(np.full(asked.n, symbol))
    drawn: list[NDArray[np.int64]] = []
    ended_B = np.zeros(asked.n, dtype=bool)
    while len(drawn) < asked.characters and not ended_B.all():
        symbol_B = _drawn(p_BV, asked, rng, known.first + len(known.known))
        ended_B |= symbol_B < known.first
        drawn.append(np.where(ended_B, NOTHING, symbol_B))
        p_BV = after(symbol_B)
    return [known.text([number for number in row if number != NOTHING]) for row in np.column_stack(drawn).tolist()]


def _known(model: Model) -> Characters:
    vectorizer = model.vectorizers[0]
    assert isinstance(vectorizer, TextVectorizer)
    assert isinstance(vectorizer.by, Characters)
    return vectorizer.by


def _drawn(p_BV: NDArray[np.float64], asked: Completion, rng: np.random.Generator, numbers: int) -> NDArray[np.int64]:
    """A symbol below `numbers` for each text, by its probabilities."""
    p_BV = p_BV.copy()
    p_BV[:, UNKNOWN - 1] = 0
    p_BV[:, numbers - 1 :] = 0
    if asked.temperature == 0:
        return p_BV.argmax(1) + 1
    with np.errstate(divide="ignore", over="ignore"):
        log_BV = np.log(p_BV)
        p_BV = np.exp((log_BV - log_BV.max(1, keepdims=True)) / asked.temperature)
    p_BV /= p_BV.sum(1, keepdims=True)
    order_BV = np.argsort(-p_BV, axis=1, kind="stable")
    sorted_BV = np.take_along_axis(p_BV, order_BV, 1)
    before_BV = sorted_BV.cumsum(1) - sorted_BV
    sorted_BV[before_BV >= asked.top_p] = 0
    sum_BV = sorted_BV.cumsum(1)
    place_B = (sum_BV <= rng.random(len(p_BV))[:, None] * sum_BV[:, -1:]).sum(1)
    symbol_B: NDArray[np.int64] = (
        np.take_along_axis(order_BV, place_B[:, None].clip(max=p_BV.shape[1] - 1), 1)[:, 0] + 1
    )
    return symbol_B

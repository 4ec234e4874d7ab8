"""Populations whose truth is known: tables of any length can be drawn from them, with or without a signal.

Shapes: N rows, D numeric inputs.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

TARGET = "target"
FEWEST_ROWS, MOST_ROWS = 60, 1_000
# Standard deviations of a signal, in units of the noise, from faint to plain.
STRENGTHS = (0.5, 3.0)
# Shares of the positive class among which the balanced and the imbalanced problems are.
POSITIVE_SHARES = (0.5, 0.5, 0.3, 0.15, 0.08)
# A draw is to have about so many rows of the positive class at least, or the data checks refuse it.
FEWEST_POSITIVE = 14
NOISES = ("normal", "skewed", "heavy")
# Mostly the automatic measure; sometimes one of the others that are not plain means over rows.
MEASURES = {
    "binary": ("auto", "auto", "roc_auc", "auto", "f1", "auto", "auto", "balanced_accuracy", "log_loss"),
    "regression": ("auto", "auto", "r2", "auto", "rmse"),
}
# A logistic variable of this scale has standard deviation 1.
LOGISTIC_SCALE = 3**0.5 / np.pi
# Rows from which a threshold for the wanted share of positives is read.
THRESHOLD_ROWS = 20_000


@dataclass(frozen=True)
class Population:
    """Rows of `inputs` normal numbers and a category, and a target that follows them or not.

    type: binary or regression. strength: 0 where the inputs say nothing of the target; otherwise the signal's standard
    deviation, in units of the noise. share: of the positive class, where binary. noise: of a regression's target.
    measure: what the problem is to be judged by.
    """

    type: Literal["binary", "regression"]
    rows: int
    inputs: int
    strength: float
    share: float
    noise: str

    measure: str
    seed: int

    def draw(self, rows: int, stream: int) -> pd.DataFrame:
        """`rows` independent rows; every `stream` from 10 on is another independent draw."""
        rng = np.random.default_rng([self.seed, stream])
        x_ND = rng.normal(size=(rows, self.inputs))
        colour_N = rng.integers(0, 3, rows)
        signal_N = self.strength * self._signal(x_ND, colour_N)
        frame = pd.DataFrame(x_ND, columns=[f"x{d}" for d in range(self.inputs)])
        frame["colour"] = np.array(["red", "green", "blue"])[colour_N]
        if self.type == "regression":
            frame[TARGET] = 10 + signal_N + _noise(self.noise, rng, rows)
        else:
            score_N = signal_N + rng.logistic(scale=LOGISTIC_SCALE, size=rows)
            frame[TARGET] = np.where(score_N > self._threshold(), "yes", "no")
        return frame

    def _signal(self, x_ND: np.ndarray, colour_N: np.ndarray) -> np.ndarray:
        """About standardized: mostly linear, with a bend and an interaction that a linear model misses."""
        weights_D = np.random.default_rng([self.seed, 0]).normal(size=self.inputs)
        linear_N = x_ND @ (weights_D / np.linalg.norm(weights_D))
        return 0.7 * linear_N + 0.4 * (np.abs(x_ND[:, 0]) - 0.8) + 0.4 * x_ND[:, 0] * x_ND[:, 1] + 0.4 * (colour_N == 0)

    def _threshold(self) -> float:
        """What the score of the wanted share of rows exceeds."""
        rng = np.random.default_rng([self.seed, 1])
        x_ND, colour_N = rng.normal(size=(THRESHOLD_ROWS, self.inputs)), rng.integers(0, 3, THRESHOLD_ROWS)
        noise_N = rng.logistic(scale=LOGISTIC_SCALE, size=THRESHOLD_ROWS)
        return float(np.quantile(self.strength * self._signal(x_ND, colour_N) + noise_N, 1 - self.share))


def populations(count: int, signal: bool, seed: int) -> list[Population]:
    """`count` different populations: half of them binary, from 60 to 1,000 rows, balanced and not."""
    drawn = []
    for number in range(count):
        rng = np.random.default_rng([seed, int(signal), number])
        type_: Literal["binary", "regression"] = "binary" if number % 2 == 0 else "regression"
        place = number // 2
        rows = round(float(np.exp(rng.uniform(np.log(FEWEST_ROWS), np.log(MOST_ROWS)))))
        drawn.append(
            Population(
                type=type_,
                rows=rows,
                inputs=int(rng.integers(2, 11)),
                strength=float(rng.uniform(*STRENGTHS)) if signal else 0.0,
                share=max(POSITIVE_SHARES[place % len(POSITIVE_SHARES)], FEWEST_POSITIVE / rows),
                noise=NOISES[place % len(NOISES)],
                measure=MEASURES[type_][place % len(MEASURES[type_])],
                seed=int(rng.integers(2**31)),
            )
        )
    return drawn


def _noise(name: str, rng: np.random.Generator, rows: int) -> np.ndarray:
    """Noise of mean 0 and variance 1."""
    if name == "skewed":
        return rng.exponential(size=rows) - 1
    if name == "heavy":
        return rng.standard_t(5, size=rows) / (5 / 3) ** 0.5
    return rng.normal(size=rows)

"""A Gaussian copula of a table: each column has its own distribution, and normal numbers behind them hang together.

Sources: Sklar 1959 (copulas); Patki, Wedge and Veeramachaneni 2016, "The synthetic data vault" (tables); scores of
ordered outcomes and their first-order correction: Olsson, Drasgow and Dorans 1982, "The polyserial correlation
coefficient". Shapes: N rows, D columns, L latent numbers, V outcomes of a column.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from src.inputs.places import GAP, NUMBER, outcomes, split

Array = NDArray[np.float64]

# A number that so many rows have is drawn exactly; others lie anywhere up to halfway to their neighbours.
FREQUENT = 5
# The strongest correlation, and the least eigenvalue of the matrix of all.
STRONGEST, LEAST = 0.995, 1e-4


@dataclass
class Margin:
    """The outcomes of a column in their order, and where the probability of each ends.

    spread: how far on each side of an outcome drawn numbers lie, (V, 2).
    """

    outcome: NDArray[np.int64]
    end: Array
    spread: Array

    @classmethod
    def fit(cls, x_N: NDArray[np.int64], w_N: Array, order: NDArray[np.int64] | None = None) -> Self:
        """order: of the outcomes where these are no numbers, then they have no spread."""
        value_V, place_N, count_V = np.unique(x_N, return_inverse=True, return_counts=True)
        weight_V = np.bincount(place_N, w_N, len(value_V))
        spread = np.zeros((len(value_V), 2))
        if order is not None:
            rank_V = np.argsort(np.argsort(order)[value_V])
            value_V, weight_V = value_V[rank_V], weight_V[rank_V]
        elif len(value_V) > 1:
            half_V = np.diff(value_V) / 2
            spread[1:, 0], spread[:-1, 1] = half_V, half_V
            spread[count_V >= FREQUENT] = 0
        return cls(value_V, np.cumsum(weight_V) / weight_V.sum(), spread)

    def scores(self, x_N: NDArray[np.int64]) -> Array:
        """The mean of a standard normal number inside the interval that belongs to each outcome."""
        edge = norm.ppf(np.concatenate([[0.0], self.end[:-1], [1.0]]))
        share_V = np.diff(np.concatenate([[0.0], self.end]))
        score_V = -np.diff(norm.pdf(edge)) / np.maximum(share_V, 1e-300)
        order_V = np.argsort(self.outcome)
        return np.asarray(score_V[order_V[np.searchsorted(self.outcome, x_N, sorter=order_V)]])

    def drawn(self, uniform_N: Array) -> NDArray[np.int64]:
        """The outcome at each share of the probability."""
        place_N = np.searchsorted(self.end, uniform_N).clip(max=len(self.end) - 1)
        begin_V = np.concatenate([[0.0], self.end[:-1]])
        inside_N = ((uniform_N - begin_V[place_N]) / np.maximum(self.end - begin_V, 1e-300)[place_N]).clip(0, 1)
        below_N, above_N = self.spread[place_N].T
        away_N = np.where(inside_N < 0.5, (2 * inside_N - 1) * below_N, (2 * inside_N - 1) * above_N)
        return np.asarray(np.round(self.outcome[place_N] + away_N), np.int64)


class GaussianCopula:
    """A shallow model that draws rows of tables.

    Behind each column, and behind whether a number is missing, lies a standard normal number. The correlations of these
    numbers are estimated from the scores of the outcomes. Categories lie in the order of the numbers that come with
    them: of their mean along the direction in which the numbers of the table vary most.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, as estimators of scikit-learn give them: none."""
        return {}

    def fit(self, x_NI: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        w_N = np.ones(len(x_NI)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        x_NI, w_N = x_NI[w_N > 0], w_N[w_N > 0]
        place_ND, outcomes_ND = split(x_NI)
        kinds = outcomes(outcomes_ND)
        self.outcomes_ = [int(count) for count in kinds]
        self.margins_: list[dict[str, Any]] = []
        self.latent_: list[list[int]] = []  # the column, and 1 for whether its number is missing
        scores: list[Array] = []
        known: list[NDArray[np.bool_]] = []
        for d in [d for d, count in enumerate(kinds) if count == NUMBER]:
            known_N = outcomes_ND[:, d] != GAP
            if known_N.any():
                margin = Margin.fit(place_ND[known_N, d], w_N[known_N])
                score_N = np.zeros(len(x_NI))
                score_N[known_N] = margin.scores(place_ND[known_N, d])
                self._add(d, 0, margin, score_N, known_N, scores, known)
            if not known_N.all():
                margin = Margin.fit((~known_N).astype(np.int64), w_N)
                margin.spread[:] = 0
                self._add(
                    d, 1, margin, margin.scores((~known_N).astype(np.int64)), np.ones(len(x_NI), bool), scores, known
                )
        main_N = _main(scores, w_N) if scores else np.zeros(len(x_NI))
        for d, count in [(d, count) for d, count in enumerate(kinds) if count != NUMBER]:
            weight_V = np.bincount(place_ND[:, d], w_N, count)
            mean_V = np.bincount(place_ND[:, d], w_N * main_N, count) / np.maximum(weight_V, 1e-300)
            margin = Margin.fit(place_ND[:, d], w_N, np.lexsort((-weight_V, mean_V)))
            self._add(d, 0, margin, margin.scores(place_ND[:, d]), np.ones(len(x_NI), bool), scores, known)
        self.lower_ = np.linalg.cholesky(_correlations(np.array(scores), np.array(known), w_N))
        return self

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Random rows (count, 2D), as places."""
        x_NI = np.zeros((count, 2 * len(self.outcomes_)))
        x_NI[:, 1::2] = self.outcomes_
        uniform_NL = norm.cdf(rng.normal(size=(count, len(self.margins_))) @ self.lower_.T)
        numbers = {d for d, _ in self.latent_}
        for d in set(range(len(self.outcomes_))) - numbers:
            x_NI[:, 2 * d + 1] = GAP
        for (d, missing), margin, uniform_N in zip(self.latent_, self.margins_, uniform_NL.T, strict=True):
            x_NI[:, 2 * d + missing] = Margin(**margin).drawn(uniform_N)
        gap_ND = (x_NI[:, 1::2] == GAP) & (np.array(self.outcomes_) == NUMBER)
        x_NI[:, 0::2][gap_ND] = 0
        return x_NI

    def _add(
        self,
        d: int,
        missing: int,
        margin: Margin,
        score_N: Array,
        known_N: NDArray[np.bool_],
        scores: list[Array],
        known: list[NDArray[np.bool_]],
    ) -> None:
        self.latent_.append([d, missing])
        self.margins_.append(vars(margin))
        scores.append(score_N)
        known.append(known_N)


def _main(scores: list[Array], w_N: Array) -> Array:
    """The rows along the direction in which their scores vary most."""
    score_NL = np.column_stack(scores)
    direction_L = np.linalg.eigh((score_NL * w_N[:, None]).T @ score_NL)[1][:, -1]
    return np.asarray(score_NL @ (direction_L * np.sign(direction_L[np.abs(direction_L).argmax()])))


def _correlations(score_LN: Array, known_LN: NDArray[np.bool_], w_N: Array) -> Array:
    """The correlations of the normal numbers behind the scores, (L, L).

    With scores s = E[z | outcome], the covariance of two scores is about the correlation of the numbers times the
    variances of both, exactly so where it is weak. Pairs are of the rows that know both.
    """
    weight_LN: Array = known_LN * w_N
    counted_LL = np.maximum(weight_LN @ known_LN.T, 1e-300)
    covariance_LL = (score_LN * weight_LN) @ score_LN.T / counted_LL
    variance_L = np.diagonal(covariance_LL)
    scale_LL = np.outer(variance_L, variance_L)
    correlation_LL = np.where(scale_LL > 0, covariance_LL / np.maximum(scale_LL, 1e-300), 0.0)
    correlation_LL = correlation_LL.clip(-STRONGEST, STRONGEST)
    np.fill_diagonal(correlation_LL, 1.0)
    values_L, vectors_LL = np.linalg.eigh(correlation_LL)
    positive_LL = (vectors_LL * values_L.clip(min=LEAST)) @ vectors_LL.T
    spread_L = np.sqrt(np.diagonal(positive_LL))
    return np.asarray(positive_LL / np.outer(spread_L, spread_L))

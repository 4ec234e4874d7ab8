"""A Gaussian mixture of a table's rows whose numbers, categories and gaps each have a probability.

Shapes: N rows, D columns of numbers, C categories of a column, M mixture components.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, logsumexp

from src.inputs.places import NUMBER, outcomes, split

Array = NDArray[np.float64]

COUNTS = (1, 2, 4, 8)
# Every so many rows one is kept apart to choose the number of components.
APART = 5
ROUNDS, ENOUGH = 30, 1e-3
BEFORE = 0.5
# Cells narrower than this many standard deviations have the density at their middle.
NARROW = 1e-3


class CellMixture:
    """The shallow likelihood of tables. `score_samples` gives each row's bits and number of columns, (N, 2).

    In a component, the numbers are normal with any covariance. Each has the probability that its normal distribution,
    given the numbers before it, gives its cell. So probabilities are discrete and sum to one. Categories and gaps are
    independent in a component. Covariances are drawn towards the common one as by a prior of D + 2 rows (Fraley and
    Raftery 2007). The number of components is the one under which a fifth of the training rows is likeliest.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, as estimators of scikit-learn give them."""
        return {"seed": self.seed}

    def fit(self, x_NI: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        w_N = np.ones(len(x_NI)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        place_ND, outcomes_ND = split(x_NI)
        kinds = outcomes(outcomes_ND)
        self.numbers_ = [d for d, count in enumerate(kinds) if count == NUMBER]
        self.categories_ = {str(d): count for d, count in enumerate(kinds) if count != NUMBER}
        apart_N = np.arange(len(x_NI)) % APART == APART - 1
        best, self.count_ = np.inf, 1
        for count in COUNTS:
            if (~apart_N).sum() < 2 * count * (len(kinds) + 1) and count > 1:
                break
            self._learn(place_ND[~apart_N], outcomes_ND[~apart_N], w_N[~apart_N], count)
            bits_N = self.score_samples(x_NI[apart_N])[:, 0]
            value = float((bits_N * w_N[apart_N]).sum()) if apart_N.any() else 0.0
            if value < best:
                best, self.count_ = value, count
        self._learn(place_ND, outcomes_ND, w_N, self.count_)
        return self

    def score_samples(self, x_NI: NDArray[Any]) -> Array:
        place_ND, outcomes_ND = split(x_NI)
        joint_NM = self._joint(place_ND, outcomes_ND)
        bits_N = -logsumexp(joint_NM, axis=1) / np.log(2)
        return np.column_stack([bits_N, np.full(len(x_NI), place_ND.shape[1])])

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Random rows (count, 2D) with these probabilities, as places."""
        columns = len(self.numbers_) + len(self.categories_)
        x_NI = np.zeros((count, 2 * columns))
        component_N = rng.choice(len(self.log_shares_), count, p=np.exp(self.log_shares_ - logsumexp(self.log_shares_)))
        away_ND = rng.normal(size=(count, len(self.numbers_)))
        z_ND = self.centres_[component_N] + np.einsum("nde,ne->nd", self.lower_[component_N], away_ND)
        missing_ND = rng.random(z_ND.shape) < self.missing_[component_N]
        for place, d in enumerate(self.numbers_):
            cell_N = np.round(z_ND[:, place] * self.scale_[place] + self.mean_[place])
            x_NI[:, 2 * d] = np.where(missing_ND[:, place], 0, cell_N)
            x_NI[:, 2 * d + 1] = missing_ND[:, place]
        for name, table_MC in self.tables_.items():
            ends_NC = np.exp(table_MC)[component_N].cumsum(axis=1)
            d, most = int(name), table_MC.shape[1]
            x_NI[:, 2 * d] = (ends_NC < rng.random((count, 1)) * ends_NC[:, -1:]).sum(axis=1)
            x_NI[:, 2 * d + 1] = most
        return x_NI

    def _learn(self, place_ND: NDArray[np.int64], outcomes_ND: NDArray[np.int64], w_N: Array, count: int) -> None:
        """Expectation maximization from the groups of k-means."""
        known_ND = outcomes_ND[:, self.numbers_] == NUMBER
        value_ND = place_ND[:, self.numbers_].astype(np.float64)
        counted_D = np.maximum((known_ND * w_N[:, None]).sum(axis=0), 1e-300)
        self.mean_ = (value_ND * known_ND * w_N[:, None]).sum(axis=0) / counted_D
        centred_ND = np.where(known_ND, value_ND - self.mean_, 0.0)
        self.scale_ = np.maximum(np.sqrt((centred_ND**2 * w_N[:, None]).sum(axis=0) / counted_D), 0.5)
        self.cell_ = 1 / self.scale_
        z_ND = centred_ND / self.scale_
        share_NM = self._start(z_ND, place_ND, count)
        before = -np.inf
        for _ in range(ROUNDS):
            self._maximize(z_ND, known_ND, place_ND, share_NM * w_N[:, None])
            joint_NM = self._joint(place_ND, outcomes_ND)
            whole_N = logsumexp(joint_NM, axis=1)
            share_NM = np.exp(joint_NM - whole_N[:, None])
            now = float((whole_N * w_N).sum() / w_N.sum())
            if now - before < ENOUGH:
                break
            before = now

    def _start(self, z_ND: Array, place_ND: NDArray[np.int64], count: int) -> Array:
        """Which component each row belongs to at first, (N, M)."""
        from sklearn.cluster import KMeans

        if count == 1:
            return np.ones((len(z_ND), 1))
        columns = [z_ND]
        for d, categories in self.categories_.items():
            columns.append(np.eye(categories)[place_ND[:, int(d)]])
        groups = KMeans(count, n_init=1, random_state=self.seed).fit_predict(np.hstack(columns))
        share_NM: Array = np.eye(count)[groups]
        return share_NM

    def _maximize(self, z_ND: Array, known_ND: NDArray[np.bool_], place_ND: NDArray[np.int64], w_NM: Array) -> None:
        columns = z_ND.shape[1]
        whole_M = w_NM.sum(axis=0)
        self.log_shares_ = np.log((whole_M + BEFORE) / (whole_M + BEFORE).sum())
        self.centres_ = (w_NM.T @ z_ND) / np.maximum(whole_M, 1e-300)[:, None]
        common_DD = _covariance(z_ND, w_NM.sum(axis=1), np.average(z_ND, axis=0, weights=w_NM.sum(axis=1)))
        floor_DD = np.diag(self.cell_**2 / 12 + 1e-6)  # a value is anywhere in its cell (Sheppard 1898)
        prior = columns + 2
        lower = []
        for w_N, centre_D in zip(w_NM.T, self.centres_, strict=True):
            pulled_DD = (_covariance(z_ND, w_N, centre_D) * w_N.sum() + common_DD * prior) / (w_N.sum() + prior)
            lower.append(np.linalg.cholesky(pulled_DD + floor_DD))
        self.lower_ = np.array(lower).reshape(len(whole_M), columns, columns)
        missing_MD = w_NM.T @ ~known_ND
        self.missing_ = (missing_MD + BEFORE) / (whole_M[:, None] + 2 * BEFORE)
        self.tables_ = {
            name: np.log(_shares(w_NM, place_ND[:, int(name)], categories))
            for name, categories in self.categories_.items()
        }

    def _joint(self, place_ND: NDArray[np.int64], outcomes_ND: NDArray[np.int64]) -> Array:
        """The logarithm of each component's share times the probability that it gives the row, (N, M)."""
        joint_NM = np.repeat(self.log_shares_[None], len(place_ND), axis=0)
        for name, table_MC in self.tables_.items():
            joint_NM += table_MC.T[place_ND[:, int(name)]]
        if not self.numbers_:
            return joint_NM
        known_ND = outcomes_ND[:, self.numbers_] == NUMBER
        z_ND = (place_ND[:, self.numbers_] - self.mean_) / self.scale_
        for m, (centre_D, lower_DD) in enumerate(zip(self.centres_, self.lower_, strict=True)):
            missing_D = self.missing_[m]
            away_ND = np.zeros_like(z_ND)
            for d in range(z_ND.shape[1]):
                expected_N = centre_D[d] + away_ND[:, :d] @ lower_DD[d, :d]
                away_N = (z_ND[:, d] - expected_N) / lower_DD[d, d]
                away_ND[:, d] = np.where(known_ND[:, d], away_N, 0.0)
                inside_N = np.log1p(-missing_D[d]) + _log_cell(away_N, self.cell_[d] / lower_DD[d, d])
                joint_NM[:, m] += np.where(known_ND[:, d], inside_N, np.log(missing_D[d]))
        return joint_NM


def _covariance(z_ND: Array, w_N: Array, centre_D: Array) -> Array:
    centred_ND = z_ND - centre_D
    covariance_DD: Array = (centred_ND * w_N[:, None]).T @ centred_ND / max(w_N.sum(), 1e-300)
    return covariance_DD


def _shares(w_NM: Array, place_N: NDArray[np.int64], categories: int) -> Array:
    """The probability of each category in each component, (M, C)."""
    weights_MC = np.stack([np.bincount(place_N, w_N, categories) for w_N in w_NM.T]) + BEFORE
    shares_MC: Array = weights_MC / weights_MC.sum(axis=1, keepdims=True)
    return shares_MC


def _log_cell(away_N: Array, width: float) -> Array:
    """The logarithm of what the standard normal distribution gives a cell around `away_N`."""
    far_N = np.abs(away_N)
    if width < NARROW:
        return -0.5 * far_N**2 - 0.5 * np.log(2 * np.pi) + np.log(width)
    upper_N, lower_N = log_ndtr(width / 2 - far_N), log_ndtr(-width / 2 - far_N)
    inside_N: Array = upper_N + np.log(-np.expm1(np.minimum(lower_N - upper_N, -1e-12)))
    return inside_N

"""Shallow models of clusters. Shapes: N rows, D inputs, P numbers of a row that are clustered, C clusters.

`score_samples` gives what `src.inputs.clusters` says. A row is given back as the centre of its cluster.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from src.inputs.clusters import BEFORE
from src.models.components import Components

Array = NDArray[np.float64]

# Wider rows are clustered by so many principal components.
MOST_NUMBERS = 50
# Starts of k-means, the best of which counts.
STARTS = 4
# Rounds of expectation maximization at most, the gain in the mean logarithm that ends them, and the most rows that they
# learn from, evenly spaced: more rows mostly cost time.
ROUNDS, ENOUGH, MOST_ROWS = 100, 1e-4, 20_000
# The least variance of a standardized number.
LEAST = 1e-4


class _Clusters:
    """What all have in common: rows as numbers to be clustered, and the answers from the probabilities."""

    centres_: Array

    def __init__(self, count: int = 2, seed: int = 0) -> None:
        self.count, self.seed = count, seed

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """The settings, as estimators of scikit-learn give them."""
        return {"count": self.count, "seed": self.seed}

    def fit(self, x_ND: Any, y: None = None, sample_weight: Array | None = None) -> Self:
        w_N = np.ones(x_ND.shape[0]) if sample_weight is None else np.asarray(sample_weight, np.float64)
        self.components_ = None
        if issparse(x_ND) or x_ND.shape[1] > MOST_NUMBERS:
            self.components_ = Components(min(MOST_NUMBERS, *(size - 1 for size in x_ND.shape)))
            self.components_.fit(x_ND, sample_weight=w_N)
        self._learn(self._numbers(x_ND)[1], w_N)
        return self

    def score_samples(self, x_ND: Any) -> Array:
        left_N, z_NP = self._numbers(x_ND)
        p_NC = self._probabilities(z_NP)
        cluster_N = p_NC.argmax(1)
        error_N = left_N + np.square(z_NP - self.centres_[cluster_N]).sum(1) / x_ND.shape[1]
        none_N = np.zeros(len(p_NC))
        scored = np.column_stack([error_N, cluster_N + 1, none_N, none_N])
        assert scored.shape[1] == BEFORE
        return np.hstack([scored, p_NC])

    def _numbers(self, x_ND: Any) -> tuple[Array, Array]:
        """What the components leave over of each row, (N,), and the numbers to be clustered, (N, P)."""
        if self.components_ is None:
            return np.zeros(len(x_ND)), np.asarray(x_ND, np.float64)
        scored_NS = self.components_.score_samples(x_ND)
        return scored_NS[:, 0], scored_NS[:, 1:]

    @abstractmethod
    def _learn(self, z_NP: Array, w_N: Array) -> None:
        """Set `centres_`, (C, P), and whatever else the probabilities need."""

    @abstractmethod
    def _probabilities(self, z_NP: Array) -> Array:
        """Of each cluster for each row, (N, C)."""


class OneCluster(_Clusters):
    """Common sense: all rows are of one cluster, whose centre is their mean; the others are empty."""

    def _learn(self, z_NP: Array, w_N: Array) -> None:
        self.centres_ = np.repeat(np.average(z_NP, axis=0, weights=w_N)[None], self.count, axis=0)

    def _probabilities(self, z_NP: Array) -> Array:
        return np.repeat(np.eye(1, self.count), len(z_NP), axis=0)


class KMeansClusters(_Clusters):
    """The nearest of C centres. Probabilities are those of equally likely spheres of one size around the centres.

    That is the mixture of which k-means is the limit: Celeux and Govaert 1992, "A classification EM algorithm for
    clustering and two stochastic versions". Source: Lloyd 1982, "Least squares quantization in PCM".
    """

    def _learn(self, z_NP: Array, w_N: Array) -> None:
        self.centres_, self.variance_ = k_means(z_NP, w_N, self.count, self.seed)

    def _probabilities(self, z_NP: Array) -> Array:
        away_NC = cdist(z_NP, self.centres_, "sqeuclidean") / (-2 * self.variance_)
        return np.asarray(np.exp(away_NC - logsumexp(away_NC, axis=1, keepdims=True)))


class MixtureClusters(_Clusters):
    """C normal distributions with any covariances, by expectation maximization from the groups of k-means.

    Covariances are drawn towards the common one as by a prior of P + 2 rows, so that no cluster shrinks to a point.
    Source: Fraley and Raftery 2007, "Bayesian regularization for normal mixture estimation and model-based clustering".
    """

    def _learn(self, z_NP: Array, w_N: Array) -> None:
        every = max(-(-len(z_NP) // MOST_ROWS), 1)
        z_NP, w_N = z_NP[::every], w_N[::every]
        centres_CP, _ = k_means(z_NP, w_N, self.count, self.seed)
        share_NC = np.eye(self.count)[cdist(z_NP, centres_CP, "sqeuclidean").argmin(1)]
        before = -np.inf
        for _ in range(ROUNDS):
            self._maximize(z_NP, share_NC * w_N[:, None])
            joint_NC = self._joint(z_NP)
            whole_N = logsumexp(joint_NC, axis=1)
            share_NC = np.exp(joint_NC - whole_N[:, None])
            now = float(np.average(whole_N, weights=w_N))
            if now - before < ENOUGH:
                break
            before = now

    def _probabilities(self, z_NP: Array) -> Array:
        joint_NC = self._joint(z_NP)
        return np.asarray(np.exp(joint_NC - logsumexp(joint_NC, axis=1, keepdims=True)))

    def _maximize(self, z_NP: Array, w_NC: Array) -> None:
        numbers, whole_C = z_NP.shape[1], np.maximum(w_NC.sum(0), 1e-300)
        self.log_shares_ = np.log(whole_C / whole_C.sum())
        self.centres_ = w_NC.T @ z_NP / whole_C[:, None]
        scatter_CPP = np.stack(
            [
                ((z_NP - centre_P) * w_N[:, None]).T @ (z_NP - centre_P)
                for w_N, centre_P in zip(w_NC.T, self.centres_, strict=True)
            ]
        )
        common_PP, prior = scatter_CPP.sum(0) / whole_C.sum(), numbers + 2
        pulled_CPP = (scatter_CPP + prior * common_PP) / (whole_C + prior)[:, None, None]
        self.lower_ = np.linalg.cholesky(pulled_CPP + LEAST * np.eye(numbers))

    def _joint(self, z_NP: Array) -> Array:
        """The logarithm of each cluster's share times the density that it gives the row, up to a constant, (N, C)."""
        from scipy.linalg import solve_triangular

        columns = []
        for log_share, centre_P, lower_PP in zip(self.log_shares_, self.centres_, self.lower_, strict=True):
            away_PN = solve_triangular(lower_PP, (z_NP - centre_P).T, lower=True)
            columns.append(log_share - np.log(np.diag(lower_PP)).sum() - np.square(away_PN).sum(0) / 2)
        return np.column_stack(columns)


class Parts(NamedTuple):
    """A mixture of C normal distributions of numbers without correlations: shares (C,), means and variances (C, P)."""

    share_C: Array
    centre_CP: Array
    variance_CP: Array


def settled(mean_NP: Array, w_N: Array, spread_P: Array, starts: Sequence[Parts]) -> Parts:
    """The mixture that codes come from, the largest part first.

    Codes are normal with these means, and with one spread for all rows. Both steps of expectation maximization raise
    the evidence lower bound; the start from which it gets highest counts. Source: Jiang et al. 2017, "Variational deep
    embedding", whose bound this is, with the best probabilities of clusters in place of an approximation.
    """
    best, highest = starts[0], -np.inf
    for parts in starts:
        before = -np.inf
        for _ in range(ROUNDS):
            joint_NC = _joint_of(mean_NP, spread_P, parts)
            whole_N = logsumexp(joint_NC, axis=1)
            now = float(np.average(whole_N, weights=w_N))
            if now > highest:
                best, highest = parts, now
            if now - before < ENOUGH:
                break
            before = now
            parts = _parts_of(mean_NP, spread_P, w_N[:, None] * np.exp(joint_NC - whole_N[:, None]))
    order_C = np.argsort(-best.share_C, kind="stable")
    return Parts(*(part[order_C] for part in best))


def _joint_of(mean_NP: Array, spread_P: Array, parts: Parts) -> Array:
    """The expected logarithm of each part's share times the density that it gives a row's codes, (N, C)."""
    columns = []
    for share, centre_P, variance_P in zip(*parts, strict=True):
        away_NP = (np.square(mean_NP - centre_P) + np.square(spread_P)) / variance_P + np.log(2 * np.pi * variance_P)
        columns.append(np.log(max(share, 1e-300)) - away_NP.sum(1) / 2)
    return np.column_stack(columns)


def _parts_of(mean_NP: Array, spread_P: Array, w_NC: Array) -> Parts:
    whole_C = np.maximum(w_NC.sum(0), 1e-300)
    centre_CP = w_NC.T @ mean_NP / whole_C[:, None]
    square_CP = np.stack([w_N @ np.square(mean_NP - centre_P) for w_N, centre_P in zip(w_NC.T, centre_CP, strict=True)])
    return Parts(whole_C / whole_C.sum(), centre_CP, square_CP / whole_C[:, None] + np.square(spread_P))


def parts_by_k_means(mean_NP: Array, w_N: Array, spread_P: Array, count: int, seed: int) -> Parts:
    """The parts that rows fall into by k-means."""
    centre_CP, _ = k_means(mean_NP, w_N, count, seed)
    nearest_N = cdist(mean_NP, centre_CP, "sqeuclidean").argmin(1)
    return _parts_of(mean_NP, spread_P, np.eye(count)[nearest_N] * w_N[:, None])


def k_means(z_NP: NDArray[Any], w_N: Array, count: int, seed: int) -> tuple[Array, float]:
    """The centres (C, P), that of the largest cluster first, and the mean variance of a number around them.

    Where there are fewer different rows than clusters, the last centres are copies of the last one.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    z_NP = np.asarray(z_NP, np.float64)
    different = min(count, len(np.unique(z_NP, axis=0))) if len(z_NP) < 2**16 else count
    with threadpool_limits(1):  # the same centres whatever the number of cores
        model = KMeans(different, n_init=STARTS, random_state=seed).fit(z_NP, sample_weight=w_N)
    sizes_C = np.bincount(model.labels_, w_N, different)
    order_C = np.argsort(-sizes_C, kind="stable")
    order_C = np.append(order_C, np.repeat(order_C[-1:], count - different))
    variance = float(model.inertia_ / w_N.sum() / z_NP.shape[1])
    return np.asarray(model.cluster_centers_, np.float64)[order_C], max(variance, 1e-12)

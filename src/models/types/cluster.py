"""Cluster: rows without a target, dealt out into so many groups. Shapes: N rows, K outputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.inputs.clusters import BEFORE, CLUSTER, ERROR, HALVES, PROBABILITIES
from src.models.types.problem_type import Array, ProblemType


@dataclass(frozen=True, kw_only=True)
class Cluster(ProblemType):
    """What a model says of a row, `src.inputs.clusters` tells.

    No step chooses a model by the reference: the search goes by how well codes rebuild rows, and the shallow model is
    the one whose clusters agree best between halves of the rows.
    """

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return BEFORE + code

    def coded(self, bits: bool, active: int, clusters: int, mixture: bool) -> ProblemType:
        networks = {"clusters": clusters} | ({"mixture": True} if mixture else {})
        return replace(self, of_networks=networks) if clusters else self

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`reconstruction_error`, `cluster`, and `probability__<cluster>` of each.

        Of held-out rows also `half_1` and `half_2`, the clusters by models that learnt from halves of the rows.
        """
        columns: dict[str, NDArray[Any]] = {"reconstruction_error": p_NK[:, ERROR], "cluster": _whole(p_NK[:, CLUSTER])}
        if (p_NK[:, HALVES] > 0).any():
            columns |= {f"half_{n}": _whole(half_N) for n, half_N in enumerate(p_NK[:, HALVES].T, 1)}
        return columns | {f"probability__{n}": p_N for n, p_N in enumerate(p_NK[:, PROBABILITIES].T, 1)}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return ["reconstruction_error", "cluster", "half_1", "half_2"]


def _whole(number_N: Array) -> NDArray[Any]:
    unknown_N = np.isnan(number_N)
    return np.ma.MaskedArray(np.where(unknown_N, 0, number_N).astype(np.int64), unknown_N)


def _one_cluster(seed: int, rows: int, clusters: int) -> Any:
    from src.models.clusters import OneCluster

    return OneCluster(clusters, seed)


def _k_means(seed: int, rows: int, clusters: int) -> Any:
    from src.models.clusters import KMeansClusters

    return KMeansClusters(clusters, seed)


def _gaussian_mixture(seed: int, rows: int, clusters: int) -> Any:
    from src.models.clusters import MixtureClusters

    return MixtureClusters(clusters, seed)


CLUSTER_TYPE = Cluster(
    name="cluster",
    words="each row’s cluster",
    verb="find",
    returns="each row's cluster, and the probability of each",
    targets="none",
    has_clusters=True,
    defaults={"committee": 1, "training": {"optimizer": "adam", "learning_rate": 0.002}},
    networks="rebuild",
    options={"noise": (0.0, 0.1, 0.3), "tied": (False, True)},
    measures=("agreement", "adjusted_rand"),
    referenced=("adjusted_rand", "the reference names groups, which the clusters are compared with"),
    searched_by="reconstruction_mse",
    shallow_by="agreement",
    reason="no reference names groups to compare clusters with",
    loss="squared_error",
    of_rows={"one_cluster": _one_cluster},
    shallow={"k_means": _k_means, "gaussian_mixture": _gaussian_mixture},
    trusted=frozenset(
        {
            "src.models.clusters.KMeansClusters",
            "src.models.clusters.MixtureClusters",
            "src.models.components.Components",
        }
    ),
    figures="clusters",
    adds="clusters",
)

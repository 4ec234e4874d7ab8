"""Independent columns: the probability of each value by histograms of its column alone.

Shapes: N rows, D columns, V different values of a column, W components.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from src.inputs.places import FARTHEST, GAP, NUMBER, outcomes, split

Array = NDArray[np.float64]
LEVELS = 256
ROUNDS = 100
# A value that so many rows have is frequent.
FREQUENT = 5
# What every outcome counts before any row was seen (Krichevsky and Trofimov 1981).
BEFORE = 0.5


@dataclass
class Interpolated:
    """Whole numbers: histograms with bins of 1, 2, 4, ... numbers and one wide curve, mixed by `shares`.

    There are such histograms of all rows, of the rows with frequent values (only of width 1), and of the other rows.
    The shares are those under which each training value is likeliest by the other rows (deleted interpolation: Jelinek
    and Mercer 1980). So frequent values, smooth ranges and tails each have their width. The wide curve is a Cauchy
    distribution at the median; for a limited `range` it is uniform.
    """

    widths: list[int]
    bins: list[NDArray[np.int64]]
    heights: list[Array]
    shares: Array
    median: float
    half: float
    range: int

    @classmethod
    def fit(cls, values_N: NDArray[np.int64], w_N: Array, limit: int = 0) -> Self:
        values_V, place_N, count_V = np.unique(values_N, return_inverse=True, return_counts=True)
        w_V: Array = np.bincount(place_N, w_N, len(values_V)).astype(np.float64)
        low, median, high = _quantiles(values_V, w_V, (0.25, 0.5, 0.75))
        widest = limit or 2 * max(int(values_V[-1] - values_V[0]) + 1, 1)
        widths = [2**power for power in range(int(np.ceil(np.log2(widest))))]
        frequent_V = count_V >= FREQUENT
        rows = [(width, np.ones_like(frequent_V)) for width in widths]
        if frequent_V.any() and not frequent_V.all():
            rows += [(1, frequent_V), *((width, ~frequent_V) for width in widths[1:])]
        made = cls([width for width, _ in rows], [], [], np.ones(1), median, max((high - low) / 2, 0.5), limit)
        others_VW, each_V = np.empty((len(values_V), len(rows) + 1)), w_V / count_V
        for column, (width, among_V) in enumerate(rows):
            bins_B, bin_V = np.unique(values_V // width, return_inverse=True)
            weight_B, whole = np.bincount(bin_V, w_V * among_V, len(bins_B)), float(w_V[among_V].sum())
            made.bins.append(bins_B)
            made.heights.append(weight_B / (whole * width))
            left_V = each_V * among_V  # what leaves with the row itself
            others_VW[:, column] = np.maximum(weight_B[bin_V] - left_V, 0) / (np.maximum(whole - left_V, 1e-9) * width)
        others_VW[:, -1] = made._wide(values_V)
        made.shares = _likeliest(others_VW, w_V)
        return made

    def probabilities(self, values_N: NDArray[np.int64]) -> Array:
        p_N = self.shares[-1] * self._wide(values_N)
        for width, bins_B, heights_B, share in zip(self.widths, self.bins, self.heights, self.shares, strict=False):
            bin_N = values_N // width
            place_N = np.searchsorted(bins_B, bin_N).clip(max=len(bins_B) - 1)
            p_N = p_N + share * np.where(bins_B[place_N] == bin_N, heights_B[place_N], 0)
        return p_N

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Random numbers (count,) with these probabilities."""
        chosen_N = rng.choice(len(self.shares), count, p=self.shares / self.shares.sum())
        value_N = np.zeros(count, np.int64)
        for component, (width, bins_B, heights_B) in enumerate(zip(self.widths, self.bins, self.heights, strict=True)):
            its_N = chosen_N == component
            p_B = heights_B / heights_B.sum()
            value_N[its_N] = rng.choice(bins_B, its_N.sum(), p=p_B) * width + rng.integers(0, width, its_N.sum())
        its_N = chosen_N == len(self.widths)
        if self.range:
            value_N[its_N] = rng.integers(0, self.range, its_N.sum())
        else:
            far_N = self.median + self.half * rng.standard_cauchy(its_N.sum())
            value_N[its_N] = far_N.clip(-FARTHEST, FARTHEST).round().astype(np.int64)
        return value_N

    def _wide(self, values_N: NDArray[np.int64]) -> Array:
        if self.range:
            return np.full(len(values_N), 1 / self.range)
        away_N = np.abs(values_N - self.median)  # tails on the left are computed to more digits
        curve = stats.cauchy(scale=self.half)
        p_N: Array = curve.cdf(-away_N + 0.5) - curve.cdf(-away_N - 0.5)
        return p_N


def _likeliest(p_VW: Array, w_V: Array) -> Array:
    """The shares of components under which values of these weights are likeliest, by expectation maximization.

    The last component counts one row more: a value that no row had may come.
    """
    shares_W = np.full(p_VW.shape[1], 1 / p_VW.shape[1])
    for _ in range(ROUNDS):
        joint_VW = p_VW * shares_W
        counted_W = (w_V / joint_VW.sum(axis=1)) @ joint_VW
        counted_W[-1] += 1
        shares_W = counted_W / counted_W.sum()
    return shares_W


class IndependentColumns:
    """Common sense for likelihoods. `score_samples` gives each row's bits and number of columns, (N, 2).

    Rows are places (`src.inputs.places`), or bytes of any shape, each with 256 levels. A missing number and a rare
    category are outcomes like others.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, as estimators of scikit-learn give them: none."""
        return {}

    def fit(self, x_NI: NDArray[Any], y: None = None, sample_weight: Array | None = None) -> Self:
        w_N = np.ones(len(x_NI)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        x_NI, w_N = x_NI[w_N > 0], w_N[w_N > 0]
        self.columns_: list[dict[str, Any]] = []
        self.shape_ = [int(size) for size in x_NI.shape[1:]] if x_NI.dtype == np.uint8 else []
        if x_NI.dtype == np.uint8:
            tables_DL = np.stack([self._levels(x_N, w_N) for x_N in x_NI.reshape(len(x_NI), -1).T])
            self.columns_ = [{"bits": -np.log2(tables_DL)}]
            return self
        place_ND, outcomes_ND = split(x_NI)
        for column, count in enumerate(outcomes(outcomes_ND)):
            place_N, known_N = place_ND[:, column], outcomes_ND[:, column] != GAP
            if count == NUMBER:
                made = Interpolated.fit(place_N[known_N], w_N[known_N]) if known_N.any() else None
                missing = (w_N[~known_N].sum() + BEFORE) / (w_N.sum() + 2 * BEFORE)
                self.columns_.append({"missing": missing} | ({} if made is None else vars(made)))
            else:
                weights = np.bincount(place_N, w_N, count) + BEFORE
                self.columns_.append({"bits": -np.log2(weights / weights.sum())})
        return self

    def score_samples(self, x_NI: NDArray[Any]) -> Array:
        if x_NI.dtype == np.uint8:
            flat_ND = x_NI.reshape(len(x_NI), -1)
            [table] = self.columns_
            bits_N = np.zeros(len(flat_ND))
            for x_N, bits_L in zip(flat_ND.T, table["bits"], strict=True):
                bits_N += bits_L[x_N]
            return np.column_stack([bits_N, np.full(len(x_NI), flat_ND.shape[1])])
        place_ND, outcomes_ND = split(x_NI)
        bits_N = sum(
            (self._bits(c, place_ND[:, d], outcomes_ND[:, d]) for d, c in enumerate(self.columns_)),
            np.zeros(len(x_NI)),
        )
        return np.column_stack([bits_N, np.full(len(x_NI), len(self.columns_))])

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[Any]:
        """Random rows with these probabilities, as places or as bytes."""
        if self.shape_:
            [table] = self.columns_
            pixels = [rng.choice(LEVELS, count, p=_shares(bits_L)) for bits_L in table["bits"]]
            return np.column_stack(pixels).astype(np.uint8).reshape(count, *self.shape_)
        x_NI = np.zeros((count, 2 * len(self.columns_)))
        for d, column in enumerate(self.columns_):
            if "bits" in column:
                x_NI[:, 2 * d] = rng.choice(len(column["bits"]), count, p=_shares(column["bits"]))
                x_NI[:, 2 * d + 1] = len(column["bits"])
                continue
            made = {name: value for name, value in column.items() if name != "missing"}
            missing_N = rng.random(count) < column["missing"]
            if made:
                x_NI[:, 2 * d] = np.where(missing_N, 0, Interpolated(**made).sample(count, rng))
            x_NI[:, 2 * d + 1] = np.where(missing_N, GAP, NUMBER)
        return x_NI

    @staticmethod
    def _levels(x_N: NDArray[np.uint8], w_N: Array) -> Array:
        """The probability of each level of a byte."""
        made = Interpolated.fit(x_N.astype(np.int64), w_N, LEVELS)
        return made.probabilities(np.arange(LEVELS))

    @staticmethod
    def _bits(column: dict[str, Any], place_N: NDArray[np.int64], outcomes_N: NDArray[np.int64]) -> Array:
        if "bits" in column:
            return np.asarray(column["bits"][place_N])
        made = {name: value for name, value in column.items() if name != "missing"}
        p_N = Interpolated(**made).probabilities(place_N) if made else np.ones(len(place_N))
        missing = column["missing"]
        return -np.log2(np.where(outcomes_N == GAP, missing, (1 - missing) * p_N))


def _shares(bits: Array) -> Array:
    p = np.exp2(-bits)
    return np.asarray(p / p.sum())


def _quantiles(values_V: NDArray[np.int64], w_V: Array, shares: tuple[float, ...]) -> list[float]:
    ends_V = np.cumsum(w_V) / w_V.sum()
    return [float(values_V[np.searchsorted(ends_V, share)]) for share in shares]

"""How the measure is estimated: the sealed test set and the folds, drawn once and stored.

Book: "The universal workflow of machine learning", deciding on an evaluation protocol (hold-out, K-fold, iterated
K-fold with shuffling). Rows are dealt out in units that never straddle a split: duplicate rows, or the user's groups.
Shapes: N rows, R repeats.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from src.core.files import atomic_file, intact
from src.problem.steps import ProtocolSettings
from src.results.data import Protocol
from src.results.verdicts import Choice

Index = NDArray[np.intp]
Order = Literal["stratified", "shuffled", "grouped", "temporal"]

ITERATED_BELOW_ROWS = 1_000
K_FOLD_BELOW_ROWS = 20_000
AUTOMATIC_FOLDS = 5
# The fewest and the most repeats of iterated K-fold; `src.judging.evaluation` tells how often is enough.
AUTOMATIC_REPEATS, MOST_REPEATS = 3, 12
HOLD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """One fold of one repeat: the rows to learn from and the rows to score, as positions in the training table."""

    repeat: int
    fold: int
    training: Index
    validation: Index

    def halves(self, units_A: Index) -> "list[Split]":
        """Two splits with these held-out rows. Each learns from one half of the training rows, drawn at random.

        units_A: the unit of each training row; none is parted.
        """
        seed = int(np.random.SeedSequence([self.repeat, self.fold]).generate_state(1)[0])
        half_A = deal(units_A, None, [1 / 2, 1 / 2], seed)
        return [replace(self, training=self.training[half_A == side]) for side in range(2)]


@dataclass(frozen=True)
class Folds:
    """`fold_RN[r, n]` is the fold that holds row n out in repeat r; -1: never held out.

    With `temporal`, a fold learns only from rows of earlier folds (rolling origin). Rows of `crosses_N` look back
    behind the start of their fold: it does not hold them out, and later ones learn from them.
    """

    fold_RN: NDArray[np.int16]
    temporal: bool
    crosses_N: NDArray[np.bool_] | None = None

    def __iter__(self) -> Iterator[Split]:
        for repeat, fold_N in enumerate(self.fold_RN):
            for fold in range(int(fold_N.max()) + 1):
                learns_N = fold_N < fold if self.temporal else fold_N != fold
                held_N = fold_N == fold if self.crosses_N is None else (fold_N == fold) & ~self.crosses_N
                yield Split(repeat, fold, np.flatnonzero(learns_N), np.flatnonzero(held_N))

    def first(self, repeats: int) -> "Folds":
        """The folds of the first repeats."""
        return replace(self, fold_RN=self.fold_RN[:repeats])

    @property
    def test_share(self) -> float:
        return test_share(list(self))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.fold_RN, dtype="<i2").tobytes()).hexdigest()


def test_share(splits: Sequence[Split]) -> float:
    """Held-out share of a fold's rows, averaged over the folds."""
    return float(np.mean([len(s.validation) / (len(s.validation) + len(s.training)) for s in splits]))


def choose_protocol(settings: ProtocolSettings, rows: int, order: Order) -> tuple[Protocol, list[Choice]]:
    """Resolve `auto` in protocol, folds and repeats by the number of training rows, with the stated reasons."""
    choices = []
    method = settings.protocol
    if method == "auto" and (settings.repeats not in ("auto", 1) or settings.folds != "auto"):
        method = "k_fold" if settings.repeats in ("auto", 1) else "iterated_k_fold"
        choices.append(Choice(setting="protocol", chosen=method, reason="folds or repeats are given"))
    elif method == "auto":
        small = rows < ITERATED_BELOW_ROWS and order != "temporal"
        method = "iterated_k_fold" if small else "k_fold" if rows < K_FOLD_BELOW_ROWS else "hold_out"
        reason = {
            "iterated_k_fold": f"{rows:,} training rows, under {ITERATED_BELOW_ROWS:,}: one split would depend on luck",
            "k_fold": f"{rows:,} training rows, under {K_FOLD_BELOW_ROWS:,}: every row is needed for scoring",
            "hold_out": f"{rows:,} training rows are plenty: one split gives a narrow interval",
        }[method]
        choices.append(Choice(setting="protocol", chosen=method, reason=reason))
    if method == "hold_out":
        return Protocol(method=method, folds=1, repeats=1, order=order), choices
    folds, repeats = settings.folds, settings.repeats
    if folds == "auto":
        folds = AUTOMATIC_FOLDS
        choices.append(Choice(setting="folds", chosen=str(folds), reason="the usual balance of bias and cost"))
    most_repeats = None
    if repeats == "auto":
        repeats = 1
        if method == "iterated_k_fold":
            repeats, most_repeats = AUTOMATIC_REPEATS, MOST_REPEATS
    return Protocol(method=method, folds=folds, repeats=repeats, most_repeats=most_repeats, order=order), choices


def draw_folds(
    protocol: Protocol,
    units_N: Index,
    strata_N: Index | None,
    time_N: NDArray[np.float64] | None,
    seed: int,
    since_N: NDArray[np.float64] | None = None,
) -> Folds:
    """Draw the folds of a protocol, with all the repeats it may come to.

    units_N: rows of one unit stay together. strata_N: each fold gets every stratum's share. time_N: folds follow in
    time, rows of one moment stay together. since_N: the first moment that a row knows of, where that is not its own.
    """
    hold_out = protocol.method == "hold_out"
    if protocol.order == "temporal":
        assert time_N is not None
        blocks = protocol.folds + 1
        shares_B = [1 - HOLD_OUT_SHARE, HOLD_OUT_SHARE] if hold_out else [1 / blocks] * blocks
        block_N = blocks_in_time(time_N, shares_B)
        crosses_N = None
        if since_N is not None:
            starts_B = np.array([time_N[block_N == block].min(initial=np.inf) for block in range(len(shares_B))])
            crosses_N = since_N < starts_B[block_N]
        return Folds((block_N - 1).astype(np.int16)[None], True, crosses_N)
    shares_P = [HOLD_OUT_SHARE, 1 - HOLD_OUT_SHARE] if hold_out else [1 / protocol.folds] * protocol.folds
    repeats = protocol.most_repeats or protocol.repeats
    fold_RN = np.stack([deal(units_N, strata_N, shares_P, seed + repeat) for repeat in range(repeats)])
    if hold_out:
        fold_RN = np.where(fold_RN == 0, 0, -1)
    return Folds(fold_RN.astype(np.int16), temporal=False)


def deal(units_N: Index, strata_N: Index | None, shares_P: Sequence[float], seed: int) -> Index:
    """Assign units to parts that get the wanted shares of every stratum's rows; returns each row's part.

    Units are shuffled and sorted by size, the largest first. Each goes to the part that lacks most rows of the unit's
    stratum, which is that of its first row. So a part gets its share of both large and small units, and exceeds its
    share of the rows by at most the largest unit. Units of one size are assigned at once, which is fast even on a
    million rows.
    """
    rng = np.random.default_rng(seed)
    _, first, unit_of_N = np.unique(units_N, return_index=True, return_inverse=True)
    sizes_U = np.bincount(unit_of_N)
    strata_U = np.zeros(len(first), dtype=np.intp) if strata_N is None else strata_N[first]
    part_U = np.empty(len(first), dtype=np.intp)
    share_P = np.array(shares_P)
    owed_P = np.zeros(len(share_P))
    for stratum in np.unique(strata_U):
        members = rng.permutation(np.flatnonzero(strata_U == stratum))
        members = members[np.argsort(-sizes_U[members], kind="stable")]
        wanted_P = share_P * sizes_U[members].sum()
        dealt_P = np.zeros(len(share_P))
        for alike in np.split(members, np.flatnonzero(np.diff(sizes_U[members])) + 1):
            size = sizes_U[alike[0]]
            counts_P = _counts(wanted_P - dealt_P, share_P, owed_P, size, len(alike))
            part_U[alike] = np.repeat(np.arange(len(share_P)), counts_P)
            dealt_P += size * counts_P
        owed_P += wanted_P - dealt_P
    return part_U[unit_of_N]


def _counts(
    lacking_P: NDArray[np.float64], share_P: NDArray[np.float64], owed_P: NDArray[np.float64], size: int, units: int
) -> Index:
    """How many of so many units of one size each part gets when each goes to the part that lacks most for its share.

    All are poured into vessels as wide as the parts' shares, up to the level at which they are used up. What is left of
    whole units goes to the parts that are furthest above it, counting what the strata before have left owing, so that
    roundings do not add up.
    """
    depth_P = lacking_P / share_P
    deepest = np.argsort(-depth_P, kind="stable")
    level = ((lacking_P[deepest].cumsum() - size * units) / share_P[deepest].cumsum()).max()
    exact_P = np.maximum(lacking_P - level * share_P, 0) / size
    counts_P = np.floor(exact_P + 1e-9).astype(np.intp)
    claim_P = np.where(exact_P > 0, exact_P - counts_P + owed_P / size, -np.inf)
    counts_P[np.argsort(-claim_P, kind="stable")[: units - counts_P.sum()]] += 1
    return counts_P


def blocks_in_time(time_N: NDArray[np.float64], shares_B: Sequence[float]) -> Index:
    """Cut time into blocks that hold about these shares of the rows, one after the other; returns each row's block.

    Rows of one moment stay together. Where there are enough moments, no block is empty.
    """
    moments, moment_of_N, rows_M = np.unique(time_N, return_inverse=True, return_counts=True)
    before_M = rows_M.cumsum() - rows_M
    wanted = np.cumsum(shares_B)[:-1] * len(time_N)
    blocks = np.arange(1, len(shares_B))
    nearest = np.array([np.abs(before_M - rows).argmin() for rows in wanted])
    spare = np.clip(np.maximum.accumulate(nearest - blocks), 0, max(len(moments) - len(shares_B), 0))
    return np.searchsorted(spare + blocks, moment_of_N, side="right")


def seal(units_N: Index, strata_N: Index | None, time_N: NDArray[np.float64] | None, share: float, seed: int) -> Index:
    """Positions of the sealed test rows: last in time, or dealt out by units and strata; sorted."""
    if time_N is not None:
        return np.flatnonzero(blocks_in_time(time_N, [1 - share, share]) == 1)
    return np.flatnonzero(deal(units_N, strata_N, [share, 1 - share], seed) == 0)


def write_folds(path: Path, development: Folds, evaluation: Folds) -> None:
    with atomic_file(path) as partial, partial.open("wb") as file:
        crosses = {} if development.crosses_N is None else {"crosses": development.crosses_N}
        np.savez(
            file,
            development=development.fold_RN,
            evaluation=evaluation.fold_RN,
            temporal=np.array(development.temporal),
            **crosses,  # type: ignore[arg-type]
        )


def read_folds(path: Path, rows: int) -> dict[Literal["development", "evaluation"], Folds]:
    """The stored folds of so many training rows: `development` for overfit and regularize, `evaluation` for evaluate.

    Raises UserError where the file is missing, damaged or of a table with other rows.
    """
    with intact(path), np.load(path, allow_pickle=False) as stored:
        for name in ("development", "evaluation"):
            if stored[name].shape[1:] != (rows,) or not np.issubdtype(stored[name].dtype, np.integer):
                raise ValueError(f"{name!r} holds no folds of {rows:,} rows")
        temporal = bool(stored["temporal"])
        crosses_N = stored.get("crosses")
        return {
            "development": Folds(stored["development"], temporal, crosses_N),
            "evaluation": Folds(stored["evaluation"], temporal, crosses_N),
        }

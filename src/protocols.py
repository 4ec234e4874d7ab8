"""How the measure is estimated: the sealed test set and the folds, drawn once and stored.

Book: "The universal workflow of machine learning", deciding on an evaluation protocol (hold-out, K-fold, iterated
K-fold with shuffling). Rows are dealt out in units that never straddle a split: duplicate rows, or the user's groups.
Shapes: N rows, R repeats.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from src.files import atomic_file
from src.problem import ProtocolSettings
from src.results import Choice, Protocol

Index = NDArray[np.intp]
Order = Literal["stratified", "shuffled", "grouped", "temporal"]

ITERATED_BELOW_ROWS = 1_000
K_FOLD_BELOW_ROWS = 20_000
AUTOMATIC_FOLDS = 5
AUTOMATIC_REPEATS = 3
HOLD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """One fold of one repeat: the rows to learn from and the rows to score, as positions in the training table."""

    repeat: int
    fold: int
    training: Index
    validation: Index


@dataclass(frozen=True)
class Folds:
    """`fold_RN[r, n]` is the fold that holds row n out in repeat r; -1: never held out.

    With `temporal`, a fold learns only from rows of earlier folds (rolling origin).
    """

    fold_RN: NDArray[np.int16]
    temporal: bool

    def __iter__(self) -> Iterator[Split]:
        for repeat, fold_N in enumerate(self.fold_RN):
            for fold in range(int(fold_N.max()) + 1):
                learns_N = fold_N < fold if self.temporal else fold_N != fold
                yield Split(repeat, fold, np.flatnonzero(learns_N), np.flatnonzero(fold_N == fold))

    @property
    def test_share(self) -> float:
        """Held-out share of a fold's rows, averaged over the folds."""
        return float(np.mean([len(s.validation) / (len(s.validation) + len(s.training)) for s in self]))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(np.ascontiguousarray(self.fold_RN, dtype="<i2").tobytes()).hexdigest()


def choose_protocol(settings: ProtocolSettings, rows: int, order: Order) -> tuple[Protocol, list[Choice]]:
    """Resolve `auto` in protocol, folds and repeats by the number of training rows, with the stated reasons."""
    choices = []
    kind = settings.protocol
    if kind == "auto" and (settings.repeats not in ("auto", 1) or settings.folds != "auto"):
        kind = "k_fold" if settings.repeats in ("auto", 1) else "iterated_k_fold"
        choices.append(Choice(setting="protocol", chosen=kind, reason="folds or repeats are given"))
    elif kind == "auto":
        small = rows < ITERATED_BELOW_ROWS and order != "temporal"
        kind = "iterated_k_fold" if small else "k_fold" if rows < K_FOLD_BELOW_ROWS else "hold_out"
        reason = {
            "iterated_k_fold": f"{rows:,} training rows, under {ITERATED_BELOW_ROWS:,}: one split would depend on luck",
            "k_fold": f"{rows:,} training rows, under {K_FOLD_BELOW_ROWS:,}: every row is needed for scoring",
            "hold_out": f"{rows:,} training rows are plenty: one split gives a narrow interval",
        }[kind]
        choices.append(Choice(setting="protocol", chosen=kind, reason=reason))
    if kind == "hold_out":
        return Protocol(kind=kind, folds=1, repeats=1, order=order), choices
    folds, repeats = settings.folds, settings.repeats
    if folds == "auto":
        folds = AUTOMATIC_FOLDS
        choices.append(Choice(setting="folds", chosen=str(folds), reason="the usual balance of bias and cost"))
    if repeats == "auto":
        repeats = AUTOMATIC_REPEATS if kind == "iterated_k_fold" else 1
        if kind == "iterated_k_fold":
            choices.append(Choice(setting="repeats", chosen=str(repeats), reason="shuffled anew each time"))
    return Protocol(kind=kind, folds=folds, repeats=repeats, order=order), choices


def draw_folds(
    protocol: Protocol, units_N: Index, strata_N: Index | None, time_N: NDArray[np.float64] | None, seed: int
) -> Folds:
    """Draw the folds of a protocol.

    units_N: rows of one unit stay together. strata_N: each fold gets every stratum's share. time_N: folds follow in
    time, rows of one moment stay together.
    """
    if protocol.order == "temporal":
        assert time_N is not None
        blocks = 2 if protocol.kind == "hold_out" else protocol.folds + 1
        shares = [1 - HOLD_OUT_SHARE, 1.0] if blocks == 2 else [(b + 1) / blocks for b in range(blocks)]
        fold_N = np.searchsorted(np.quantile(time_N, shares[:-1], method="higher"), time_N, side="right") - 1
        return Folds(fold_N.astype(np.int16)[None], temporal=True)
    parts = round(1 / HOLD_OUT_SHARE) if protocol.kind == "hold_out" else protocol.folds
    fold_RN = np.stack([deal(units_N, strata_N, parts, seed + repeat) for repeat in range(protocol.repeats)])
    if protocol.kind == "hold_out":
        fold_RN = np.where(fold_RN == 0, 0, -1)
    return Folds(fold_RN.astype(np.int16), temporal=False)


def deal(units_N: Index, strata_N: Index | None, parts: int, seed: int) -> Index:
    """Deal units into `parts` of about equal numbers of rows in every stratum; returns each row's part.

    Units are shuffled, the larger ones come first, and each goes to the part that lacks most in the unit's stratum
    (the stratum of a unit is that of its first row). Units of equal size are dealt round in turn, which is what makes
    this fast on a million rows.
    """
    rng = np.random.default_rng(seed)
    _, first, unit_of_N = np.unique(units_N, return_index=True, return_inverse=True)
    sizes_U = np.bincount(unit_of_N)
    strata_U = np.zeros(len(first), dtype=np.intp) if strata_N is None else strata_N[first]
    part_U = np.empty(len(first), dtype=np.intp)
    total_P = np.zeros(parts)
    for stratum in np.unique(strata_U):
        members = rng.permutation(np.flatnonzero(strata_U == stratum))
        members = members[np.argsort(-sizes_U[members], kind="stable")]
        rows_P = np.zeros(parts)
        single = int(np.searchsorted(-sizes_U[members], -1))
        for unit in members[:single]:
            part = np.lexsort((total_P, rows_P))[0]
            part_U[unit] = part
            rows_P[part] += sizes_U[unit]
            total_P[part] += sizes_U[unit]
        rest = members[single:]
        wanted_P = _fill(rows_P, len(rest), total_P)
        part_U[rest] = np.repeat(np.arange(parts), wanted_P)
        total_P += wanted_P
    return part_U[unit_of_N]


def _fill(rows_P: NDArray[np.float64], count: int, total_P: NDArray[np.float64]) -> Index:
    """How many of `count` single rows each part gets so that the parts end as equal as they can."""
    wanted_P = np.zeros(len(rows_P), dtype=np.intp)
    level = np.maximum((rows_P.sum() + count) / len(rows_P) - rows_P, 0)
    if level.sum() > 0:
        wanted_P = np.floor(level * count / level.sum()).astype(np.intp)
    for part in np.lexsort((total_P + wanted_P, rows_P + wanted_P))[: count - wanted_P.sum()]:
        wanted_P[part] += 1
    return wanted_P


def seal(units_N: Index, strata_N: Index | None, time_N: NDArray[np.float64] | None, share: float, seed: int) -> Index:
    """Positions of the sealed test rows: last in time, or dealt out by units and strata; sorted."""
    if time_N is not None:
        return np.flatnonzero(time_N > np.quantile(time_N, 1 - share, method="higher"))
    # Twenty parts put the share within 2.5 points for any strata; finer parts would starve small classes.
    parts = max(round(1 / share), 2) if abs(1 / share - round(1 / share)) < 0.01 else 20
    wanted = 1 if parts != 20 else max(round(share * parts), 1)
    return np.flatnonzero(deal(units_N, strata_N, parts, seed) < wanted)


def write_folds(path: Path, development: Folds, evaluation: Folds) -> None:
    with atomic_file(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            development=development.fold_RN,
            evaluation=evaluation.fold_RN,
            temporal=np.array(development.temporal),
        )


def read_folds(path: Path) -> dict[Literal["development", "evaluation"], Folds]:
    """The stored folds: `development` for overfit and regularize, `evaluation` for evaluate."""
    with np.load(path, allow_pickle=False) as stored:
        temporal = bool(stored["temporal"])
        return {
            "development": Folds(stored["development"], temporal),
            "evaluation": Folds(stored["evaluation"], temporal),
        }

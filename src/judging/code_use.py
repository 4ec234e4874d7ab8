"""Whether all of a code is used: what never varies tells nothing about a row. Shapes: J splits, V rows, C numbers."""

import numpy as np
from numpy.typing import NDArray

from src.core.text import count, counted
from src.judging.held_out import HeldOut
from src.results.verdicts import Verdict

NAME = "code_is_used"
# A number of the code that varies by less than this share of the one that varies most is dead.
DEAD = 0.01


def code_is_used(held_out: HeldOut, noun: str) -> Verdict:
    """How many numbers (or bits, see `noun`) of the code vary over the held-out rows of every fold.

    The networks of different folds order their numbers differently: the one that varies least in a fold is compared
    with the one that varies least in another, and so on.

    Source: Burda, Grosse and Salakhutdinov 2016, "Importance weighted autoencoders", section 2 (active units).
    """
    least_C = np.min([np.sort(spreads(p_VK[:, 1:])) for p_VK in held_out.predictions], axis=0)
    used, rows = int((least_C >= DEAD).sum()), len(np.unique(np.concatenate([s.validation for s in held_out.splits])))
    where = f"{count(rows)} held-out rows" + (" of every fold" if len(held_out.splits) > 1 else "")
    share = f"{100 * least_C[least_C >= DEAD].min():.0f}%" if used else ""
    ends = f"; the one that varies least has {share} of the largest standard deviation" if used > 1 else ""
    varying = count(used) if used else "none"
    evidence = f"{varying} of the {counted(len(least_C), noun)} of the code vary over the {where}{ends}"
    if used < len(least_C):
        evidence += "; a shorter code, or fewer penalties, may waste none"
    return Verdict(name=NAME, holds=used == len(least_C), evidence=evidence)


def spreads(code_VC: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard deviation of each number of the code, as a share of the largest, (C,)."""
    spread_C = code_VC.std(0)
    largest = spread_C.max()
    return np.asarray(spread_C / largest if largest > 0 else np.zeros_like(spread_C))

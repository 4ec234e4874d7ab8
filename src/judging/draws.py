"""Whether drawn rows are new, and whether they cover what there is.

Shapes: V held-out rows of a split, S statistics of a row.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.core.text import count
from src.judging.held_out import HeldOut
from src.judging.intervals import CONFIDENCE
from src.models.samples import (
    COVERED,
    COVERED_BY_REAL,
    EXPECTED,
    GUESSED,
    JUDGED,
    NEAR,
    SPREAD,
    TOLD,
    TOLD_OF_REAL,
)
from src.results.verdicts import NEW_ROWS, SHALLOW_NEW_ROWS, Estimate, Verdict

Array = NDArray[np.float64]

# A model draws no new rows if surely more than this share of its samples is as near to training rows as copies are.
COPIED = 0.1
# A model leaves rows out if it surely covers so much less of them than other real rows do.
LEFT_OUT = 0.1


def new_rows(held_out: HeldOut, name: str = NEW_ROWS) -> Verdict:
    """Whether a model does not just repeat its training rows.

    Held-out rows are as likely to be near a new row as training rows are. A copy is always nearest to its original, and
    never to a held-out row. So where fewer samples lie nearest to held-out rows than by chance, that many are as near
    to training rows as copies. Their number by chance, and its spread, are those of held-out rows drawn at random from
    all rows. Sources: the idea of rows kept out: van Breugel et al. 2023, "Membership inference attacks against
    synthetic data through overfitting detection"; Meehan, Chaudhuri and Dasgupta 2020, "A non-parametric test to detect
    data-copying in generative models".
    """
    copied, near, expected = copied_share(held_out)
    low, high = (f"{100 * end:.0f}" for end in (copied.low, copied.high))
    evidence = (
        f"{count(round(near))} samples lie nearest to a held-out row and not to a training row. Of new rows "
        f"{count(round(expected))} would, so it is as if {100 * copied.value:.0f}% were copies of training rows "
        f"({CONFIDENCE:.0%} interval {low} to {high}%). The verdict fails only if surely more than {COPIED:.0%} are"
    )
    return Verdict(name=name, holds=bool(copied.low <= COPIED), evidence=evidence)


def copied_share(held_out: HeldOut) -> tuple[Estimate, float, float]:
    """The share of samples that are as near to training rows as copies are, below 0 where they are farther away.

    Also how many samples lie nearest to held-out rows, and how many would by chance. Repeats of the folds hold out the
    same rows, so they make the interval no narrower.
    """
    judged = _judged(held_out)
    near = np.mean([sum(s_NS[:, NEAR].sum() for s_NS in fold) for fold in judged])
    expected = np.mean([sum(s_NS[:, EXPECTED].sum() for s_NS in fold) for fold in judged])
    variance = np.mean([sum(len(s_NS) ** 2 * s_NS[0, SPREAD] for s_NS in fold) for fold in judged])
    return _interval(1 - near / expected, np.sqrt(variance) / expected), float(near), float(expected)


def covers(held_out: HeldOut) -> Verdict:
    """Whether drawn rows lie among the neighbours of as many held-out rows as other real rows do."""
    repeats = [np.concatenate(fold) for fold in _judged(held_out)]
    drawn, real = (_mean(repeats, place) for place in (COVERED, COVERED_BY_REAL))
    missing = _difference(repeats, COVERED_BY_REAL, COVERED)
    evidence = (
        f"{100 * drawn:.0f}% of {count(len(repeats[0]))} held-out rows have a sample among their neighbours, and "
        f"{100 * real:.0f}% have one of as many real rows. That is {100 * missing.value:.0f} percentage points less "
        f"({CONFIDENCE:.0%} interval {100 * missing.low:.0f} to {100 * missing.high:.0f}). The verdict fails only if "
        f"surely more than {100 * LEFT_OUT:.0f} are missing"
    )
    return Verdict(name="covers", holds=bool(missing.low <= LEFT_OUT), evidence=evidence)


def tells_classes(held_out: HeldOut) -> Verdict:
    """Whether drawn rows look like rows of their class: a classifier that learnt from training rows names it."""
    repeats = [np.concatenate(fold) for fold in _judged(held_out)]
    named, of_real, guessed = (_mean(repeats, place) for place in (TOLD, TOLD_OF_REAL, GUESSED))
    gain = _difference(repeats, TOLD, GUESSED)
    evidence = (
        f"a classifier of training rows names the class of {100 * named:.0f}% of the samples, and of "
        f"{100 * of_real:.0f}% of the {count(len(repeats[0]))} held-out rows. The commonest class would be right of "
        f"{100 * guessed:.0f}% of the samples, {100 * gain.value:.0f} percentage points less "
        f"({CONFIDENCE:.0%} interval {100 * gain.low:.0f} to {100 * gain.high:.0f})"
    )
    return Verdict(name="tells_classes", holds=gain.low > 0, evidence=evidence)


def _judged(held_out: HeldOut) -> list[list[Array]]:
    """The statistics of the judged rows of each split, by repeat; splits whose training diverged are left out."""
    numbers = [split.repeat for split in held_out.splits]
    return [
        [
            s_VS[s_VS[:, JUDGED] > 0]
            for number, s_VS in zip(numbers, held_out.predictions, strict=True)
            if number == repeat and np.isfinite(s_VS[:, JUDGED]).all()
        ]
        for repeat in sorted(set(numbers))
    ]


def _mean(repeats: Sequence[Array], place: int) -> float:
    return float(np.mean([s_NS[:, place].mean() for s_NS in repeats]))


def _difference(repeats: Sequence[Array], more: int, less: int) -> Estimate:
    """How much larger one statistic is than another on average. Repeats hold out the same rows and narrow nothing."""
    gains = [s_NS[:, more] - s_NS[:, less] for s_NS in repeats]
    value = float(np.mean([gain_N.mean() for gain_N in gains]))
    return _interval(value, float(np.mean([gain_N.std(ddof=1) / len(gain_N) ** 0.5 for gain_N in gains])))


def _interval(value: float, error: float) -> Estimate:
    from scipy.stats import norm

    half = float(norm.ppf(0.5 + CONFIDENCE / 2)) * error
    return Estimate(value=float(value), low=float(value - half), high=float(value + half))


def generating_verdicts(network: HeldOut, shallow: HeldOut, classes: bool) -> list[Verdict]:
    """The verdicts on what both models draw. classes: whether rows are drawn with their class."""
    verdicts = [new_rows(network), covers(network), new_rows(shallow, SHALLOW_NEW_ROWS)]
    return [*verdicts, tells_classes(network)] if classes else verdicts

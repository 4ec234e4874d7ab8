"""Does a model write texts of its own, or does it recite what it learnt? Shapes: N texts, R runs of characters."""

import bz2
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.judging.intervals import share_interval
from src.results.evaluate import Writings, WrittenText
from src.results.verdicts import Estimate, Verdict
from src.saved.completion import Completion, complete, first_prompt
from src.saved.inference import Model

# Characters of a run, and what is added up to tell runs apart: a polynomial over 64 bits.
RUN, BASE = 20, 6364136223846793005
# Texts that a verdict rests on, and the most characters of each.
TEXTS, LONGEST = 100, 256
# A model does not recite where the share of its runs that are in the training texts is surely at most this much larger
# than that of held-out texts.
MARGIN = 0.05
# The report's texts: so many at each temperature, of so many characters.
SHOWN, SHOWN_CHARACTERS, TEMPERATURES = 2, 400, (0.5, 1.0, 1.2)
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "xz": lambda text: lzma.compress(text, preset=9 | lzma.PRESET_EXTREME),
    "bz2": bz2.compress,
}


@dataclass(frozen=True)
class Learnt:
    """The runs of `RUN` characters of the training texts."""

    runs_R: NDArray[np.uint64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Learnt":
        return cls(np.unique(np.concatenate([runs_of(text) for text in texts])))

    def has(self, text: str) -> NDArray[np.bool_]:
        """Which runs of the text are in the training texts, (R,)."""
        runs_R = runs_of(text)
        places_R = np.searchsorted(self.runs_R, runs_R).clip(max=len(self.runs_R) - 1)
        known_R: NDArray[np.bool_] = self.runs_R[places_R] == runs_R
        return known_R

    def share(self, texts: Sequence[str]) -> Estimate:
        """The share of the texts' runs that are in the training texts, with its interval over texts."""
        counts_N2 = np.array([(found_R.sum(), len(found_R)) for found_R in map(self.has, texts)], dtype=np.float64)
        hits, runs = counts_N2.sum(0)
        value = float(hits / runs)
        left_N = counts_N2[:, 0] - value * counts_N2[:, 1]
        variance = len(texts) / max(len(texts) - 1, 1) * float(np.square(left_N).sum()) / runs**2
        rows = len(texts) if variance == 0 else value * (1 - value) / variance
        return share_interval(value, rows)

    def copied(self, text: str) -> list[tuple[int, int]]:
        """The stretches of a text, from and to, whose runs are all in the training texts."""
        if len(text) < RUN:
            return [(0, len(text))] if self.has(text).all() else []
        covered = np.zeros(len(text) + 2, dtype=np.int64)
        for start in np.flatnonzero(self.has(text)):
            covered[start + 1 : start + 1 + RUN] = 1
        edges = np.flatnonzero(np.diff(covered)).tolist()
        return list(zip(edges[::2], edges[1::2], strict=True))


def runs_of(text: str) -> NDArray[np.uint64]:
    """A number for each run of characters; a shorter text is a single one."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64) + np.uint64(1)
    size = min(RUN, len(codes))
    total_R = np.zeros(max(len(codes) - size + 1, 1), dtype=np.uint64)
    for place in range(size):
        total_R = total_R * np.uint64(BASE) + codes[place : place + len(total_R)]
    return total_R


def writings(
    model: Model, called: str, training: Sequence[str], held_out: Sequence[str], seed: int
) -> tuple[Writings, Verdict]:
    """Texts that the model writes, with stretches that it copied, and whether it recites.

    training, held_out: passages. called: the model's name in the sentence.
    """
    learnt = Learnt.of(training)
    prompt = first_prompt(model)
    drawn = complete(model, Completion(prompt=prompt, n=TEXTS, characters=LONGEST, seed=seed))
    ours, theirs = learnt.share(drawn), learnt.share(cut(held_out, LONGEST))
    shown = [
        WrittenText(temperature=temperature, text=text, copied=learnt.copied(text))
        for temperature in TEMPERATURES
        for text in complete(
            model,
            Completion(prompt=prompt, n=SHOWN, characters=SHOWN_CHARACTERS, temperature=temperature, seed=seed),
        )
    ]
    return Writings(texts=shown, compressed=compressed(training, held_out)), verdict(ours, theirs, called)


def verdict(ours: Estimate, theirs: Estimate, called: str) -> Verdict:
    """Whether texts of a model are surely no more recited than held-out texts, but for the margin.

    The interval of the difference is that of Newcombe 1998, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17, method 10.
    """
    gap = ours.value - theirs.value
    low = gap - float(np.hypot(ours.value - ours.low, theirs.high - theirs.value))
    high = gap + float(np.hypot(ours.high - ours.value, theirs.value - theirs.low))
    evidence = (
        f"of the runs of {RUN} characters in {TEXTS} texts that the {called} wrote, {ours.value:.1%} are in the "
        f"training texts; of those in held-out texts {theirs.value:.1%}. The difference is {100 * gap:+.1f} percentage "
        f"points (95% interval {100 * low:+.1f} to {100 * high:+.1f}); up to {100 * MARGIN:.0f} more count as none"
    )
    return Verdict(name="does_not_recite", holds=high <= MARGIN, evidence=evidence)


def cut(texts: Sequence[str], characters: int) -> list[str]:
    """Texts in parts of so many characters."""
    return [text[start : start + characters] for text in texts for start in range(0, len(text), characters)]


def compressed(training: Sequence[str], held_out: Sequence[str]) -> dict[str, float]:
    """Bits per character that compressors need for the held-out texts, one a line, after the training texts."""
    before, after = ("\n".join(texts).encode(errors="replace") for texts in (training, held_out))
    characters = len("\n".join(held_out))
    return {
        name: 8 * (len(shorten(before + after)) - len(shorten(before))) / characters
        for name, shorten in COMPRESSORS.items()
    }

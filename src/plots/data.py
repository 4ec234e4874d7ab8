"""What the data looks like before anything is learnt: class balance, and the distribution of a numeric target."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from src.core.text import shares
from src.plots.style import INK, NETWORK, label, new_figure, plain_number, show_counts, styled

MOST_BARS = 24


@styled
def class_balance(counts: Mapping[str, int], rows: int) -> Figure:
    """Rows per class (or per label) as bars, the most frequent first; past 24 the rest share one bar."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    if len(ordered) > MOST_BARS:
        rest = ordered[MOST_BARS - 1 :]
        ordered = [*ordered[: MOST_BARS - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    figure, [[axes]] = new_figure(0.7 + 0.28 * len(ordered))
    places = np.arange(len(ordered))
    values = [count for _, count in ordered]
    axes.barh(places, values, color=NETWORK, height=0.68)
    printed = shares(values) if sum(values) == rows else [f"{value / rows:.1%}" for value in values]
    for place, value, share in zip(places, values, printed, strict=True):
        axes.text(value, place, f" {plain_number(value)} ({share})", va="center", color=INK, fontsize=10)
    axes.set_yticks(places, [label(name) for name, _ in ordered])
    axes.invert_yaxis()
    axes.set_xlim(0, max(values) * 1.32)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    return figure


@styled
def target_distribution(values: np.ndarray, name: str) -> Figure:
    """A histogram of one numeric target with its median."""
    figure, [[axes]] = new_figure(2.5)
    bins = int(np.clip(np.sqrt(len(values)), 8, 40))
    axes.hist(values, bins=bins, color=NETWORK, edgecolor="none", rwidth=0.92)
    median = float(np.median(values))
    axes.axvline(median, color=INK, linewidth=1.2)
    axes.set_title(f"median {plain_number(float(f'{median:.4g}'))}", fontweight="normal", color=INK)
    show_counts(axes, "y")
    axes.set_ylabel("rows")
    axes.set_xlabel(label(name, 48))
    axes.xaxis.set_major_formatter(plain_number)
    return figure

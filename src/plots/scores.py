"""Scores side by side: reference models, folds in pairs, and estimates with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from src.plots.style import COMMON_SENSE, INK, NETWORK, SHALLOW, SURFACE, Scale, label, new_figure, show_scale, styled


@dataclass(frozen=True)
class Row:
    """One line of a chart of scores: a mean, the fold scores behind it, and an interval where there is one."""

    name: str
    value: float
    color: str
    scores: Sequence[float] = ()
    low: float | None = None
    high: float | None = None


@styled
def score_rows(rows: Sequence[Row], scale: Scale) -> Figure:
    """One line per model or estimate: the mean as a large dot, fold scores as small ones, an interval as a bar."""
    figure, [[axes]] = new_figure(0.75 + 0.36 * len(rows))
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            axes.plot(
                [row.low, row.high], [place, place], color=row.color, linewidth=8, alpha=0.28, solid_capstyle="butt"
            )
        if row.scores:
            axes.plot(
                row.scores, np.full(len(row.scores), place), "|", color=row.color, alpha=0.65, markersize=9, mew=1.3
            )
        axes.plot(row.value, place, "o", color=row.color, markersize=8, mec=SURFACE, mew=1)
    axes.set_yticks(range(len(rows)), [label(row.name, 30) for row in rows])
    axes.set_ylim(len(rows) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    show_scale(axes, scale, "x", scale.better)
    axes.grid(axis="x")
    return figure


@styled
def sample_sizes(
    rows: Sequence[int], values: Sequence[float], scores: Sequence[Sequence[float]], scale: Scale
) -> Figure:
    """The measure over the number of training rows, which doubles from point to point; single folds as faint dots."""
    figure, [[axes]] = new_figure(3.0)
    for place, of_rows in zip(rows, scores, strict=True):
        axes.plot(np.full(len(of_rows), place), of_rows, "o", color=NETWORK, markersize=4, alpha=0.3, mew=0)
    axes.plot(rows, values, "o-", color=NETWORK, markersize=8, mec=SURFACE, mew=1.2)
    axes.set_xscale("log")
    axes.set_xticks(rows, [f"{number:,}" for number in rows])
    axes.minorticks_off()
    axes.set_xlabel("training rows")
    show_scale(axes, scale, words=scale.better)
    axes.grid(axis="y")
    return figure


@styled
def paired_folds(
    common_sense: np.ndarray, shallow: np.ndarray, network: np.ndarray, values: Sequence[float], scale: Scale
) -> Figure:
    """One thin line per fold through the three models on the same rows; the thick line joins their `values` over all
    folds."""
    figure, [[axes]] = new_figure(3.3)
    table = np.stack([common_sense, shallow, network], axis=1)
    places = np.arange(3)
    axes.plot(places, table.T, color=COMMON_SENSE, alpha=0.35, linewidth=0.9)
    for place, color in enumerate((COMMON_SENSE, SHALLOW, NETWORK)):
        axes.plot(np.full(len(table), place), table[:, place], "o", color=color, markersize=4.5, alpha=0.6, mew=0)
    axes.plot(places, values, color=INK, linewidth=1.8)
    for place, color in enumerate((COMMON_SENSE, SHALLOW, NETWORK)):
        axes.plot(place, values[place], "D", color=color, markersize=9, mec=SURFACE, mew=1.2, zorder=5)
    axes.set_xticks(places, ["common sense", "shallow model", "network"])
    axes.tick_params(axis="x", length=0, labelcolor=INK)
    axes.set_xlim(-0.3, 2.3)
    show_scale(axes, scale, words=scale.better)
    axes.grid(axis="y")
    return figure

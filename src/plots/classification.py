"""How a classifier errs: confusion matrix, ROC and precision-recall curves, reliability, one line per label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator

from src.plots.style import (
    ACCENT,
    COMMON_SENSE,
    GRID,
    INK,
    MODELS,
    MUTED,
    NETWORK,
    ON_STRONG,
    Scale,
    label,
    legend_above,
    new_figure,
    plain_number,
    show_scale,
    styled,
    thinned,
)

MOST_CELLS_WITH_TEXT = 12
SHARE = Scale("", percent=True)


@dataclass(frozen=True)
class Curve:
    """One line of a ROC or precision-recall chart, with the words its legend says."""

    name: str
    x: np.ndarray
    y: np.ndarray


@styled
def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Rows are the actual classes, columns the predicted ones; a cell's shade is its share of the row."""
    size = len(classes)
    figure, [[axes]] = new_figure(min(1.1 + 0.75 * size, 4.6))
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    small = size > 5
    for actual in range(size):
        for predicted in range(size):
            share = shares[actual, predicted]
            color = NETWORK if actual == predicted else ACCENT
            axes.add_patch(
                Rectangle(
                    (predicted - 0.48, actual - 0.46), 0.96, 0.92, facecolor=GRID, alpha=0.35, linewidth=0, zorder=1
                )
            )
            if share > 0:
                axes.add_patch(
                    Rectangle(
                        (predicted - 0.48, actual - 0.46),
                        0.96,
                        0.92,
                        facecolor=color,
                        alpha=0.12 + 0.88 * share,
                        linewidth=0,
                        zorder=2,
                    )
                )
            if size <= MOST_CELLS_WITH_TEXT:
                count = plain_number(counts[actual, predicted])
                text = count if small or totals[actual, 0] == 0 else f"{count}\n{share:.1%}"
                axes.text(
                    predicted,
                    actual,
                    text,
                    ha="center",
                    va="center",
                    fontsize=9.5 if small else 10,
                    color=ON_STRONG if share > 0.55 else INK,
                    zorder=3,
                )
    every = max(1, -(-size // 20))
    names = [label(name, 16 if small else 20) for name in classes]
    axes.set_xticks(range(0, size, every), names[::every], rotation=90 if small and max(map(len, names)) > 3 else 0)
    axes.set_yticks(range(0, size, every), names[::every])
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("actual class")
    return figure


@styled
def roc_curves(curves: Sequence[Curve]) -> Figure:
    """True positives found against false alarms, for every threshold; the dotted diagonal is guessing."""
    figure, [[axes]] = new_figure(3.7)
    axes.plot([0, 1], [0, 1], color=COMMON_SENSE, linewidth=1.2, linestyle=(0, (1, 2)), label="guessing")
    _draw_curves(axes, curves, "false alarms: share of negatives", "recall: share of positives found")
    axes.legend(loc="lower right")
    return figure


@styled
def precision_recall_curves(curves: Sequence[Curve], prevalence: float) -> Figure:
    """Precision against recall for every threshold; the dotted line is the share of positives, what guessing gets."""
    figure, [[axes]] = new_figure(3.7)
    axes.axhline(prevalence, color=COMMON_SENSE, linewidth=1.2, linestyle=(0, (1, 2)), label="guessing")
    _draw_curves(axes, curves, "recall: share of positives found", "precision")
    axes.legend(loc="lower left")
    return figure


def _draw_curves(axes: Axes, curves: Sequence[Curve], across: str, upwards: str) -> None:
    """Curves of two shares, from 0 to 1 each."""
    for curve, (color, line) in zip(curves, ((NETWORK, "-"), (ACCENT, "--")), strict=False):
        kept = thinned(len(curve.x), 1_000)
        axes.plot(curve.x[kept], curve.y[kept], line, color=color, label=curve.name)
    show_scale(axes, SHARE, "x", across)
    show_scale(axes, SHARE, "y", upwards)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.04)
    axes.grid()


@styled
def reliability(
    stated: np.ndarray,
    observed: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    probabilities: np.ndarray,
    what: str,
    model: str,
) -> Figure:
    """What happened against what was promised: one dot per bin of probabilities, and how often each was said below.

    `stated` and `observed` are the bins' mean probability and observed share, with the interval `low` to `high`.
    """
    figure, axes_2d = new_figure(3.9, 2, 1, sharex=True, height_ratios=[4, 1])
    axes, below = axes_2d[:, 0]
    axes.plot([0, 1], [0, 1], color=COMMON_SENSE, linewidth=1.2, linestyle=(0, (1, 2)), label="perfect")
    color = MODELS[model]
    axes.vlines(stated, low, high, color=color, linewidth=1.4, alpha=0.5)
    axes.plot(stated, observed, "o-", color=color, markersize=6, linewidth=1.2, label=f"{model}, with 95% interval")
    show_scale(axes, SHARE, "y", "observed share")
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlim(-0.02, 1.02)
    axes.grid()
    legend_above(axes)
    below.hist(probabilities, bins=20, range=(0, 1), color=MUTED, rwidth=0.9)
    show_scale(below, SHARE, "x", what)
    below.yaxis.set_major_locator(FixedLocator([]))
    below.spines["left"].set_visible(False)
    below.set_ylabel("rows")
    return figure


@styled
def label_scores(
    names: Sequence[str], average_precision: np.ndarray, prevalence: np.ndarray, model: str, most: int = 30
) -> Figure:
    """Average precision of every label against what guessing gets (the label's share of rows), most frequent first."""
    order = np.argsort(-prevalence, kind="stable")[:most]
    figure, [[axes]] = new_figure(0.9 + 0.26 * len(order))
    places = np.arange(len(order))
    axes.hlines(places, prevalence[order], average_precision[order], color=MODELS[model], linewidth=1.4, alpha=0.4)
    axes.plot(prevalence[order], places, "|", color=COMMON_SENSE, markersize=11, mew=2, label="guessing")
    axes.plot(average_precision[order], places, "o", color=MODELS[model], markersize=6.5, label=model)
    axes.set_yticks(places, [label(names[index]) for index in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    show_scale(axes, Scale("average precision"), "x", "average precision (higher is better)")
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x")
    legend_above(axes)
    return figure

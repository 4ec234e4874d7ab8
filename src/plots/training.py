"""Curves of training: the capacity ladder, and a measure or loss from epoch to epoch."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.plots.style import (
    ACCENT,
    COMMON_SENSE,
    GRID,
    MUTED,
    SURFACE,
    TRAINING,
    VALIDATION,
    Scale,
    legend_above,
    new_figure,
    padded,
    plain_number,
    short_count,
    show_counts,
    show_scale,
    styled,
)

# A note at the edge of the ladder takes this share of its height.
NOTE = 0.1


@styled
def capacity_ladder(
    parameters: Sequence[int],
    final_training: Sequence[float],
    final_validation: Sequence[float],
    best_validation: Sequence[float],
    common_sense: float,
    chosen: int,
    scale: Scale,
) -> Figure:
    """Training and validation by rung: the gap between the two lines is the overfitting; the chosen rung is ringed.

    Common sense is a line where it lies near the curves, else a note at the edge.
    """
    figure, [[axes]] = new_figure(3.5)
    rungs = range(len(parameters))
    axes.fill_between(rungs, final_training, final_validation, color=VALIDATION, alpha=0.08, linewidth=0)
    axes.plot(rungs, final_training, "s--", color=TRAINING, markersize=5, label="training, last epoch")
    axes.plot(rungs, best_validation, "o-", color=VALIDATION, markersize=5, label="validation, turning epoch")
    axes.plot(
        rungs, final_validation, "o:", color=VALIDATION, markersize=5, mfc=SURFACE, label="validation, last epoch"
    )
    low, high = padded([*final_training, *final_validation, *best_validation])
    if abs(common_sense - (low + high) / 2) < 1.5 * (high - low):
        axes.axhline(common_sense, color=COMMON_SENSE, linewidth=1.2, linestyle=(0, (1, 2)), label="common sense")
    else:
        above, room = common_sense > high, NOTE * (high - low)
        axes.set_ylim(low - (0 if above else room), high + (room if above else 0))
        _note_beyond(axes, above, f"common sense: {scale.text(common_sense)}")
    axes.plot(
        [chosen] * 2,
        [best_validation[chosen], final_validation[chosen]],
        "o",
        markersize=12,
        mfc="none",
        mec=ACCENT,
        mew=1.6,
        linestyle="none",
        label="chosen rung",
    )
    axes.set_xticks(rungs, [short_count(count) for count in parameters])
    show_scale(axes, scale)
    axes.set_xlabel("trainable parameters of each rung")
    axes.grid(axis="y")
    legend_above(axes, columns=2)
    return figure


def _against_epochs(axes: Axes, scale: Scale) -> None:
    show_scale(axes, scale)
    show_counts(axes, "x")
    axes.set_xlabel("epoch")
    axes.grid(axis="y")
    legend_above(axes)


def _note_beyond(axes: Axes, above: bool, text: str) -> None:
    """Say at the edge of the axes what lies beyond it."""
    axes.annotate(
        f"{text} {'↑' if above else '↓'}",
        (1, 1 if above else 0),
        xycoords="axes fraction",
        xytext=(-3, -4 if above else 4),
        textcoords="offset points",
        ha="right",
        va="top" if above else "bottom",
        color=COMMON_SENSE,
        fontsize=10,
    )


@styled
def learning_curves(
    epochs: np.ndarray,
    training: np.ndarray,
    validation: np.ndarray,
    scale: Scale,
    turning_epoch: int,
) -> Figure:
    """Training and validation from epoch to epoch, with the turning epoch marked."""
    figure, [[axes]] = new_figure(3.0)
    axes.plot(epochs, training, "--", color=TRAINING, label="training")
    axes.plot(epochs, validation, "-", color=VALIDATION, label="validation")
    axes.axvline(turning_epoch, color=ACCENT, linewidth=1.2)
    axes.plot(turning_epoch, validation[epochs == turning_epoch], "o", color=ACCENT, markersize=6, zorder=5)
    right, above = turning_epoch > (epochs[0] + epochs[-1]) / 2, not scale.higher_is_better
    axes.annotate(
        f"epoch {plain_number(turning_epoch)}",
        (turning_epoch, 1 if above else 0),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if right else 5, -4 if above else 4),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top" if above else "bottom",
        color=ACCENT,
        fontsize=10,
    )
    _against_epochs(axes, scale)
    return figure


@styled
def fold_curves(epochs: np.ndarray, training: np.ndarray, validation: np.ndarray, scale: Scale) -> Figure:
    """Curves of every fold as thin lines with their means: arrays are (folds, epochs)."""
    figure, [[axes]] = new_figure(3.0)
    axes.plot(epochs, validation.T, color=VALIDATION, alpha=0.28, linewidth=0.9)
    axes.plot(epochs, training.mean(axis=0), "--", color=TRAINING, label="training, mean")
    axes.plot(epochs, validation.mean(axis=0), "-", color=VALIDATION, label="validation, mean")
    axes.plot([], [], color=VALIDATION, alpha=0.4, linewidth=0.9, label="one fold")
    _against_epochs(axes, scale)
    return figure


@styled
def rung_curves(
    names: Sequence[str],
    epochs: Sequence[np.ndarray],
    training: Sequence[np.ndarray],
    validation: Sequence[np.ndarray],
    turning_epochs: Sequence[int],
    chosen: int,
    scale: Scale,
) -> Figure:
    """One small panel per rung, all on the same axes: how the gap between training and validation opens."""
    rows = -(-len(names) // 2)
    figure, panels = new_figure(0.5 + 1.45 * rows, rows, 2, sharex=True, sharey=True)
    for index, axes in enumerate(panels.flat):
        if index >= len(names):
            axes.set_visible(False)
            continue
        axes.axvline(turning_epochs[index], color=ACCENT if index == chosen else GRID, linewidth=1.2)
        axes.plot(epochs[index], training[index], "--", color=TRAINING, linewidth=1.4, label="training")
        axes.plot(epochs[index], validation[index], "-", color=VALIDATION, linewidth=1.4, label="validation")
        axes.set_title(
            f"{names[index]}{' (chosen)' if index == chosen else ''}", color=ACCENT if index == chosen else MUTED
        )
        show_counts(axes, "x")
        show_scale(axes, scale, words="")
    figure.supylabel(scale.label, fontsize=10.5, color=MUTED)
    figure.supxlabel("epoch", fontsize=10.5, color=MUTED)
    handles, words = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper left", ncols=2)
    return figure

"""How a regression errs: predicted against actual values, residuals, and their spread."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from src.plots.style import (
    ACCENT,
    COMMON_SENSE,
    INK,
    NETWORK,
    legend_above,
    new_figure,
    padded,
    plain_number,
    scatter,
    show_counts,
    styled,
)


@styled
def predicted_against_actual(
    actual: np.ndarray, predicted: np.ndarray, test_actual: np.ndarray, test_predicted: np.ndarray, unit: str
) -> Figure:
    """A dot per row, out-of-fold and sealed test; on the diagonal the prediction is exact."""
    figure, [[axes]] = new_figure(4.0)
    limits = padded(np.concatenate([actual, predicted, test_actual, test_predicted]), 0.03)
    axes.plot(limits, limits, color=COMMON_SENSE, linewidth=1.2, linestyle=(0, (1, 2)), label="exact")
    scatter(axes, actual, predicted, NETWORK, "out of fold")
    scatter(axes, test_actual, test_predicted, ACCENT, "sealed test")
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_xlabel(_with_unit("actual", unit))
    axes.set_ylabel("predicted")
    _finish(axes)
    return figure


@styled
def residuals(predicted: np.ndarray, residual: np.ndarray, unit: str) -> Figure:
    """Residuals (actual minus predicted) against predictions: a good model leaves a level band without a pattern."""
    figure, [[axes]] = new_figure(3.4)
    axes.axhline(0, color=COMMON_SENSE, linewidth=1.2, linestyle=(0, (1, 2)), label="exact")
    scatter(axes, predicted, residual, NETWORK, "out of fold")
    groups = np.array_split(np.argsort(predicted, kind="stable"), int(np.clip(len(predicted) // 30, 1, 12)))
    axes.plot(
        [float(predicted[group].mean()) for group in groups],
        [float(np.median(residual[group])) for group in groups],
        "-",
        color=INK,
        linewidth=1.6,
        label="running median",
    )
    axes.set_xlim(padded(predicted))
    axes.set_ylim(padded(residual))
    axes.set_xlabel(_with_unit("predicted", unit))
    axes.set_ylabel("actual minus predicted")
    _finish(axes)
    return figure


@styled
def residual_spread(residual: np.ndarray, half: float, most: float, unit: str) -> Figure:
    """A histogram of residuals with the bands that hold half and 95% of them (plus or minus `half` and `most`)."""
    figure, [[axes]] = new_figure(2.8)
    axes.axvspan(-most, most, color=NETWORK, alpha=0.10, linewidth=0, label="95% of rows")
    axes.axvspan(-half, half, color=NETWORK, alpha=0.22, linewidth=0, label="half of the rows")
    axes.hist(residual, bins=int(np.clip(np.sqrt(len(residual)), 10, 60)), color=NETWORK, edgecolor="none", rwidth=0.9)
    axes.axvline(0, color=INK, linewidth=1)
    show_counts(axes, "y")
    axes.xaxis.set_major_formatter(plain_number)
    axes.set_xlabel(_with_unit("actual minus predicted", unit))
    axes.set_ylabel("rows")
    legend_above(axes)
    return figure


def _with_unit(words: str, unit: str) -> str:
    return f"{words} [{unit}]" if unit and len(unit) <= 34 else words


def _finish(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(plain_number)
    axes.yaxis.set_major_formatter(plain_number)
    axes.grid()
    legend_above(axes, opaque=True)

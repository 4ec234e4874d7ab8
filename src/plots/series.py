"""Forecasts beside what came."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from src.plots.style import INK, NETWORK, label, legend_above, new_figure, plain_number, styled

# Moments that one figure shows: enough for a week of hours, few enough to tell them apart.
MOST_MOMENTS = 168


@styled
def forecasts(moments: Sequence[str], actual: np.ndarray, predicted: np.ndarray, unit: str) -> Figure:
    """Two lines over the moments that were forecast, one after the other."""
    figure, [[axes]] = new_figure(2.8)
    places = np.arange(len(moments))
    axes.plot(places, actual, "-", color=INK, linewidth=1.4, label="came")
    axes.plot(places, predicted, "--", color=NETWORK, linewidth=1.6, label="forecast")
    ticks = np.unique(np.linspace(0, len(moments) - 1, 4).astype(int))
    axes.set_xticks(ticks, [label(moments[tick]) for tick in ticks])
    axes.yaxis.set_major_formatter(plain_number)
    if unit and len(unit) <= 34:
        axes.set_ylabel(unit)
    axes.grid(axis="y")
    legend_above(axes)
    return figure

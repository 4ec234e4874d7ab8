"""How rows are rebuilt from their codes: the errors, and a map of the codes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from src.plots.style import ACCENT, INK, NETWORK, label, legend_above, new_figure, plain_number, scatter, styled

# Of a column with more values than this, the map shows the commonest in colours and the others in one.
COLOURS = (NETWORK, ACCENT, "#009e73", "#aa4499", "#ddcc77", "#88ccee", "#332288", "#882255")
OTHERS = "#b6bec6"


@styled
def errors(out_of_fold: np.ndarray, test: np.ndarray, measured: str = "reconstruction error") -> Figure:
    """The share of the rows whose error, or what else is measured, is at most so large, out of fold and sealed."""
    figure, [[axes]] = new_figure(2.8)
    for values, color, name in ((out_of_fold, NETWORK, "out of fold"), (test, ACCENT, "sealed test")):
        axes.plot(np.sort(values), np.arange(1, len(values) + 1) / len(values), color=color, label=name)
    if (out_of_fold > 0).all() and (test > 0).all():
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(plain_number)
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel(f"{measured} of a row")
    axes.set_ylabel(f"rows with at most that {'error' if measured.endswith('error') else 'many'}")
    axes.grid()
    legend_above(axes)
    return figure


@styled
def code_sizes(sizes: Sequence[int], errors: Sequence[float], network: tuple[int, float]) -> Figure:
    """The error of principal components by their number; network: its numbers and its error, as a dot."""
    figure, [[axes]] = new_figure(2.8)
    axes.plot(sizes, errors, color=ACCENT, marker="o", markersize=3, label="principal components")
    numbers, error = network
    axes.plot([numbers], [error], color=NETWORK, marker="o", linestyle="", label="network")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(plain_number)
    axes.yaxis.set_major_formatter(plain_number)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("numbers of the code")
    axes.set_ylabel("reconstruction error")
    axes.grid()
    legend_above(axes)
    return figure


@styled
def code_map(places: np.ndarray, groups: list[tuple[str, np.ndarray]]) -> Figure:
    """A dot for each code at its place in the plane; `groups`: the rows of each colour, by their name."""
    figure, [[axes]] = new_figure(4.0)
    for place, (name, rows) in enumerate(groups):
        color = COLOURS[place] if place < len(COLOURS) else OTHERS
        scatter(axes, places[rows, 0], places[rows, 1], color, label(name) if len(groups) > 1 else "")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    if len(groups) > 1:
        legend_above(axes, opaque=True)
    axes.title.set_color(INK)
    return figure

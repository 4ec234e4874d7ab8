"""The search over candidates: parallel coordinates, and the one-standard-error rule as a picture."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from src.plots.style import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    NETWORK,
    SEQUENCE,
    SURFACE,
    Scale,
    label,
    new_figure,
    plain_number,
    show_scale,
    styled,
)

MOST_ORDINAL = 7
MOST_CANDIDATES = 24
FEW_CANDIDATES = 30


@styled
def parallel_coordinates(
    settings: pd.DataFrame, scores: np.ndarray, dropped: np.ndarray, best: int, chosen: int, scale: Scale
) -> Figure:
    """Every candidate as one line through its settings, one horizontal axis each, down to its score.

    Rows of `settings` are candidates, columns are settings in the order of the axes; a column of text is laid out in
    the order in which its values first appear. `best` and `chosen` are row positions. Lines are coloured by score,
    darker is better, and the score's axis has its better end on the right; lines of candidates `dropped` on the way are
    dotted.
    """
    axes_names = [*settings.columns, scale.label]
    better = scores if scale.higher_is_better else -scores
    rank = better.argsort(kind="stable").argsort(kind="stable")
    count = len(scores)
    nudge = (rank - (count - 1) / 2) / max(count, 1) * 0.035
    columns = []
    figure, [[axes]] = new_figure(0.75 + 0.52 * len(axes_names))
    for level, name in enumerate(settings.columns):
        places, ticks = _laid_out(settings[name])
        columns.append(places + nudge)
        _axis_line(axes, level, ticks)
    low, high = float(scores.min()), float(scores.max())
    score_places = (better - better.min()) / ((better.max() - better.min()) or 1.0)
    columns.append(score_places)
    ends = (low, high) if scale.higher_is_better else (high, low)
    text = [scale.text(end) for end in ends]
    _axis_line(axes, len(axes_names) - 1, [(0.0, text[0]), (1.0, text[1])] if count > 1 else [(0.0, text[0])])
    table = np.stack(columns, axis=1)
    levels = np.arange(len(axes_names))
    thin = 1.3 if count <= FEW_CANDIDATES else 0.7
    shades = np.minimum(rank * len(SEQUENCE) // max(count, 1), len(SEQUENCE) - 1)
    for index in better.argsort(kind="stable"):
        if index not in (best, chosen):
            style = ":" if dropped[index] else "-"
            axes.plot(table[index], levels, color=SEQUENCE[shades[index]], linewidth=thin, linestyle=style, zorder=2)
    if best != chosen:
        axes.plot(table[best], levels, color=INK, linewidth=2.2, linestyle=(0, (4, 1.5)), zorder=4)
    axes.plot(table[chosen], levels, color=ACCENT, linewidth=2.8, zorder=5)
    axes.set_yticks(levels, [label(name, 22) for name in axes_names])
    axes.set_ylim(len(axes_names) - 0.45, -0.6)
    axes.set_xlim(-0.07, 1.07)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    handles = [Line2D([], [], color=ACCENT, linewidth=2.8, label="chosen" + (" = best" if best == chosen else ""))]
    if best != chosen:
        handles.append(Line2D([], [], color=INK, linewidth=2.2, linestyle=(0, (4, 1.5)), label="best"))
    handles += [
        Line2D([], [], color=SEQUENCE[0], linewidth=1.6, label="worse"),
        Line2D([], [], color=SEQUENCE[-1], linewidth=1.6, label="better"),
    ]
    if dropped.any():
        handles.append(Line2D([], [], color=MUTED, linewidth=1.6, linestyle=":", label="dropped"))
    figure.legend(handles=handles, loc="outside upper left", ncols=5)
    return figure


def _axis_line(axes: Axes, level: int, ticks: list[tuple[float, str]]) -> None:
    axes.plot([0, 1], [level, level], color=GRID, linewidth=4, solid_capstyle="round", zorder=1)
    for place, text in ticks:
        axes.text(
            place,
            level + 0.2,
            text,
            ha="center",
            va="top",
            fontsize=9.5,
            color=INK,
            zorder=6,
            bbox={"facecolor": SURFACE, "alpha": 0.82, "linewidth": 0, "pad": 0.8},
        )


def _laid_out(values: pd.Series) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Places between 0 and 1 for one setting's values, and its ticks: equal steps for few values, else to scale."""
    text = values.dtype == object or isinstance(values.dtype, pd.StringDtype)
    distinct = list(dict.fromkeys(values)) if text else sorted(set(values))
    if text or len(distinct) <= MOST_ORDINAL:
        steps = {value: index / max(len(distinct) - 1, 1) for index, value in enumerate(distinct)}
        every = -(-len(distinct) // MOST_ORDINAL)
        ticks = [(place, label(value, 10) if text else plain_number(value)) for value, place in steps.items()]
        return np.array([steps[value] for value in values]), ticks[::every]
    numbers = values.to_numpy(dtype=float)
    low, high = numbers.min(), numbers.max()
    ticks = [(0.0, plain_number(low)), (0.5, plain_number(float(f"{(low + high) / 2:.3g}"))), (1.0, plain_number(high))]
    return (numbers - low) / (high - low), ticks


@styled
def one_standard_error(
    names: Sequence[str], behind: np.ndarray, errors: np.ndarray, best: int, chosen: int, scale: Scale
) -> Figure:
    """How far every candidate is behind the best on the same folds, with the standard error of that difference.

    `behind` is positive where a candidate is worse, whatever the measure's direction. A candidate whose bar reaches the
    line is within one standard error of the best. At most 24 are drawn, the nearest ones; the chosen one is always
    among them.
    """
    shown = [*np.argsort(behind, kind="stable")[:MOST_CANDIDATES]]
    if chosen not in shown:
        shown[-1] = chosen
    figure, [[axes]] = new_figure(0.9 + 0.2 * len(shown))
    axes.axvline(0, color=INK, linewidth=1.2, linestyle="--")
    for place, index in enumerate(shown):
        within = behind[index] <= errors[index] * (1 + 1e-6) or index == best
        color = ACCENT if index == chosen else NETWORK if within else MUTED
        axes.errorbar(behind[index], place, xerr=errors[index], fmt="none", ecolor=color, elinewidth=1.4, alpha=0.75)
        axes.plot(
            behind[index],
            place,
            "D" if index == chosen else "o",
            color=color,
            markerfacecolor=color if within else SURFACE,
            markersize=6,
        )
    axes.set_yticks(range(len(shown)), [_candidate_label(names[index], index, best, chosen) for index in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    show_scale(axes, scale, "x", f"{scale.label}: how far behind the best")
    axes.grid(axis="x")
    return figure


def _candidate_label(name: str, index: int, best: int, chosen: int) -> str:
    marks = [word for word, marked in (("best", best), ("chosen", chosen)) if index == marked]
    return f"{', '.join(marks)} {name}".strip()

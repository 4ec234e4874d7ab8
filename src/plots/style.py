"""The one look of all figures: colours, type, sizes, and the small helpers that keep axes readable.

Colours follow what they stand for (the network is blue wherever it appears) and come from palettes that colour-blind
people can tell apart (Okabe and Ito 2008; Tol 2021). Line styles and labels repeat what a colour says. A figure is
five inches wide, so that its text stays readable on a phone.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

INK = "#1f2328"
MUTED = "#59636e"
GRID = "#d8dee4"
SURFACE = "#fefefe"
ON_STRONG = "#fffffd"
NETWORK = "#0072b2"
SHALLOW = "#aa4499"
MODELS = {"network": NETWORK, "shallow model": SHALLOW}
COMMON_SENSE = "#6e7781"
TRAINING = "#009e73"
VALIDATION = NETWORK
ACCENT = "#d55e00"
SEQUENCE = ("#c3d5e4", "#93bad6", "#5f9cc6", "#2f82b8", "#00609c")

WIDTH = 5.0
FEW_POINTS = 150
MANY_POINTS = 2_000
MOST_POINTS = 20_000

_LOOK: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.parse_math": False,
    "text.color": INK,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 10.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10.0,
    "ytick.labelsize": 10.0,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "legend.handlelength": 1.6,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.2,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}

P = ParamSpec("P")


@dataclass(frozen=True)
class Scale:
    """What an axis shows: its label, whether its numbers are shares to print as %, and which end is better."""

    label: str
    percent: bool = False
    higher_is_better: bool = True
    printed: Callable[[float], str] | None = None

    def text(self, value: float) -> str:
        """A value as `printed` says, or else to three digits or a tenth of a percent."""
        if self.printed is not None:
            return self.printed(value)
        return f"{value:.1%}" if self.percent else plain_number(float(f"{value:.3g}"))

    @property
    def better(self) -> str:
        return f"{self.label} (higher is better)" if self.higher_is_better else f"{self.label} (lower is better)"


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a drawing function under the shared look, whatever the caller's matplotlib settings are."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_LOOK):
            return draw(*args, **kwargs)

    return drawn


def new_figure(height: float = 3.2, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, np.ndarray]:
    """A figure of the shared width with its axes as a (rows, columns) array."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def label(text: object, longest: int = 24) -> str:
    """A name from the user's data, cut to fit a figure."""
    flat = re.sub(r"\s+", " ", str(text)).strip()
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def plain_number(value: float, _position: float | None = None) -> str:
    """A tick's number: thousands separated, no trailing zeros, tiny values as 1e-5."""
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return np.format_float_scientific(value, precision=2, trim="-", exp_digits=1)
    return f"{value:,.6g}".replace("-", "−")


def short_count(count: int) -> str:
    """A large count as a tick's label: 9,999; 29k; 1.6M."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1e3:.0f}k" if count < 1e6 else f"{count / 1e6:.1f}M"


def show_scale(axes: Axes, scale: Scale, axis: str = "y", words: str | None = None) -> None:
    """Label one axis of `axes` and print its ticks as the scale asks."""
    axis_shown = axes.yaxis if axis == "y" else axes.xaxis
    axis_shown.set_label_text(scale.label if words is None else words)
    axis_shown.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    if scale.percent:
        axis_shown.set_major_formatter(FuncFormatter(lambda share, _: plain_number(round(share * 100, 6)) + "%"))
    else:
        axis_shown.set_major_formatter(FuncFormatter(plain_number))


def show_counts(axes: Axes, axis: str) -> None:
    axis_shown = axes.yaxis if axis == "y" else axes.xaxis
    axis_shown.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axis_shown.set_major_formatter(FuncFormatter(plain_number))


def legend_above(axes: Axes, columns: int = 3, opaque: bool = False) -> None:
    """A legend above the axes, left; `opaque` prints its marks in full colour where the points are faint."""
    legend = axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=columns)
    for handle in legend.legend_handles if opaque else ():
        if handle is not None:
            handle.set_alpha(1)


def thinned(rows: int, most: int = MOST_POINTS) -> np.ndarray:
    """Positions of at most `most` of `rows` rows, evenly spread and the same every time."""
    return np.arange(rows) if rows <= most else np.linspace(0, rows - 1, most).astype(np.int64)


def scatter(axes: Axes, x: np.ndarray, y: np.ndarray, color: str, name: str | None = None) -> None:
    """A cloud of points: vectors while they are few, one embedded picture when they are many."""
    shown = thinned(len(x))
    many = len(shown) > MANY_POINTS
    axes.scatter(
        x[shown],
        y[shown],
        s=5 if many else 12 if len(shown) > FEW_POINTS else 24,
        color=color,
        alpha=0.2 if many else 0.45,
        linewidths=0,
        rasterized=many,
        label=name,
    )


def padded(values: Sequence[float] | np.ndarray, share: float = 0.06) -> tuple[float, float]:
    """Axis limits around finite `values` with some room at both ends."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room

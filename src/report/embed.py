"""A matplotlib figure as SVG inside an HTML page: the same bytes every time, and in the page's own colours and type.

Identifiers are made unique per figure, because all figures share one document. The colours of `src.plots.style` become
CSS variables, so that one figure serves light, dark and print.
"""

import io
import re
import warnings
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from src.plots import style

_COLORS = {
    style.INK: "var(--ink)",
    style.MUTED: "var(--muted)",
    style.GRID: "var(--grid)",
    style.SURFACE: "var(--surface)",
    style.ON_STRONG: "var(--on-strong)",
    style.NETWORK: "var(--network)",
    style.SHALLOW: "var(--shallow)",
    style.COMMON_SENSE: "var(--common-sense)",
    style.TRAINING: "var(--training)",
    style.ACCENT: "var(--accent)",
} | {color: f"var(--sequence-{index})" for index, color in enumerate(style.SEQUENCE)}
_COLOR = re.compile("|".join(map(re.escape, _COLORS)))

_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def inline_svg(figure: Figure, name: str, alternative: str) -> Markup:
    """`figure` as an `<svg>` element; `name` is unique on the page, `alternative` is read out instead of it."""
    buffer = io.StringIO()
    look: Any = {"svg.hashsalt": name, "svg.fonttype": "none", "text.parse_math": False}
    with warnings.catch_warnings(), matplotlib.rc_context(look):
        # A glyph that the measuring font lacks is drawn by the reader's own font: no reason to warn.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", dpi=144, metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = text.replace("<svg", f'<svg role="img" aria-label="{escape(alternative)}"', 1)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = text.replace("url(#", f"url(#{name}-")
    text = re.sub(r"font: ([^']*?)(\d+(?:\.\d+)?px) [^;\"]*", r"font: \1\2 var(--sans)", text)
    return Markup(_COLOR.sub(lambda match: _COLORS[match.group()], text.strip()))  # noqa: S704 - escaped by matplotlib

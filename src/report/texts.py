"""Texts that a model reads on: how surprising their characters are."""

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from src.plots import codes as code_plots
from src.report.blocks import Picture, Pictures, Table, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.words import number, share
from src.results.evaluate import WrittenText
from src.results.wording import MODELS

Block = Text | Pictures | Table
QUANTILES = (0.5, 0.9, 0.99)
# Texts that the report shows, of the least and of the most surprising ones.
SHOWN = 5


def likelihood(evidence: Evidence) -> list[Block]:
    rows, test = evidence.out_of_fold, evidence.sealed_test
    bits_N, test_N = bits_per_character(rows), bits_per_character(test)
    caption = (
        "The bits per character of all rows, from the least surprising. Where the two lines lie together, new rows are "
        "as predictable as those of the training table."
    )
    figure = code_plots.errors(bits_N, test_N, "bits per character")
    limits = [float(np.quantile(bits_N, quantile, method="inverted_cdf")) for quantile in QUANTILES]
    table = Table(
        "Do the out-of-fold bits tell how surprising new rows are?",
        ["Bits per character of at most", "has this share out of fold", "and this share of the sealed test"],
        [
            [number(limit), share(float(np.mean(bits_N <= limit))), share(float(np.mean(test_N <= limit)))]
            for limit in limits
        ],
        frozenset({0, 1, 2}),
    )
    picture = Pictures([Picture(inline_svg(figure, "bits", caption), caption)])
    return [picture, table, *_extremes(rows, bits_N), *_written(evidence)]


def _written(evidence: Evidence) -> list[Block]:
    """What compressors need for the sealed texts, and texts that the saved model wrote."""
    writings = evidence.evaluate.writings
    if writings is None:
        return []
    scores = {MODELS[name]: score.value for name, score in evidence.evaluate.tests.items()}
    measured = {**scores, **writings.compressed} if evidence.evaluate.measure == "bits_per_character" else {}
    compared = Table(
        "Bits per character of the sealed texts; xz reads the training texts before them, bz2 their last 900 kB",
        ["By", "Bits per character"],
        [[name, number(value)] for name, value in measured.items()],
        frozenset({1}),
    )
    texts = Table(
        "Texts that the saved model wrote, none of them chosen; what is marked is in the training texts as well",
        ["Temperature", "Text"],
        [[number(written.temperature), _marked(written)] for written in writings.texts],
        frozenset({0}),
        prose=True,
    )
    return [*([compared] if measured else []), texts]


def _marked(written: WrittenText) -> Markup:
    """The text with its lines, copied stretches marked."""
    parts, end = [], 0
    for start, after in written.copied:
        parts.append(escape(written.text[end:start]) + Markup("<mark>") + written.text[start:after] + Markup("</mark>"))
        end = after
    return Markup("<br>").join((Markup().join(parts) + written.text[end:]).split("\n"))


def bits_per_character(rows: pd.DataFrame) -> np.ndarray:
    return rows["bits"].to_numpy(float) / np.maximum(rows["characters"].to_numpy(float), 1)


def _extremes(rows: pd.DataFrame, bits_N: np.ndarray) -> list[Block]:
    if "shown" not in rows:
        return []
    order = np.argsort(bits_N, kind="stable")
    few = min(SHOWN, len(order) // 2)
    chosen = np.concatenate([order[:few], order[len(order) - few :]])
    cells = [[number(bits_N[row]), str(text)] for row, text in zip(chosen, rows["shown"].iloc[chosen], strict=True)]
    caption, header = "The least and the most surprising texts, out of fold", ["Bits per character", "Text"]
    return [Table(caption, header, cells, frozenset({0}), prose=True)]

"""Rows with a probability each: how surprising new rows are."""

import numpy as np

from src.plots import codes as code_plots
from src.report.blocks import Picture, Pictures, Table, Text
from src.report.codes import apart
from src.report.concepts import concepts
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.words import number, share
from src.results.wording import MODELS

Block = Text | Pictures | Table
QUANTILES = (0.5, 0.9, 0.99)
BOTH = frozenset({0, 1})
UNLIKE = "Rows with a small probability are unlike the others."


def surprise(evidence: Evidence) -> list[Block]:
    rows_N, test_N = (
        (rows["bits"] / rows["dimensions"]).to_numpy(float) for rows in (evidence.out_of_fold, evidence.sealed_test)
    )
    caption = (
        "The bits per dimension of all rows, from the least surprising. Where the two lines lie together, new rows are "
        "as likely as those of the training table."
    )
    figure = code_plots.errors(rows_N, test_N, "bits per dimension")
    limits = [float(np.quantile(rows_N, quantile, method="inverted_cdf")) for quantile in QUANTILES]
    table = Table(
        "Do the out-of-fold bits tell how surprising new rows are?",
        ["Bits per dimension of at most", "has this share out of fold", "and this share of the sealed test"],
        [[number(limit), share(np.mean(rows_N <= limit)), share(np.mean(test_N <= limit))] for limit in limits],
        frozenset({0, 1, 2}),
    )
    picture = Pictures([Picture(inline_svg(figure, "bits", caption), caption)])
    return [picture, table, *apart(evidence, "bits", UNLIKE, "bits"), *drawn(evidence)]


def drawn(evidence: Evidence) -> list[Block]:
    """Rows that the saved model drew, the training rows nearest to them, and what the code says."""
    made, model = evidence.evaluate.drawn, MODELS[evidence.evaluate.saved]
    if made is None:
        return []
    if not made.grids:
        pairs = zip(made.samples, made.nearest, strict=True)
        rows = [cells for one, other in pairs for cells in (["drawn", *one], ["nearest", *other])]
        caption = f"Rows drawn by the {model}, none of them chosen, and the training row nearest to each"
        table = Table(caption, ["", *made.header], rows, frozenset(range(1, len(made.header) + 1)))
        return [table, *concepts(evidence)]
    samples, nearest, *of_codes = made.grids
    caption = f"Pictures drawn by the {model}, none of them chosen"
    tables = [Table(caption, [samples.caption, nearest.caption], [[samples.picture, nearest.picture]], pictured=BOTH)]
    if of_codes:
        rows = [[grid.caption, grid.picture] for grid in of_codes]
        tables.append(Table("What the network’s code says", ["", "Drawn from codes"], rows, pictured=frozenset({1})))
    return [*tables, *concepts(evidence)]

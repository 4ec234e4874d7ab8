"""Rows that are rebuilt from their codes: how far off they are, and a map of the codes."""

import numpy as np
import pandas as pd

from src.core.text import count, counted
from src.inputs.pictures import PICTURE
from src.judging.areas import Area
from src.judging.printer import fixed, printer_of
from src.plots import codes as code_plots
from src.problem.terms import REFERENCE
from src.report.blocks import Picture, Pictures, Table, Text
from src.report.concepts import concepts
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.words import number, share
from src.results.wording import MODELS

Block = Text | Pictures | Table
# Codes on the map, evenly spaced among the rows, and neighbours that count in a code's place.
MOST_CODES, NEIGHBOURS = 2_000, 30
MOST_GROUPS = len(code_plots.COLOURS)
QUANTILES = (0.5, 0.9, 0.99)
ERROR = "reconstruction_error"
UNLIKE = "Rows that are rebuilt badly are unlike the others."
# What counts as small in a sparse code.
SMALL = 0.1
# Rows of the rarer value that an area takes.
FEWEST = 10


def reconstruction(evidence: Evidence) -> list[Block]:
    rows, test = evidence.out_of_fold, evidence.sealed_test
    errors_N, test_N = rows[ERROR].to_numpy(float), test[ERROR].to_numpy(float)
    caption = (
        "The reconstruction errors of all rows, from the smallest. Where the two lines lie together, new rows are "
        "rebuilt as well as those of the training table."
    )
    figure = code_plots.errors(errors_N, test_N)
    limits = [float(np.quantile(errors_N, quantile, method="inverted_cdf")) for quantile in QUANTILES]
    table = Table(
        "Do the out-of-fold errors tell how large those of new rows are?",
        ["Error of at most", "has this share out of fold", "and this share of the sealed test"],
        [[number(limit), share(np.mean(errors_N <= limit)), share(np.mean(test_N <= limit))] for limit in limits],
        frozenset({0, 1, 2}),
    )
    picture = Pictures([Picture(inline_svg(figure, "errors", caption), caption)])
    views = [
        *_sizes(evidence),
        *_tied(evidence),
        *_sparse(evidence),
        *_map(test),
        *_plane(evidence),
        *_units(evidence),
        *concepts(evidence),
    ]
    return [picture, table, *_rebuilt(evidence), *apart(evidence), *views]


def _sizes(evidence: Evidence) -> list[Block]:
    """What principal components of other numbers reach, beside the network's error."""
    views = evidence.evaluate.code
    if views is None or not views.sizes:
        return []
    first = evidence.evaluate.cross_validation.scores[0]
    as_good = next((size.numbers for size in views.sizes if size.error <= first), None)
    caption = (
        "The error on the held-out rows of the first fold, by the numbers of a code. A longer code rebuilds better, so "
        "errors are comparable at one length only."
    )
    if as_good:
        components = counted(as_good, "principal component")
        caption += f" On these rows the error of {components} is no larger than that of the network."
    figure = code_plots.code_sizes(
        [size.numbers for size in views.sizes], [size.error for size in views.sizes], (views.numbers, first)
    )
    return [Pictures([Picture(inline_svg(figure, "sizes", caption), caption)])]


def _tied(evidence: Evidence) -> list[Block]:
    """The chosen network with tied weights beside one without."""
    both, printer = evidence.evaluate.tied_weights, printer_of(evidence.evaluate)
    if both is None:
        return []
    caption = (
        "The chosen network with a decoder whose weights are the encoder’s, and with weights of its own, on the "
        "evaluation folds"
    )
    rows = [
        [name, count(weights.parameters), printer.with_interval(weights.score)]
        for name, weights in {"tied": both.tied, "untied": both.untied}.items()
    ]
    table = Table(caption, ["Weights", "Parameters", printer.heading], rows, frozenset({1, 2}))
    return [table, Text(f"{printer.evidence(both.comparison)}.")]


def _sparse(evidence: Evidence) -> list[Block]:
    """How many numbers of sparse codes are small; nothing of other codes."""
    test, views = evidence.sealed_test, evidence.evaluate.code
    names = _names(test, "code__")
    if views is None or views.numbers >= len(names):
        return []
    code_NC = test[names].to_numpy(float)
    zero = float(np.mean(code_NC == 0))
    active = float((code_NC != 0).sum(1).mean())
    small = float(np.mean(np.abs(code_NC) < SMALL))
    return [
        Text(
            f"Of the numbers of the codes {share(zero)} are 0 and {share(small)} under {SMALL:g}; on average "
            f"{active:.1f} of {code_NC.shape[1]} are active in a row, and the shallow model has as many components as "
            "may be active."
        )
    ]


def _units(evidence: Evidence) -> list[Block]:
    """The sealed rows that excite each number of the code most."""
    views = evidence.evaluate.code
    if views is None or not views.units:
        return []
    pictured = all(text.startswith(PICTURE) for unit in views.units for text in unit.shown)
    header = ["Number of the code", *(f"Row {place}" for place in range(1, len(views.units[0].shown) + 1))]
    return [
        Table(
            "Which rows of the sealed test excite a number of the code most",
            header,
            [[count(unit.number), *unit.shown] for unit in views.units],
            frozenset({0}),
            prose=not pictured,
            pictured=frozenset(range(1, len(header))) if pictured else frozenset(),
        )
    ]


def _plane(evidence: Evidence) -> list[Block]:
    views = evidence.evaluate.code
    if views is None or not views.plane:
        return []
    columns = len(views.plane[0])
    return [
        Table(
            "What is rebuilt of places in the plane of the codes, from low to high to the right and upwards",
            [""] * columns,
            views.plane,
            pictured=frozenset(range(columns)),
        )
    ]


def _names(test: pd.DataFrame, *prefixes: str) -> list[str]:
    return [str(name) for name in test if str(name).startswith(prefixes)]


def _rebuilt(evidence: Evidence) -> list[Block]:
    """Sealed rows that are rebuilt best, middling and worst, by both models; nothing where no row can be shown."""
    test = evidence.predictions[evidence.predictions["split"] == "test"]
    if "rebuilt" not in test:
        return []
    [other] = MODELS.keys() - {evidence.evaluate.saved}
    rows = {name: test[(test["model"] == name) & test["rebuilt"].notna()].set_index("row") for name in MODELS}
    saved = rows[evidence.evaluate.saved].sort_values(ERROR, kind="stable")
    pictured = bool(saved["rebuilt"].str.startswith(PICTURE).all())
    header, columns = ["Row"], [[count(row) for row in saved.index]]
    if pictured:
        header, columns = [*header, "Picture"], [*columns, saved["shown"].tolist()]
    for name in (evidence.evaluate.saved, other):
        of_model = rows[name].loc[saved.index]
        header += [f"Error of the {MODELS[name]}", "Rebuilt" if pictured else "What it rebuilds worst"]
        columns += [[number(error) for error in of_model[ERROR]], of_model["rebuilt"].tolist()]
    return [
        Table(
            "Rows of the sealed test, from the best rebuilt to the worst",
            header,
            [list(cells) for cells in zip(*columns, strict=True)],
            frozenset({0, *(place for place, title in enumerate(header) if title.startswith("Error"))}),
            prose=not pictured,
            pictured=frozenset(place for place, title in enumerate(header) if title in ("Picture", "Rebuilt")),
        )
    ]


def apart(evidence: Evidence, number: str = ERROR, intro: str = UNLIKE, named: str = "errors") -> list[Block]:
    """How well a number of each row tells the rarer of two reference values, for both models; nothing without such a
    column."""
    rows = {name: _out_of_fold(evidence, name) for name in MODELS}
    cells = []
    for column in (str(name) for name in rows["network"] if str(name).startswith(REFERENCE)):
        counts = rows["network"][column].value_counts()
        if len(counts) != 2 or counts.min() < FEWEST:
            continue
        rarer = counts.index[-1]
        areas = {name: Area.of(*_told(of_model, column, rarer, number)) for name, of_model in rows.items()}
        network, shallow = areas["network"], areas["shallow"]
        gain, low, high = network.minus(shallow)
        cells.append(
            [
                f"{column.removeprefix(REFERENCE)}: {rarer}",
                f"{count(int(counts.min()))} of {count(len(rows['network']))}",
                *(f"{area.value:.3f} ({area.low:.3f} to {area.high:.3f})" for area in (network, shallow)),
                f"{fixed(gain, 3)} ({fixed(low, 3)} to {fixed(high, 3)})",
            ]
        )
    if not cells:
        return []
    answer = (
        f"{intro} Is one value of the reference found so? The area under the ROC curve of the {named} answers: 0.5 is "
        "guessing, 1 finds every such row first. No model knew the column."
    )
    header = [f"Found by its {named}", "Rows", "Network", "Shallow model", "Network minus shallow model"]
    return [Text(answer), Table("Areas out of fold, with 95% intervals", header, cells, frozenset({1, 2, 3, 4}))]


def _told(rows: pd.DataFrame, column: str, value: object, number: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rows["fold"].to_numpy(), rows[number].to_numpy(float), (rows[column] == value).to_numpy()


def _out_of_fold(evidence: Evidence, model: str) -> pd.DataFrame:
    rows = evidence.predictions.query("model == @model and split == 'out_of_fold' and repeat == 0")
    return rows.sort_values("row")


def _map(test: pd.DataFrame) -> list[Block]:
    """The final model's codes of the rows of the sealed test; nothing where they are too few or all the same."""
    names = _names(test, "code__", "bit__")
    if len(test) < NEIGHBOURS or len(names) < 2:
        return []
    shown = test.iloc[:: -(-len(test) // MOST_CODES)]
    code_NC = shown[names].to_numpy(float)
    if not np.ptp(code_NC, axis=0).any():
        return []
    references = [str(name) for name in test if str(name).startswith(REFERENCE)]
    by = references[0] if references else None
    groups = _groups(shown[by]) if by else [("", np.arange(len(shown)))]
    caption = (
        f"The codes of {counted(len(shown), 'row')} of the sealed test"
        + ("" if len(names) == 2 else f", {count(len(names))} numbers each, laid out in the plane by t-SNE")
        + (f", coloured by {by.removeprefix(REFERENCE)}, which no step learnt from" if by else "")
        + ". Rows that lie together have similar codes"
        + ("." if len(names) == 2 else "; distances between far groups mean nothing.")
    )
    figure = code_plots.code_map(_places(code_NC), groups)
    return [Pictures([Picture(inline_svg(figure, "codes", caption), caption)])]


def _places(code_NC: np.ndarray) -> np.ndarray:
    """Each code's place in the plane, (N, 2): itself, or by t-SNE from the principal components; the same bytes twice.

    Source: van der Maaten and Hinton 2008, "Visualizing data using t-SNE".
    """
    if code_NC.shape[1] == 2:
        return code_NC
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(NEIGHBOURS, (len(code_NC) - 1) / 3)
    with threadpool_limits(1):
        places_N2: np.ndarray = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(code_NC)
    return places_N2.astype(float).round(2)


def _groups(values: pd.Series) -> list[tuple[str, np.ndarray]]:
    """The rows with each of the commonest values, then all others."""
    texts = values.astype("str").fillna("missing")
    commonest = list(texts.value_counts().index[:MOST_GROUPS])
    groups = [(name, np.flatnonzero(texts == name)) for name in commonest]
    others = np.flatnonzero(~texts.isin(commonest))
    return [*groups, ("others", others)] if len(others) else groups

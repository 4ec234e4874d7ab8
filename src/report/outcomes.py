"""How the predictions err, in the figures that suit the problem's type."""

import math
from collections.abc import Callable

import numpy as np

from src.core.text import count, counted
from src.inputs.pictures import PICTURE
from src.judging.printer import printer, printer_of
from src.plots import classification as classification_plots
from src.plots import regression as regression_plots
from src.plots import series as series_plots
from src.report import diagnostics
from src.report.blocks import Picture, Pictures, Table, Text
from src.report.clusters import clusters
from src.report.codes import reconstruction
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.likelihoods import surprise
from src.report.references import by_reference
from src.report.samples import samples
from src.report.texts import likelihood
from src.report.words import number, share
from src.results.wording import MODELS

Block = Text | Pictures | Table
MOST_MISTAKES, MOST_WORDS = 10, 5
WORD_SHOWN = r"(?:^|\s)\[(.*?)\](?:\s|$)"  # as src.kinds.tokens.shown shows a word among its neighbours
COVERAGE_SHARES = (0.5, 0.8, 0.9, 0.95)


def outcomes(evidence: Evidence) -> list[Block]:
    """Text, figures and tables on the out-of-fold predictions, and on the sealed test set beside them."""
    of_inputs = _OF_INPUTS.get(evidence.prepared.features[0].type, _nothing)
    return [
        _intro(evidence),
        *of_inputs(evidence),
        *FIGURES[evidence.prepared.problem_type.figures](evidence),
        *_mistakes(evidence),
        *by_reference(evidence),
    ]


def _intro(evidence: Evidence) -> Text:
    rows, verb = len(evidence.out_of_fold), "predicted" if evidence.prepared.targets else "scored"
    if evidence.prepared.problem_type.generates:
        verb = "compared with rows drawn"
    return Text(
        f"These figures use the out-of-fold predictions: each of {counted(rows, 'training row')} {verb} "
        f"by a {MODELS[evidence.evaluate.saved]} that had not seen it"
        + (" (first repeat)." if evidence.evaluate.cross_validation.repeats > 1 else ".")
    )


def _nothing(evidence: Evidence) -> list[Block]:
    return []


def _forecasts(evidence: Evidence) -> list[Block]:
    """The forecasts of values beside what came: the last ones out of fold, the first ones of the sealed test."""
    if evidence.prepared.problem_type.target != "number":
        return []
    pictures = []
    most = series_plots.MOST_MOMENTS
    parts = (("out-of-fold", evidence.out_of_fold.tail(most)), ("sealed-test", evidence.sealed_test.head(most)))
    for index, target in enumerate(evidence.prepared.targets):
        for name, rows in parts:
            actual, predicted = (rows[f"{what}__{target}"].to_numpy(float) for what in ("actual", "predicted"))
            caption = (
                f"{target} as it was forecast and as it came: {counted(len(rows), 'moment')} "
                f"{'of the last fold' if name == 'out-of-fold' else 'of the sealed test, from its beginning'}. Each "
                "forecast was made from the window before it."
            )
            figure = series_plots.forecasts(rows["shown"].tolist(), actual, predicted, evidence.settings.unit)
            pictures.append(Picture(inline_svg(figure, f"forecast-{index}-{name}", caption), caption))
    return [Pictures(pictures)]


def _confusions(evidence: Evidence) -> list[Block]:
    """The pairs of classes that are taken for each other most often, with the words of which that is so."""
    rows = evidence.out_of_fold
    if not evidence.prepared.problem_type.single_label:
        return []
    words = rows["shown"].str.extract(WORD_SHOWN, expand=False)
    wrong = rows.assign(word=words)[rows["actual"] != rows["predicted"]]
    pairs = wrong.groupby(["actual", "predicted"])["word"]
    most = pairs.size().sort_values(ascending=False, kind="stable").head(MOST_MISTAKES)
    cells = []
    for (actual, predicted), times in most.items():
        commonest = pairs.get_group((actual, predicted)).value_counts().index[:MOST_WORDS]
        cells.append([actual, predicted, count(times), ", ".join(commonest)])
    return [
        Table(
            "What is taken for what, out of fold",
            ["Is", "Said", "Words", "Most often"],
            cells,
            frozenset({2}),
            prose=True,
        )
    ]


def _mistakes(evidence: Evidence) -> list[Block]:
    """The wrong predictions with the highest probability, where the kind of input can be shown."""
    rows = evidence.out_of_fold
    if "shown" not in rows or not evidence.prepared.problem_type.single_label:
        return []
    certainty = rows[[f"probability__{name}" for name in evidence.prepared.classes]].max(axis=1)
    wrong = rows.assign(certainty=certainty)[rows["actual"] != rows["predicted"]]
    worst = wrong.sort_values("certainty", ascending=False, kind="stable").head(MOST_MISTAKES)
    cells = [
        [str(row.actual), str(row.predicted), share(row.certainty), str(row.shown)]
        for row in worst[["actual", "predicted", "certainty", "shown"]].itertuples()
    ]
    return [
        Table(
            "The most certain mistakes, out of fold",
            ["Is", "Said", "Probability", "Row"],
            cells,
            frozenset({2}),
            prose=True,
            pictured=frozenset({3} if worst["shown"].str.startswith(PICTURE).all() else ()),
        )
    ]


def _two_classes(evidence: Evidence) -> list[Block]:
    prepared, rows, test = evidence.prepared, evidence.out_of_fold, evidence.sealed_test
    positive = prepared.positive if prepared.positive is not None else list(prepared.classes)[-1]
    column = f"probability__{positive}"
    probability = rows[column].to_numpy(float)
    happened = (rows["actual"] == positive).to_numpy()
    by_fold = [
        diagnostics.thresholds((fold["actual"] == positive).to_numpy(), fold[column].to_numpy(float))
        for _, fold in evidence.all_out_of_fold.groupby(["repeat", "fold"])
    ]
    sealed = diagnostics.thresholds((test["actual"] == positive).to_numpy(), test[column].to_numpy(float))
    recall, purity = diagnostics.mean_curves(by_fold)
    area, average = (_measured(evidence, name) for name in ("roc_auc", "average_precision"))
    roc = [classification_plots.Curve(f"out of fold, area {area[0]}", diagnostics.GRID, recall)]
    precision = [classification_plots.Curve(f"out of fold, average {average[0]}", diagnostics.GRID, purity)]
    if sealed.positives and sealed.negatives:
        fall_out, sealed_recall = (np.append(0.0, values) for values in (sealed.fall_out, sealed.recall))
        exact = np.append(sealed.precision[:1], sealed.precision)
        roc.append(classification_plots.Curve(f"sealed test, area {area[1]}", fall_out, sealed_recall))
        precision.append(classification_plots.Curve(f"sealed test, average {average[1]}", sealed_recall, exact))
    of_folds = ", the mean over the folds" if len(by_fold) > 1 else ""
    roc_caption = (
        f"ROC curve: how many of the {positive} rows are found for how many false alarms. The area under it is the "
        f"chance that a {positive} row gets a higher probability than another: {area[0]} out of fold{of_folds}."
    )
    precision_caption = (
        f"Precision and recall: how many of the rows called {positive} really are, as more of them are found. Average "
        f"precision out of fold{of_folds}: {average[0]}."
    )
    prevalence = happened.mean() if len(rows) else 0.0
    pictures = [
        _confusion(evidence),
        Picture(inline_svg(classification_plots.roc_curves(roc), "roc", roc_caption), roc_caption),
        Picture(
            inline_svg(
                classification_plots.precision_recall_curves(precision, prevalence), "precision", precision_caption
            ),
            precision_caption,
        ),
        _reliability(evidence, probability, happened, f"stated probability of {positive}"),
    ]
    return [Pictures(pictures)]


def _measured(evidence: Evidence, name: str) -> tuple[str, str]:
    """A measure of the saved model as `evaluate` found it: cross-validated, and on the sealed test."""
    result = evidence.evaluate
    if name == result.measure:
        text = printer_of(result, evidence.settings.unit).bare
        return text(result.saved_estimate.value), text(result.saved_test.value)
    folds, test = (result.extra.get(f"{where}_{name}", math.nan) for where in ("cross_validation", "test"))
    text = printer(name, evidence.settings.unit, (folds, test)).bare
    return text(folds), text(test)


def _classes(evidence: Evidence) -> list[Block]:
    classes, rows = list(evidence.prepared.classes), evidence.out_of_fold
    probabilities = rows[[f"probability__{name}" for name in classes]].to_numpy(float)
    right = (rows["actual"] == rows["predicted"]).to_numpy()
    counts = diagnostics.confusion(rows["actual"], rows["predicted"], classes)
    scores = diagnostics.class_scores(counts, classes)
    table = Table(
        "Every class, out of fold",
        ["Class", "Rows", "Precision", "Recall", "F1"],
        [[s.name, count(s.rows), share(s.precision), share(s.recall), number(s.f1)] for s in scores],
        frozenset({1, 2, 3, 4}),
    )
    reliability = _reliability(evidence, probabilities.max(axis=1), right, "stated probability of the predicted class")
    return [Pictures([_confusion(evidence), reliability]), table, _precision_note()]


def _labels(evidence: Evidence) -> list[Block]:
    labels, rows = evidence.prepared.targets, evidence.out_of_fold
    scores = diagnostics.label_scores(rows, labels)
    caption = (
        "Average precision of every label: how pure the list of its rows stays as more of them are found. The stroke "
        "is what guessing gets, the label’s share of the rows."
    )
    figure = classification_plots.label_scores(
        [s.name for s in scores],
        np.array([s.average_precision for s in scores]),
        np.array([s.rows / len(rows) for s in scores]),
        MODELS[evidence.evaluate.saved],
    )
    probability = rows[[f"probability__{name}" for name in labels]].to_numpy(float).ravel()
    happened = (rows[[f"actual__{name}" for name in labels]].to_numpy(float) == 1).ravel()
    table = Table(
        "Every label, out of fold",
        ["Label", "Rows", "Precision", "Recall", "F1", "Average precision"],
        [
            [s.name, count(s.rows), share(s.precision), share(s.recall), number(s.f1), number(s.average_precision)]
            for s in scores
        ],
        frozenset({1, 2, 3, 4, 5}),
    )
    pictures = [
        Picture(inline_svg(figure, "labels", caption), caption),
        _reliability(evidence, probability, happened, "stated probability of a label (all labels)"),
    ]
    return [Pictures(pictures), table, _precision_note()]


def _values(evidence: Evidence) -> list[Block]:
    rows, test, unit = evidence.out_of_fold, evidence.sealed_test, evidence.settings.unit
    blocks: list[Block] = []
    for index, target in enumerate(evidence.prepared.targets):
        actual, predicted = (rows[f"{what}__{target}"].to_numpy(float) for what in ("actual", "predicted"))
        test_actual, test_predicted = (test[f"{what}__{target}"].to_numpy(float) for what in ("actual", "predicted"))
        residual = actual - predicted
        held = diagnostics.coverage(residual, test_actual - test_predicted, COVERAGE_SHARES)
        half, most = held[0][1], held[-1][1]
        of_target = f" of {target}" if len(evidence.prepared.targets) > 1 else ""
        captions = (
            f"Predicted against actual values{of_target}: on the dotted line a prediction is exact.",
            f"Residuals{of_target}, actual minus predicted: the closer the line stays to zero, the less the model is "
            "off in one direction.",
            f"Spread of the residuals{of_target}: half of them lie within ±{number(half)}, 95% within ±{number(most)}"
            f"{f' ({unit})' if unit else ''}.",
        )
        figures = (
            regression_plots.predicted_against_actual(actual, predicted, test_actual, test_predicted, unit),
            regression_plots.residuals(predicted, residual, unit),
            regression_plots.residual_spread(residual, half, most, unit),
        )
        names = (f"predicted-{index}", f"residuals-{index}", f"spread-{index}")
        pictures = [
            Picture(inline_svg(figure, name, caption), caption)
            for figure, name, caption in zip(figures, names, captions, strict=True)
        ]
        table = Table(
            f"Do such margins hold on the sealed test set?{of_target.replace(' of', ' Target')}",
            ["Margin around a prediction", "holds this share out of fold", "and this share of the sealed test"],
            [[f"±{number(spread)}", f"{nominal:.0%}", share(observed)] for nominal, spread, observed in held],
            frozenset({0, 1, 2}),
        )
        blocks += [Pictures(pictures), table]
        width = evidence.evaluate.half_widths.get(target)
        if width is not None:
            within = float(np.mean(np.abs(test_actual - test_predicted) <= width))
            blocks.append(
                Text(
                    f"Every prediction{of_target} comes with a 95% interval of ±{number(width)}"
                    f"{f' {unit}' if unit else ''} (conformal: a little wider than 95% of the out-of-fold errors, so "
                    f"that it holds for a new row). On the sealed test it held {share(within)} of "
                    f"{counted(len(test_actual), 'row')}."
                )
            )
    return blocks


def _confusion(evidence: Evidence) -> Picture:
    classes, rows = list(evidence.prepared.classes), evidence.out_of_fold
    counts = diagnostics.confusion(rows["actual"], rows["predicted"], classes)
    wrong = counts.sum() - np.trace(counts)
    caption = (
        f"Confusion matrix: {counted(int(wrong), 'row')} of {count(int(counts.sum()))} predicted wrong. Blue is right, "
        "orange is wrong, and the shade is the share of the actual class."
    )
    if wrong:
        errors = counts - np.diag(np.diag(counts))
        actual, predicted = divmod(int(errors.argmax()), len(classes))
        caption += (
            f" Most often, {classes[actual]} was taken for {classes[predicted]} ({count(int(errors.max()))} times)."
        )
    return Picture(inline_svg(classification_plots.confusion_matrix(counts, classes), "confusion", caption), caption)


def _reliability(evidence: Evidence, probability: np.ndarray, happened: np.ndarray, what: str) -> Picture:
    bins = diagnostics.reliability(probability, happened)
    caption = (
        "Calibration: when the model says 80%, it should be right in 80% of the cases, so good dots lie on the dotted "
        f"line. {_gap(bins)} The bars below show how often each probability was stated."
    )
    figure = classification_plots.reliability(
        bins.stated, bins.observed, bins.low, bins.high, probability, what, MODELS[evidence.evaluate.saved]
    )
    return Picture(inline_svg(figure, "reliability", caption), caption)


def _gap(bins: diagnostics.Reliability) -> str:
    if len(bins.rows) == 1:
        return f"{counted(int(bins.rows[0]), 'row')} make one dot only, which says nothing of single probabilities."
    return f"On average they are {number(100 * bins.mean_gap, 2)} percentage points away."


def _precision_note() -> Text:
    return Text(
        "Precision: the share of the rows predicted as a class that belong to it. Recall: the share of the rows of a "
        "class that are predicted as it. F1 balances the two; 1 is perfect."
    )


_OF_INPUTS: dict[str, Callable[[Evidence], list[Block]]] = {"series": _forecasts, "token": _confusions}
# By `ProblemType.figures`.
FIGURES: dict[str, Callable[[Evidence], list[Block]]] = {
    "two_classes": _two_classes,
    "classes": _classes,
    "labels": _labels,
    "values": _values,
    "reconstruction": reconstruction,
    "likelihood": likelihood,
    "surprise": surprise,
    "samples": samples,
    "clusters": clusters,
}

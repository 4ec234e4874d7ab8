"""Figures that the report shows and other pages show alone: the learning curves, and the search."""

import io
import warnings
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from src.judging.printer import Printer
from src.plots import search as search_plots
from src.plots import training as training_plots
from src.plots.style import SURFACE, Scale
from src.report.diagnostics import behind_best
from src.report.evidence import Evidence
from src.report.words import scale_of

# Enough for lines and letters; all of them would make the picture five times as large.
COLORS = 64
SETTINGS = {
    "network": "hidden units",
    "dropout": "dropout",
    "augmentation": "augmentation",
    "recurrent_dropout": "recurrent dropout",
    "word_dropout": "word dropout",
    "frozen": "frozen vectors",
    "l1": "L1",
    "l2": "L2",
    "learning_rate": "learning rate",
    "schedule": "schedule",
    "loss": "loss",
    "label_smoothing": "label smoothing",
    "weight_decay": "weight decay",
    "optimizer": "optimizer",
    "batch_size": "batch size",
    "epochs": "epochs",
    "trained_epochs": "trained up to epoch",
}


def learning_curve(evidence: Evidence, printer: Printer) -> Figure:
    """The measure of the chosen rung from epoch to epoch, with its turning point."""
    return _of_chosen_rung(evidence, "training", "validation", scale_of(printer))


def loss_curve(evidence: Evidence) -> Figure:
    """The loss of the chosen rung from epoch to epoch: where it rises on validation rows, the network overfits."""
    return _of_chosen_rung(evidence, "training_loss", "validation_loss", Scale("loss", higher_is_better=False))


def _of_chosen_rung(evidence: Evidence, training: str, validation: str, scale: Scale) -> Figure:
    curves, chosen = evidence.overfit_curves, evidence.overfit.chosen
    rung = curves[curves["rung"] == chosen]
    epochs, of_training, of_validation = (rung[name].to_numpy() for name in ("epoch", training, validation))
    turning = evidence.overfit.rungs[chosen].turning_epoch
    return training_plots.learning_curves(epochs, of_training, of_validation, scale, turning)


def varying_settings(evidence: Evidence) -> dict[str, pd.Series]:
    """The settings in which candidates differ, by their words; networks ordered by their number of parameters."""
    table = evidence.candidates.reset_index(drop=True)
    if table["network"].nunique() > 1:
        table = table.sort_values("parameters", kind="stable")
    columns = [name for name in SETTINGS if name in table.columns and table[name].nunique() > 1]
    return {SETTINGS[name]: table[name] for name in columns}


def search(evidence: Evidence, printer: Printer) -> Figure:
    """Every candidate from its settings down to its score. Candidates have to differ in some setting."""
    settings = pd.DataFrame(varying_settings(evidence))
    table = evidence.candidates.reset_index(drop=True).loc[settings.index]
    best, chosen = int(table["best"].to_numpy().argmax()), int(table["chosen"].to_numpy().argmax())
    means, dropped = table["mean"].to_numpy(float), table["dropped"].to_numpy(bool)
    return search_plots.parallel_coordinates(
        settings.reset_index(drop=True), means, dropped, best, chosen, scale_of(printer)
    )


def one_standard_error(evidence: Evidence, printer: Printer) -> Figure:
    """How far every candidate that was left at the end is behind the best one on the same folds."""
    table = evidence.candidates
    table = table[~table["dropped"]].reset_index(drop=True)
    best, chosen = int(table["best"].to_numpy().argmax()), int(table["chosen"].to_numpy().argmax())
    behind, errors = behind_best(table, best, evidence.regularize.direction == "maximize")
    names = [f"#{number}" for number in table["candidate"]]
    points, scale = 1.0, scale_of(printer)
    if scale.percent:
        points, scale = 100.0, replace(scale, label=f"{scale.label}, percentage points", percent=False)
    return search_plots.one_standard_error(names, points * behind, points * errors, best, chosen, scale)


def png(figure: Figure) -> bytes:
    """A small picture on its own ground, which reads on a light page and on a dark one."""
    drawn, small = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(drawn, format="png", dpi=144, facecolor=SURFACE)
    image = Image.open(drawn, formats=["PNG"]).convert("RGB")
    image.quantize(COLORS, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()

"""The figures that stand alone: readable on any page, and the same every time."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from flows.running.artifacts import CAPTIONS
from src.core.files import Layout
from src.report import figures
from src.report.evidence import read_evidence
from src.report.page import render_figures
from tests.report.examples import TYPES

Results = Callable[[str], Layout]


@pytest.mark.parametrize("kind", TYPES)
def test_the_learning_curve_and_the_search_are_modest_pictures_on_light_ground(results: Results, kind: str):
    pictures = render_figures(read_evidence(results(kind)))
    assert list(pictures) == ["learning_curve", "search"]
    for picture in pictures.values():
        image = Image.open(io.BytesIO(picture)).convert("RGBA")
        assert 600 <= image.width <= 800
        red, green, blue, opacity = image.getpixel((0, 0))
        assert min(red, green, blue) > 250
        assert opacity == 255
        assert len(picture) < 60_000


def test_drawn_twice_the_figures_have_the_same_bytes(results: Results):
    assert render_figures(read_evidence(results("binary"))) == render_figures(read_evidence(results("binary")))


def test_where_candidates_do_not_differ_there_is_no_figure_of_a_search(results: Results):
    evidence = read_evidence(results("binary"))
    one = evidence.candidates[evidence.candidates["chosen"]].assign(best=True)
    assert list(render_figures(replace(evidence, candidates=one))) == ["learning_curve"]


def test_the_learning_curve_that_stands_alone_shows_the_loss_that_its_caption_speaks_of(results: Results):
    evidence = read_evidence(results("binary"))
    figure = figures.loss_curve(evidence)
    (axes,) = figure.axes
    assert "loss" in axes.get_ylabel()
    curves = evidence.overfit_curves
    rung = curves[curves["rung"] == evidence.overfit.chosen]
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines()}
    assert drawn["training"] == list(rung["training_loss"])
    assert drawn["validation"] == list(rung["validation_loss"])
    assert figures.png(figure) == render_figures(evidence)["learning_curve"]
    assert "loss" in CAPTIONS["learning_curve"].lower()

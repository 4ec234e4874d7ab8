"""Figures draw what they are given and keep their style to themselves."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from src.plots import classification, data, regression, scores, search, style, training
from src.report.embed import inline_svg

SHARE = style.Scale("accuracy", percent=True)


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    import matplotlib.text

    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text()]


def test_drawing_leaves_the_callers_settings_alone() -> None:
    before = dict(matplotlib.rcParams)
    data.class_balance({"a": 3, "b": 1}, 4)
    assert dict(matplotlib.rcParams) == before


def test_the_callers_settings_leave_the_figure_alone() -> None:
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "axes.facecolor": "red"}):
        loud = inline_svg(data.class_balance({"a": 3, "b": 1}, 4), "x", "x")
    assert loud == inline_svg(data.class_balance({"a": 3, "b": 1}, 4), "x", "x")


def test_class_balance_is_sorted_and_sums_up_the_rest() -> None:
    found = texts(data.class_balance({f"class {n}": n + 1 for n in range(40)}, 820))
    assert found.index("class 39") < found.index("class 38")
    assert "17 others" in found
    assert " 153 (18.7%)" in found


def test_mathematics_in_a_name_is_not_typeset() -> None:
    svg = inline_svg(data.class_balance({"$\\alpha": 3, "x_$1$": 1}, 4), "x", "x")
    assert "$\\alpha" in svg
    assert "x_$1$" in svg


def test_the_ladder_shows_every_rung_in_order() -> None:
    figure = training.capacity_ladder(
        [10, 12_345, 1_600_000], [0.8, 0.9, 1.0], [0.8, 0.85, 0.7], [0.8, 0.86, 0.84], 0.6, 2, SHARE
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "12k", "1.6M"]
    lines = {str(line.get_label()): line for line in axes.lines}
    assert lines["training, last epoch"].get_ydata() == pytest.approx([0.8, 0.9, 1.0])
    assert lines["validation, last epoch"].get_ydata() == pytest.approx([0.8, 0.85, 0.7])
    assert lines["chosen rung"].get_xdata() == pytest.approx([2, 2])


@pytest.mark.parametrize(("common_sense", "lines", "note"), [(0.75, True, False), (0.1, False, True)])
def test_common_sense_is_a_line_near_the_ladder_and_a_note_far_from_it(
    common_sense: float, lines: bool, note: bool
) -> None:
    figure = training.capacity_ladder([10, 100], [0.9, 1.0], [0.9, 0.8], [0.9, 0.9], common_sense, 1, SHARE)
    assert ("common sense" in {line.get_label() for line in figure.axes[0].lines}) is lines
    assert ("common sense: 10.0% ↓" in texts(figure)) is note


def test_a_ladder_of_one_rung_is_drawn() -> None:
    training.capacity_ladder([10], [0.8], [0.8], [0.8], 0.6, 0, SHARE).draw_without_rendering()


def test_the_turning_epoch_is_marked_on_the_validation_curve() -> None:
    epochs = np.arange(1, 6)
    figure = training.learning_curves(epochs, epochs / 5, np.array([0.1, 0.5, 0.4, 0.3, 0.2]), SHARE, 2)
    assert "epoch 2" in texts(figure)
    mark = figure.axes[0].lines[-1]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (2, 0.5)  # type: ignore[index]


SETTINGS = pd.DataFrame({"hidden units": ["4", "8-8", "4"], "dropout": [0.0, 0.5, 0.25], "epochs": [3, 200, 50]})


@pytest.mark.parametrize("higher", [True, False])
def test_the_better_end_of_the_score_is_on_the_right(higher: bool) -> None:
    figure = search.parallel_coordinates(
        SETTINGS,
        np.array([0.1, 0.2, 0.3]),
        np.array([False, True, False]),
        2,
        0,
        style.Scale("score", higher_is_better=higher),
    )
    chosen = figure.axes[0].lines[-1]
    assert chosen.get_color() == style.ACCENT
    assert chosen.get_xdata()[-1] == (0.0 if higher else 1.0)  # type: ignore[index]
    found = texts(figure)
    assert {"hidden units", "dropout", "epochs", "score", "chosen", "best", "dropped"} <= set(found)
    assert [line.get_linestyle() for line in figure.axes[0].lines].count(":") == 1


def test_one_candidate_is_a_search_too() -> None:
    one = pd.DataFrame({"dropout": [0.5]})
    found = texts(search.parallel_coordinates(one, np.array([0.9]), np.array([False]), 0, 0, SHARE))
    assert "chosen = best" in found


def test_candidates_within_one_standard_error_are_filled() -> None:
    figure = search.one_standard_error(
        ["#0", "#1", "#2"], np.array([0.0, 0.01, 0.05]), np.array([0.0, 0.02, 0.01]), 0, 1, SHARE
    )
    assert {"best #0", "chosen #1", "#2"} <= set(texts(figure))
    dots = [line for line in figure.axes[0].lines if line.get_marker() in ("o", "D")]
    assert [dot.get_markerfacecolor() == style.SURFACE for dot in dots] == [False, False, True]


def test_paired_folds_draw_one_line_per_fold_and_the_means() -> None:
    figure = scores.paired_folds(
        np.array([0.5, 0.6]), np.array([0.7, 0.8]), np.array([0.9, 0.8]), [0.55, 0.75, 0.85], SHARE
    )
    joined = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]  # type: ignore[arg-type]
    assert len(joined) == 3
    assert joined[-1].get_ydata() == pytest.approx([0.55, 0.75, 0.85])


def test_cells_of_the_confusion_matrix_show_count_and_share() -> None:
    found = texts(classification.confusion_matrix(np.array([[8, 2], [0, 0]]), ["a", "b"]))
    assert "8\n80.0%" in found
    assert found.count("0") == 2


def test_a_confusion_matrix_of_many_classes_drops_the_text() -> None:
    figure = classification.confusion_matrix(np.eye(40, dtype=int), [f"class {n}" for n in range(40)])
    assert len(texts(figure)) < 50


def test_many_points_are_thinned_and_drawn_as_a_picture() -> None:
    many = np.linspace(0, 1, 30_000)
    svg = inline_svg(regression.predicted_against_actual(many, many, many[:5], many[:5], "kg"), "x", "x")
    assert "data:image/png;base64," in svg
    assert len(svg) < 300_000
    assert len(style.thinned(30_000)) == style.MOST_POINTS
    assert style.thinned(7).tolist() == list(range(7))


def test_a_constant_prediction_still_has_a_residual_plot() -> None:
    constant = np.full(50, 3.0)
    regression.residuals(constant, constant * 0, "").draw_without_rendering()
    data.target_distribution(constant, "t").draw_without_rendering()


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1000, "1,000"), (0.25, "0.25"), (1e-5, "1e-5"), (-2.5, "−2.5"), (200.0, "200")]
)
def test_ticks_are_plain_numbers(value: float, text: str) -> None:
    assert style.plain_number(value) == text

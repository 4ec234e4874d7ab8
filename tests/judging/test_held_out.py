"""What is judged are statistics of rows: predictions against targets, or what a model says of each row itself."""

import math
from dataclasses import replace

import numpy as np
import pytest

from src.judging.evaluation import compare, estimate, left_out, score_sealed_test
from src.judging.held_out import HeldOut
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.models.samples import STATISTICS
from src.models.types.registry import TYPES
from src.tables.protocols import Folds
from src.tables.table import Table
from tests.judging.test_evaluation import hold_out
from tests.training.examples import folds_of, table_of

ROWS = 90


def mean_of_first(s_MNS, w_N):
    return (s_MNS[..., 0] * w_N).sum(axis=1) / w_N.sum()


def ratio_of_sums(s_MNS, w_N):
    bits, characters = (s_MNS * w_N[:, None]).sum(axis=1).T
    return bits / characters


# Results know the names of the measures there are.
BITS = Measure("log_loss", "bits", "the surprise at a row", "minimize", mean_of_first, None, highest=math.inf)
PER_CHARACTER = Measure(
    "mse", "bits per character", "the surprise at a character", "minimize", ratio_of_sums, None, highest=math.inf
)
SHARE = Measure("accuracy", "share of statistics", "the mean statistic", "maximize", mean_of_first, None)


@pytest.fixture
def table() -> Table:
    """Rows without a target."""
    table = table_of("regression", ROWS, weights=True)
    return replace(table, y_NT=np.empty((ROWS, 0)))


def said(folds: Folds, level: float, characters: bool = False) -> HeldOut:
    """A model that says about `level` of each row, and of how many characters."""
    s_NS = level * np.random.default_rng(0).uniform(0.9, 1.1, (ROWS, 1))
    if characters:
        s_NS = np.hstack([s_NS, np.arange(1, ROWS + 1)[:, None]])
    return HeldOut(list(folds), [s_NS[split.validation] for split in folds])


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["folds", "one fold"])
@pytest.mark.parametrize("measure", [BITS, PER_CHARACTER], ids=lambda of: of.name)
def test_what_is_said_of_each_row_itself_is_compared_without_a_handicap(table, folds, measure):
    ours, theirs = (said(folds, level, measure is PER_CHARACTER) for level in (1.0, 2.0))
    for better, worse, expected in ((ours, theirs, True), (theirs, ours, False)):
        verdict = compare("fewer_bits", better, [worse], "the other", table, folds, measure, 0)
        assert verdict.holds == expected
        assert verdict.comparison.handicap == 0
        assert verdict.comparison.at_random is None
        assert verdict.comparison.p_value < 0.05
    found = estimate(ours, table, measure)
    assert found.low < found.value < found.high
    if measure is BITS:
        assert found.value == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["folds", "one fold"])
@pytest.mark.parametrize("level", [1.0, 1e6])
def test_the_mean_of_what_several_models_say_is_as_good_as_one_of_them_on_average(table, folds, level):
    """A mean of means differs from it by rounding, which is no difference."""
    rng = np.random.default_rng(2)
    models = [
        HeldOut(list(folds), [level * rng.uniform(0.9, 1.1, (len(of.validation), 1)) for of in folds]) for _ in range(5)
    ]
    together = HeldOut(list(folds), [np.mean(of, axis=0) for of in zip(*(m.predictions for m in models), strict=True)])
    verdict = compare("committee_helps", together, models, "one", table, folds, BITS, 0)
    assert (verdict.comparison.outcome, verdict.comparison.p_value) == ("not sure", 1)
    assert "no sure difference" in verdict.evidence


def test_a_share_with_two_ends_has_an_interval_without_a_class_to_be_rare(table):
    folds = folds_of(ROWS)
    model = said(folds, 0.5)
    found = estimate(model, table, SHARE)
    assert 0 < found.low < found.value < found.high < 1
    whole = score_sealed_test(table, np.full((ROWS, 1), 1.0), SHARE)
    assert whole.low < whole.value == pytest.approx(whole.high) == 1


def test_a_ratio_of_sums_is_weighted_and_left_out_by_rows(table):
    [split] = list(hold_out(ROWS))
    model = said(hold_out(ROWS), 1.0, characters=True)
    s_VS, w_V = model.predictions[0], table.w_N[split.validation]
    bits, characters = (s_VS * w_V[:, None]).T
    assert model.value(table, PER_CHARACTER) == pytest.approx(bits.sum() / characters.sum())
    without_first = left_out(s_VS, split, table, PER_CHARACTER)[0]
    assert without_first == pytest.approx(bits[1:].sum() / characters[1:].sum())


@pytest.mark.parametrize("name", TABLE)
def test_rows_that_are_drawn_twice_or_not_at_all_count_so_in_every_measure(name):
    """The bootstrap and the jackknife draw statistics; the measure of these is that of the rows they are of."""
    rng = np.random.default_rng(1)
    kind = next(kind.name for kind in TYPES.values() if name in kind.measures)
    table = table_of(kind, ROWS, weights=True)
    shape = (ROWS, STATISTICS if TYPES[kind].generates else table.schema.outputs)
    p_NK = rng.dirichlet(np.ones(shape[1]), ROWS) if shape[1] > 1 else rng.random(shape)
    drawn = rng.integers(0, ROWS, ROWS)
    splits = list(hold_out(ROWS))
    of_all = HeldOut([replace(splits[0], validation=np.arange(ROWS))], [p_NK]).measured(table, TABLE[name])
    direct = TABLE[name].value(table.y_NT[drawn], p_NK[drawn], table.w_N[drawn])
    assert of_all.statistics[0].of(drawn).value == direct

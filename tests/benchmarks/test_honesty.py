"""The benchmark of the verdicts counts what it says it counts, on populations that are what they say they are."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.honesty import Outcome, figures
from benchmarks.populations import FEWEST_ROWS, MOST_ROWS, Population, populations
from benchmarks.steps import REPOSITORY
from src.report.honesty import Honesty
from src.results.verdicts import Estimate


def population(**changes: object) -> Population:
    fields = {"type": "regression", "rows": 100, "inputs": 4, "strength": 2.0, "share": 0.3, "noise": "normal"}
    return Population(**(fields | {"measure": "auto", "seed": 7} | changes))  # type: ignore[arg-type]


def outcome(**changes: object) -> Outcome:
    interval = Estimate(value=0.8, low=0.7, high=0.9)
    fields = {"number": 0, "signal": True, "seed": 0, "rows": 100, "measure": "accuracy", "sign": 1, "claimed": True}
    scores = {
        "search": 0.85,
        "nested": None,
        "cross_validation": interval,
        "test": interval,
        "true_procedure": 0.8,
        "true_final": 0.8,
    }
    return Outcome(**(fields | scores | changes))  # type: ignore[arg-type]


def test_the_same_population_draws_the_same_rows_and_another_stream_others():
    one, again, other = (population().draw(50, stream) for stream in (20, 20, 21))
    pd.testing.assert_frame_equal(one, again)
    assert (one["x0"] != other["x0"]).all()


@pytest.mark.parametrize("share", [0.5, 0.08])
@pytest.mark.parametrize("strength", [0.0, 3.0])
def test_the_positive_class_has_its_share(share, strength):
    drawn = population(type="binary", share=share, strength=strength).draw(20_000, 20)
    assert (drawn["target"] == "yes").mean() == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_the_inputs_tell_of_the_target_only_where_there_is_a_signal(kind):
    def explained(strength: float) -> float:
        drawn = population(type=kind, strength=strength).draw(5_000, 20)
        y_N = (drawn["target"] == "yes").to_numpy(float) if kind == "binary" else drawn["target"].to_numpy(float)
        x_ND = drawn.filter(like="x").to_numpy()
        residual_N = y_N - y_N.mean() - x_ND @ np.linalg.lstsq(x_ND, y_N - y_N.mean(), rcond=None)[0]
        return float(1 - residual_N.var() / y_N.var())

    assert explained(0.0) < 0.01
    assert explained(2.0) > 0.2


@pytest.mark.parametrize("noise", ["normal", "skewed", "heavy"])
def test_the_noise_has_mean_0_and_variance_1(noise):
    drawn = population(strength=0.0, noise=noise).draw(100_000, 20)["target"] - 10
    assert (drawn.mean(), drawn.var()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.05))


def test_problems_are_of_both_kinds_large_and_small_balanced_and_not():
    found = populations(200, signal=True, seed=0)
    assert {each.type for each in found} == {"binary", "regression"}
    assert {of.share for of in found} >= {0.5, 0.3, 0.15, 0.08}
    rows = [of.rows for of in found]
    assert FEWEST_ROWS <= min(rows) < 70
    assert 900 < max(rows) <= MOST_ROWS
    assert all(of.strength == 0 for of in populations(20, signal=False, seed=0))


def test_claims_coverage_and_optimism_are_counted():
    outcomes = [
        outcome(signal=False, claimed=True),
        *[outcome(signal=False, claimed=False)] * 3,
        outcome(true_procedure=0.95),
        outcome(true_final=0.65),
        outcome(true_final=0.91),
        outcome(sign=-1, search=0.75, nested=0.81),
    ]
    found = figures(outcomes)
    assert (found["problems_without_signal"], found["problems_with_signal"]) == (4, 4)
    assert (found["false_claims"], found["true_claims"]) == (0.25, 1.0)
    assert (found["coverage_cross_validation"], found["coverage_test"]) == (0.75, 0.5)
    error = 0.1 / 1.96
    gains = np.array([0.85 - 0.95, 0.05, 0.05, 0.05])
    assert found["optimism"]["search"] == pytest.approx((gains / error).mean(), abs=1e-4)
    assert found["optimism"]["nested"] == pytest.approx(-0.01 / error, abs=1e-4)
    told = Honesty.model_validate(found)  # what the report reads
    assert (told.problems_without_signal, told.false_claims, told.coverage_test) == (4, 0.25, 0.5)
    assert found["optimism"]["evaluation_folds"] == pytest.approx((np.array([-0.15, 0, 0, 0]) / error).mean(), abs=1e-4)


@pytest.mark.slow
def test_the_real_steps_run_on_problems_and_a_second_run_takes_them_from_the_log(tmp_path):
    def run() -> dict:
        command = [sys.executable, "-m", "benchmarks.honesty", "--problems", "1", "--log", str(tmp_path / "log.jsonl")]
        subprocess.run([*command, "--json", str(tmp_path / "figures.json")], cwd=REPOSITORY, check=True)
        return json.loads((tmp_path / "figures.json").read_text())

    first = run()
    kept = (tmp_path / "log.jsonl").read_bytes()
    assert len(kept.splitlines()) == 2
    assert (first["problems_without_signal"], first["problems_with_signal"]) == (1, 1)
    assert {"false_claims", "coverage_cross_validation", "coverage_test", "optimism"} <= first.keys()
    for line in kept.splitlines():
        found = Outcome.model_validate_json(line)
        assert found.true_procedure == pytest.approx(found.true_final, rel=0.5)
    assert run() == first
    assert (tmp_path / "log.jsonl").read_bytes() == kept

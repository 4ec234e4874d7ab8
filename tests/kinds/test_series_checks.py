"""The data checks on series fire on what is wrong with their moments, and are made where there is a series alone."""

import numpy as np
import pandas as pd

from src.kinds.checks import checks_for
from src.kinds.series.checks import duplicate_moments, gaps_in_time, unknown_targets, unordered_moments
from src.tables.facts import TableFacts
from tests.kinds.series import waves
from tests.validation.tables import checked, facts, findings


def of_series(frame: pd.DataFrame) -> TableFacts:
    return facts(frame, "regression", target="level", time="hour", series={"lookback": 3})


def test_a_good_series_passes_and_tables_are_not_asked():
    checks = checks_for(of_series(waves(120)))
    assert set(checks) == {"duplicate_moments", "unordered_moments", "gaps_in_time", "unknown_targets"}
    assert [list(check(of_series(waves(120)))) for check in checks.values()] == [[], [], [], []]
    assert checks_for(facts(waves(120), "regression", target="level", time="hour")) == {}


def test_a_moment_that_is_there_twice_stops_the_workflow():
    frame = waves(120)
    frame.loc[7, "hour"] = frame.loc[4, "hour"]
    [issue] = duplicate_moments(of_series(frame))
    assert (issue.severity, issue.column, issue.count, issue.rows) == ("error", "hour", 1, [7])


def test_rows_out_of_order_and_gaps_are_told():
    frame = waves(120)
    frame.loc[50:, "hour"] += pd.Timedelta("5h")
    [gap] = gaps_in_time(of_series(frame))
    assert (gap.severity, gap.count, gap.rows) == ("warning", 1, [50])
    [issue] = unordered_moments(of_series(frame.iloc[[1, 0, *range(2, 120)]].reset_index(drop=True)))
    assert (issue.severity, issue.count, issue.rows) == ("warning", 1, [1])


def test_unknown_targets_are_a_warning_and_the_target_alone_is_enough_to_learn_from():
    frame = waves(120)[["hour", "level"]]
    frame.loc[[3, 4], "level"] = np.nan
    found = checked(frame, "regression", target="level", time="hour", series={"lookback": 3}, drop=[])
    assert [finding.check for finding in found.findings] == ["unknown_targets"]
    [finding] = findings(found, "unknown_targets")
    assert (finding.severity, finding.count, finding.rows) == ("warning", 2, [3, 4])
    [issue] = unknown_targets(of_series(frame))
    assert issue.message == finding.message

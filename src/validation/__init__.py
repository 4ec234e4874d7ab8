"""The checks on data before anything is learnt from it: a Great Expectations suite, and what suites do not check."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.datasets.reading import EXPECTED, Misfit
from src.problem.steps import ValidateSettings
from src.results.data import Finding, Validation
from src.results.verdicts import Verdict
from src.tables.facts import SHOWN_ROWS, Issue, TableFacts, counted, listed, where
from src.validation.checks import CHECKS, WAY_OUT, target_given_away
from src.validation.suite import run_suite
from src.validation.summary import summarize


def check_table(
    frame: pd.DataFrame,
    settings: ValidateSettings,
    expectations: Path,
    misfits: Sequence[Misfit] = (),
    sealed: Sequence[int] | NDArray[np.intp] = (),
) -> Validation:
    """Run every check on the typed table; `expectations` is the user's own suite and need not exist, `misfits` are what
    the sealed rows hold that the kinds of columns, which the training rows decide, do not admit. The values of `sealed`
    rows are not shown in the columns' summaries.

    Findings are in the order errors, warnings. Raises UserError where the user's suite cannot be read.
    """
    from src.kinds.checks import checks_for  # its checks are made of parts of this package

    table = TableFacts(frame, settings)
    outcome: dict[str, list[Issue]] = run_suite(table, expectations)
    outcome["sealed_values"] = [_misfit(one) for one in misfits]
    if len(table):
        outcome |= {name: list(check(table)) for name, check in (CHECKS | checks_for(table)).items()}
    findings = [
        Finding(check=name, **asdict(issue))
        for severity in ("error", "warning")
        for name, issues in outcome.items()
        for issue in issues
        if issue.severity == severity
    ]
    return Validation(
        rows=len(table),
        columns=[summarize(table, name, np.asarray(sealed, dtype=np.intp)) for name in table.columns],
        passed=[name for name, issues in outcome.items() if not issues],
        findings=findings,
        verdicts=[_verdict(table, outcome, findings)],
    )


def _misfit(misfit: Misfit) -> Issue:
    """Values in the sealed test set that are of another kind than the training rows."""
    count, rows = len(misfit.positions), [int(row) for row in misfit.positions[:SHOWN_ROWS]]
    told = f"{counted(count, 'value')} of the sealed test set cannot be read as {EXPECTED[misfit.kind]}"
    message = (
        f"{misfit.column!r}: {told} ({where(rows, count)}), for example {misfit.examples[0]!r}, unlike those of the "
        f"training rows: correct the values, or add the mark to data.missing, or say "
        f"`columns: {{{misfit.column}: categorical}}`"
    )
    return Issue("error", misfit.column, count, rows, message)


def _verdict(table: TableFacts, outcome: dict[str, list[Issue]], findings: list[Finding]) -> Verdict:
    """Fit: no errors, and no column that gives the target away. The workflow runs on with such a column, since only a
    person knows whether it will be there when a prediction is made, but no score counts until somebody has said so."""
    errors = sum(f.severity == "error" for f in findings)
    passed = sum(not issues for issues in outcome.values())
    leaks = [f.column for f in findings if f.check == target_given_away.__name__ and f.column is not None]
    leak = f"; {listed(leaks)} {'gives' if len(leaks) == 1 else 'give'} the target away: {WAY_OUT}" if leaks else ""
    return Verdict(
        name="data_fit_to_learn_from",
        holds=errors == 0 and not leaks,
        evidence=f"{counted(len(table), 'row')}, {counted(len(table.columns), 'column')}: "
        f"{passed} of {counted(len(outcome), 'check')} found nothing; "
        f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}{leak}",
    )

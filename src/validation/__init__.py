"""Data checks before anything is learnt: a Great Expectations suite, and checks that suites cannot make."""

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
    left_out: Sequence[str] = (),
) -> Validation:
    """Run every check on the typed table. Findings list errors first, then warnings.

    expectations: the user's own suite, which need not exist. misfits: values of sealed rows that do not fit the column
    types decided by the training rows. sealed: rows whose values the columns' summaries do not show. left_out: columns
    of the file that are not in the table.
    Raises UserError if the user's suite cannot be read.
    """
    from src.kinds.checks import checks_for  # its checks are made of parts of this package

    table = TableFacts(frame, settings)
    outcome: dict[str, list[Issue]] = run_suite(table, expectations)
    outcome["sealed_values"] = [_misfit_issue(misfit) for misfit in misfits]
    outcome["row_labels"] = [_row_labels_issue(name) for name in left_out]
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


def _row_labels_issue(name: str) -> Issue:
    message = (
        f"{name!r}: pandas' own labels of the rows, which describe nothing and are not read; to keep them, give the "
        "index a name before you write the file"
    )
    return Issue("warning", name, 0, [], message)


def _misfit_issue(misfit: Misfit) -> Issue:
    count, rows = len(misfit.positions), [int(row) for row in misfit.positions[:SHOWN_ROWS]]
    fault = f"{counted(count, 'value')} of the sealed test set cannot be read as {EXPECTED[misfit.type]}"
    message = (
        f"{misfit.column!r}: {fault} ({where(rows, count)}), for example {misfit.examples[0]!r}, unlike those of the "
        f"training rows: correct the values, or add the mark to data.missing, or say "
        f"`columns: {{{misfit.column}: categorical}}`"
    )
    return Issue("error", misfit.column, count, rows, message)


def _verdict(table: TableFacts, outcome: dict[str, list[Issue]], findings: list[Finding]) -> Verdict:
    """The data is fit to learn from if there is no error and no column gives the target away.

    The workflow goes on with such a column: only the user knows whether it is available when predictions are made.
    Until the user confirms that, no score counts.
    """
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

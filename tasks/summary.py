"""Print what `make repro` ends with: for each problem the scores, the verdicts and the answer.

    python -m tasks.summary

prints it again for every problem in params.yaml, on a page of 100 columns. Every number comes from a result file.
"""

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from src.core.errors import UserError
from src.core.files import Layout
from src.core.home import home
from src.judging.printer import printer_of
from src.problem.load import listed_problems, load_settings
from src.problem.steps import ReportSettings
from src.results.answer import answer_of, verdicts_of
from src.results.evaluate import Evaluate, TestScore
from src.results.verdicts import Estimate
from src.results.wording import ordinal
from src.tracking.lookup import versions_of

WIDTH = 100
HEADINGS = ("problem", "baseline", "shallow (95%)", "network (95%)", "network, sealed test")
Style = Callable[[str], str]


def summary(layouts: Sequence[Layout], bold: Style = str, green: Style = str, red: Style = str) -> str:
    """The whole page as text; the styles wrap single words for a terminal."""
    blocks = [_table(layouts, bold)]
    blocks += [_told(layout, bold, green, red) for layout in layouts]
    reports = [str(layout.results / "report.html") for layout in layouts if (layout.results / "report.html").exists()]
    ends = ["Reports, to open in a browser:", *(f"  {report}" for report in reports)] if reports else []
    ends += ["To compare the recorded runs, and to start more from a browser: `make serve`"]
    return "\n\n".join([*blocks, "\n".join(ends)])


def _table(layouts: Sequence[Layout], bold: Style) -> str:
    lines = [row for layout in layouts for row in rows(layout)]
    widths = [max(len(row[i]) for row in (HEADINGS, *lines)) for i in range(len(HEADINGS))]
    head, *body = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (HEADINGS, *lines)
    )
    return "\n".join([bold(head), *body])


def rows(layout: Layout) -> list[tuple[str, ...]]:
    """Two lines of cells: the scores, and below them the measure and the number of folds and rows."""
    path = layout.result("evaluate")
    if not path.exists():
        return [(layout.problem, "not evaluated yet", "", "", "")]
    evaluation = Evaluate.read(path)
    estimate, test = evaluation.cross_validation, evaluation.test
    repeats = f", {estimate.repeats} times" if estimate.repeats > 1 else ""
    text = printer_of(evaluation).bare

    def with_interval(score: Estimate | TestScore) -> str:
        low, high = (text(end).rstrip("%") for end in (score.low, score.high))
        return f"{text(score.value)} [{low}, {high}]"

    return [
        (
            layout.problem,
            text(evaluation.baseline),
            *(with_interval(evaluation.estimates[model]) for model in ("shallow", "network")),
            with_interval(test),
        ),
        (
            f"  {evaluation.measure}",
            "",
            f"test {text(evaluation.shallow_test.value)}",
            f"{estimate.folds} folds{repeats}",
            f"{test.rows:,} rows, {ordinal(test.opening)} time",
        ),
    ]


def _told(layout: Layout, bold: Style, green: Style, red: Style) -> str:
    lines = [bold(layout.problem)]
    if layout.settings("report").exists():
        settings = load_settings(layout, "report", ReportSettings)
        unit = f" (unit of the target: {settings.unit})" if settings.unit else ""
        lines = [_wrapped(f"{layout.problem}: {settings.question}{unit}", "").replace(layout.problem, lines[0], 1)]
    for _, verdict in verdicts_of(layout):
        word = "yes" if verdict.holds else "no "
        text = _wrapped(f"{word}  {verdict.name.replace('_', ' ')}: {verdict.evidence}", "  ")
        lines.append(text.replace(word, (green if verdict.holds else red)(word), 1))
    if layout.result("evaluate").exists():
        answer = answer_of(layout)
        text = _wrapped(f"answer: {answer}", "  ")
        lines.append(text.replace("answer", (green if answer.is_a_model else red)("answer"), 1))
    if versions := versions_of(layout.problem, home(layout)):
        lines.append(_wrapped(f"champion: {versions.why}", "  "))
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "     ", break_long_words=False)


def _style(code: int) -> Style:
    return lambda text: f"\033[{code}m{text}\033[0m"


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m tasks.summary", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    styles = {} if plain else {"bold": _style(1), "green": _style(32), "red": _style(31)}
    try:
        page = summary([Layout(problem) for problem in listed_problems(Path("params.yaml"))], **styles)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"\n{page}")


if __name__ == "__main__":
    main()

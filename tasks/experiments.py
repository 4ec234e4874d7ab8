"""The experiments of the last commit, for each problem in params.yaml: what each changed, and what it scored.

    python -m tasks.experiments

`dvc exp show` prints a column for every parameter and every file that a stage depends on, hundreds in all. This command
prints what matters on lines of 120 columns. The scores and the answer are those of results/<problem>/metrics.json.
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.core.errors import UserError
from src.core.files import Layout
from src.internals import dvc_repository
from src.judging.printer import Printer, printer
from src.problem.load import listed_problems
from src.results.answer import ADVICE
from src.results.metrics import USES, Metrics

WIDTH = 120
HEADINGS = ("experiment", "created", "network (95%)", "its sealed test", "answer")


@dataclass(frozen=True)
class State:
    """The workspace, the commit or an experiment: `params` and `metrics` as DVC has them, by file."""

    name: str
    created: str
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]

    def settings(self, layout: Layout) -> dict[str, Any]:
        """The settings of the problem's file and the defaults, nested keys joined by dots."""
        problem, params = (
            self.params.get(str(file), {}).get("data", {}) for file in (layout.problem_file, layout.params_file)
        )
        return dict(_flat({**problem, "defaults": params.get("defaults", {})}))

    def scores(self, layout: Layout) -> Metrics | None:
        data = self.metrics.get(str(layout.metrics), {}).get("data")
        return Metrics.model_validate(data) if data else None


def experiments(shown: Sequence[Mapping[str, Any]], problems: Sequence[str]) -> str:
    """The table of each problem as text. `shown`: what `dvc exp show --json` prints."""
    workspace, commit = (_state(entry) for entry in shown[:2])
    tried = [_state(revision) for each in shown[1]["experiments"] or [] for revision in (each["revs"] or [])[:1]]
    return "\n\n".join(_of_problem(workspace, commit, tried, Layout(problem)) for problem in problems)


def _of_problem(workspace: State, commit: State, tried: Sequence[State], layout: Layout) -> str:
    begin = commit.settings(layout)
    states = [
        (state, _changed(begin, state.settings(layout)), state.scores(layout)) for state in (workspace, commit, *tried)
    ]
    of_others = [state for state, changed, scores in states if not changed and scores in (None, commit.scores(layout))]
    shown = [each for each in states if each[0] not in tried or each[0] not in of_others]
    by_measure: dict[str, list[Metrics]] = {}
    for _, _, scores in shown:
        if scores is not None:
            by_measure.setdefault(scores.measure, []).append(scores)
    printing = {
        measure: printer(measure, "", [scores.baseline for scores in metrics], metrics)
        for measure, metrics in by_measure.items()
    }
    rows = [HEADINGS, *((state.name, state.created, *_cells(scores, printing)) for state, _, scores in shown)]
    changes = ["", *(changed for _, changed, _ in shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    title = f"{layout.problem}: {', '.join(by_measure)}" if by_measure else layout.problem
    return "\n".join([title, *(_line(row, widths, changed) for row, changed in zip(rows, changes, strict=True))])


def _cells(scores: Metrics | None, printing: Mapping[str, Printer]) -> tuple[str, str, str]:
    if scores is None:
        return "not finished", "", ""
    text = printing[scores.measure].bare
    advice = next((ADVICE[used] for used, use in USES.items() if use == scores.use), "")
    return f"{text(scores.cv)} [{text(scores.low)}, {text(scores.high)}]", text(scores.test), advice


def _line(row: Sequence[str], widths: Sequence[int], changed: str) -> str:
    """The cells of a row side by side, then what it changed, on lines of its own where that is too long."""
    text = "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    if len(text) + 2 + len(changed) <= WIDTH:
        return f"{text}  {changed}".rstrip()
    indent = " " * 6
    return f"{text.rstrip()}\n{textwrap.fill(changed, WIDTH, initial_indent=indent, subsequent_indent=indent)}"


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    set_ = [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
    return ", ".join(set_ + [f"without {name}" for name in before if name not in after])


def _state(entry: Mapping[str, Any]) -> State:
    data = entry["data"] or {"params": {}, "metrics": {}, "timestamp": None}
    created = str(data["timestamp"] or "").replace("T", " ")[:16]
    return State(entry["name"] or entry["rev"], created, data["params"], data["metrics"])


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m tasks.experiments", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    try:
        problems = listed_problems(Path("params.yaml"))
    except UserError as error:
        sys.exit(f"error: {error}")
    print(experiments(dvc_repository.experiments(), problems))


if __name__ == "__main__":
    main()

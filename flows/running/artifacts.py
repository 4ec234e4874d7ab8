"""What the run's page in Prefect shows besides states and logs: live progress and, at the end, the results.

    progress-<run>   the share of all steps that is done, including part of the current step
    verdicts-<run>   the scores, and every verdict with its evidence
    figures-<run>    the learning curve and the search
    links-<run>      the record in MLflow and the report

All but the first are Markdown. It can hold pictures, which then need no URL, and long evidence, which Prefect's own
tables cut off. Artifacts are only for display: if one cannot be made, the run's log says so and the run goes on.
"""

import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from time import monotonic
from typing import Any, Self, cast
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact, create_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from src.core.errors import UserError
from src.core.files import Layout
from src.core.progress import share
from src.core.steps import STEPS
from src.inputs.pictures import PICTURE
from src.judging.printer import Scores, printer_of
from src.models.measures import TABLE
from src.report.markdown import literal
from src.results.answer import Answer, answer_of, verdicts_of
from src.results.evaluate import Evaluate, TestScore
from src.results.verdicts import Estimate, Verdict
from src.results.wording import MODELS, scored
from src.tracking.identity import find_workflow_run
from src.tracking.lookup import versions_of

# Characters in a line of evidence: as many as fit a window of 1,400 pixels.
WIDTH = 50
# Seconds between two updates of the progress artifact within a step, at least.
SHORTEST_PAUSE = 1.0
MLFLOW_URL = "WORKFLOW_MLFLOW_URL"
CAPTIONS = {
    "learning_curve": (
        "Loss of the ladder's chosen network after each epoch; lower is better. The line marks the epoch with the "
        "lowest validation loss"
    ),
    "search": "The search: each line is one candidate, from its settings down to its score; darker is better",
}


class Progress:
    """The progress artifact of the flow run called `name`, which advances through `steps` during the block."""

    def __init__(self, name: str, steps: Sequence[str]) -> None:
        self.steps = steps
        self.client = get_client(sync_client=True)
        self.artifact: UUID | None = None
        self.completed = False
        self.begin(steps[0])
        with _for_show("progress"):
            created = create_progress_artifact(0.0, key("progress", name), description=self._at_step())
            self.artifact = cast(UUID, created)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception: type[BaseException] | None, *_: object) -> None:
        is_ended_by_signal = exception is not None and not issubclass(exception, Exception)
        if not self.completed and not is_ended_by_signal:
            self._move(f"ended in {self._at_step()}")

    def begin(self, step: str) -> None:
        """Begin `step`; those before it are done. Its first line of output shows it, as a cached step prints none."""
        self.step, self.share, self.due = step, 0.0, 0.0

    def line(self, text: str) -> None:
        """Advance as far as `text`, a line of the step's output, says. A step may do several jobs, each from 0."""
        portion = share(text)
        self.share = max(self.share, portion or 0.0)
        if monotonic() >= self.due and (portion is not None or self.due == 0):
            self.due = monotonic() + SHORTEST_PAUSE
            self._move(self._at_step() + (f"; {text.strip()}" if portion is not None else ""))

    def complete(self) -> None:
        """The last step is done."""
        self.completed, self.step, self.share = True, self.steps[-1], 1.0
        self._move(f"all {len(self.steps)} steps are done")

    def _at_step(self) -> str:
        return f"step {self.steps.index(self.step) + 1} of {len(self.steps)}: {self.step}"

    def _move(self, description: str) -> None:
        if self.artifact is None:
            return
        percent = round(100 * (self.steps.index(self.step) + self.share) / len(self.steps), 1)
        artifact, self.artifact = self.artifact, None  # after one failure the next update would also wait in vain
        with _for_show("progress"):
            self.client.update_artifact(artifact, ArtifactUpdate(data=percent, description=description))
            self.artifact = artifact


def publish(layout: Layout, name: str, home: Path, steps: Sequence[str] = STEPS) -> None:
    """Publish the results of `steps` as artifacts of the flow run called `name`.

    The steps ran in the folder of `layout`, and `home` has the records. For an isolated run the two differ.
    """
    with _for_show("the verdicts"):
        evaluation = Evaluate.read(layout.result("evaluate")) if "evaluate" in steps else None
        summary = f"verdicts up to the step {steps[-1]}"
        if evaluation:
            summary = f"{headline(evaluation)}; {answer_of(layout)}"
        _create("verdicts", name, summary, verdicts(layout, steps, evaluation))
    with _for_show("the figures"):
        if "report" in steps:
            _create("figures", name, "learning curve and search", figures(layout.results / "figures"))
    with _for_show("the links"):
        _create("links", name, *links(layout, name, home, "report" in steps))


def key(topic: str, name: str) -> str:
    """A key that Prefect accepts: lowercase letters, digits and dashes."""
    return f"{topic}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"


def rows_artifact(rows: Sequence[Mapping[str, Any]], topic: str, problem: str, line: str) -> None:
    """Rows as `src.saved.generator.as_json` gives them, as a table with its pictures. line: its description."""
    names = list(rows[0])
    table = [f"| {' | '.join(map(literal, names))} |", f"|{'---|' * len(names)}"]
    for row in rows:
        cells = [
            f"![{topic}]({value})" if str(value).startswith(PICTURE) else literal(str(value)) for value in row.values()
        ]
        table.append(f"| {' | '.join(cells)} |")
    create_markdown_artifact("\n".join(table), key(topic, problem), line)


def headline(evaluation: Evaluate) -> str:
    """The scores in one line."""
    scores = Scores.of(evaluation)
    return f"{TABLE[evaluation.measure].title}: {scores.cross_validated}; sealed test: {scores.sealed_test}"


def verdicts(layout: Layout, steps: Sequence[str], evaluation: Evaluate | None) -> str:
    """The scores, if there are any yet, and the verdicts of all `steps`."""
    all_verdicts = list(verdicts_of(layout, steps))
    scores = [_scores(evaluation, answer_of(layout))] if evaluation else []
    return "\n\n".join([*scores, _verdict_table(all_verdicts)])


def _scores(evaluation: Evaluate, answer: Answer) -> str:
    measure, across, printing = TABLE[evaluation.measure], evaluation.cross_validation, printer_of(evaluation)
    folds = f"{across.folds} folds" + (f", {across.repeats} times" if across.repeats > 1 else "")
    better = "higher" if measure.direction == "maximize" else "lower"
    looks = f"{evaluation.test.rows:,} rows, {scored(evaluation.test.opening)}"

    def row(name: str, score: Estimate | TestScore, rows: str) -> tuple[str, str, str, str]:
        return name, printing.bare(score.value), printing.interval(score.low, score.high), rows

    rows = [
        ("common sense", printing.bare(evaluation.baseline), "", folds),
        *(row(MODELS[model], evaluation.estimates[model], folds) for model in evaluation.saved_first),
        *(row(f"{MODELS[model]}, sealed test", evaluation.tests[model], looks) for model in evaluation.saved_first),
    ]
    table = _table(("model", measure.title, "95% interval", "measured on"), rows)
    return f"## Scores\n\n{table}\n\n({measure.title}: {better} is better.)\n\n**Answer**: {literal(str(answer))}"


def _verdict_table(step_verdicts: Sequence[tuple[str, Verdict]]) -> str:
    rows = [
        (step, verdict.name.replace("_", " "), "yes" if verdict.holds else "**no**", _wrapped(verdict.evidence))
        for step, verdict in step_verdicts
    ]
    return "## Verdicts\n\n" + (_table(("step", "verdict", "holds", "evidence"), rows) if rows else "None so far.")


def _wrapped(text: str) -> str:
    """Text broken into lines, because the page scrolls a table sideways instead of wrapping its cells."""
    return "<br>".join(map(literal, wrap(text, WIDTH, break_on_hyphens=False)))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


def figures(folder: Path) -> str:
    """The pictures, embedded, each below its caption. A search with one candidate has no picture."""
    return "\n\n".join(
        f"{caption}.\n\n![{caption}](data:image/png;base64,{b64encode(picture.read_bytes()).decode()})"
        for name, caption in CAPTIONS.items()
        if (picture := folder / f"{name}.png").exists()
    )


def links(layout: Layout, name: str, home: Path, report: bool) -> tuple[str, str]:
    """Where the record and the report are, as one line and as a list: files if no MLflow server runs."""
    address, recorded = os.environ.get(MLFLOW_URL), find_workflow_run(home, layout.problem, name)
    short, full = [], []
    if recorded and address:
        run = f"{address.rstrip('/')}/#/experiments/{recorded[0]}/runs/{recorded[1]}"
        short.append(f"[MLflow run]({run})")
        full.append(f"[{literal(name)} in MLflow]({run}): parameters, curves, files")
        if report:
            short.append(f"[report]({run}/artifacts/report.html)")
            full.append(f"[Report]({run}/artifacts/report.html): the answer and its evidence on one page")
    elif recorded:
        full.append(f"Recorded in MLflow as {literal(name)}; `make serve` starts its server")
    else:
        full.append("Nothing is recorded in MLflow")
    if report:
        file = f"`{Layout(layout.problem).results / 'report.html'}` in the repository's folder"
        at_home = layout.root.absolute() == home.absolute()
        full.append(f"Report: {file}" + ("" if at_home else f", once `make apply run={name}` has brought it home"))
    if versions := versions_of(layout.problem, home):
        full.append(f"Champion, the version to use: {literal(versions.why)}")
    return " and ".join(short) or "where the record and the report are", "\n".join(f"- {line}" for line in full)


def _create(topic: str, name: str, description: str, markdown: str) -> None:
    create_markdown_artifact(markdown, key(topic, name), description)


@contextmanager
def _for_show(what: str) -> Iterator[None]:
    """Log any exception in the block, even an unexpected one, and let the run go on."""
    try:
        yield
    except Exception as error:
        is_expected = isinstance(error, UserError)
        get_run_logger().warning("warning: the run's page will not show %s: %s", what, error, exc_info=not is_expected)

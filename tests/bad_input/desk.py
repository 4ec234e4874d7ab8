"""A folder with a good problem and a good table, which the cases spoil, and what a step says of it."""

import importlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from src.core.files import Layout
from src.core.steps import STEPS
from tasks import cli

ROWS = 60
GOOD_PROBLEM = {
    "question": "Does it hold?",
    "data": {"source": "file", "path": "mine.csv"},
    "target": "label",
    "type": "binary",
}
PROBLEM_FILE = "problems/mine.yaml"
WRITTEN_BEFORE_THE_REFUSAL = {"results/mine/validation.json", "results/mine/validation.html"}


def table(rows: int = ROWS, **columns: Sequence[Any]) -> str:
    """A good CSV file but for the `columns` given, which replace or join its own."""
    random = np.random.default_rng(0)
    whole: dict[str, Sequence[Any]] = {
        "size": random.normal(size=rows).round(3),
        "price": random.normal(size=rows).round(3),
        "city": random.choice(["here", "there"], rows),
        "label": ["yes", "no"] * (rows // 2),
    }
    lines = zip(*(whole | columns).values(), strict=True)
    return "\n".join([",".join(whole | columns), *(",".join(map(str, line)) for line in lines), ""])


def numbers(**spoiled: object) -> list[object]:
    """A column of numbers, with other values in some rows: `numbers(row17="n.a.")`."""
    values: list[object] = [0.5 + i % 7 for i in range(ROWS)]
    for row, value in spoiled.items():
        values[int(row.removeprefix("row"))] = value
    return values


@dataclass(frozen=True)
class Told:
    """What a step said and with which exit code."""

    step: str
    code: int
    text: str


@dataclass(frozen=True)
class Desk:
    """A folder with one problem, `mine`, in which the steps are called as the command line calls them."""

    root: Path
    log: pytest.LogCaptureFixture
    recorded: list[str]

    @property
    def layout(self) -> Layout:
        return Layout("mine", self.root)

    def put(self, content: str | bytes, name: str = "mine.csv") -> None:
        (self.layout.local / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def describe(self, problem: str | bytes | None = None, **changes: object) -> None:
        text = problem if problem is not None else yaml.safe_dump(GOOD_PROBLEM | changes, sort_keys=False)
        self.layout.problem_file.write_bytes(text.encode() if isinstance(text, str) else text)

    def run(self, step: str, *arguments: str) -> Told:
        self.log.clear()
        function = getattr(importlib.import_module(f"tasks.{step}"), step)
        with self.log.at_level(logging.INFO, logger="workflow"):
            code = cli.run(function, arguments or ["mine"])
        return Told(step, code, "\n".join(record.getMessage() for record in self.log.records))

    def run_until_refused(self, last: str = "prepare") -> Told:
        """Run the steps in order up to `last`; the refusing one leaves what the others wrote as it was."""
        for step in STEPS[: STEPS.index(last) + 1]:
            before = self.files()
            told = self.run(step)
            if told.code:
                changed = {name for name, content in self.files().items() if before.get(name) != content}
                assert not before.keys() - self.files().keys(), "files are lost"
                assert changed <= (WRITTEN_BEFORE_THE_REFUSAL if step == "validate" else set())
                return told
        return told

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.name != ".workflow.lock"
        }


@dataclass(frozen=True)
class Bad:
    """A bad input, the step that refuses it, and what it has to say, in this order."""

    step: str
    says: tuple[str, ...]
    csv: str | bytes | Callable[[], str] = field(default_factory=table, repr=False)
    problem: str | bytes | None = None
    changes: dict[str, object] = field(default_factory=dict)


def assert_says(text: str, parts: Sequence[str]) -> None:
    start = 0
    for part in parts:
        assert part in text[start:], f"{part!r} is not (in this order) in:\n{text}"
        start = text.index(part, start) + len(part)

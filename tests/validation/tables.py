"""A table without fault, and settings for it, that the tests spoil one at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src.problem.steps import ValidateSettings
from src.results.data import Finding, Validation
from src.tables.facts import TableFacts
from src.validation import check_table

ROWS = 120


def good_frame(rows: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    signal = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "height": signal,
            "weight": rng.normal(size=rows).round(3),
            "colour": pd.Series(rng.choice(["red", "green", "blue"], rows), dtype="str"),
            "member": pd.array(rng.random(rows) < 0.5, dtype="boolean"),
            "born": pd.Series(pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, rows), "D")).astype(
                "datetime64[us]"
            ),
            "clinic": pd.Series(rng.choice(list("abcdefghijkl"), rows), dtype="str"),
            "day": np.arange(rows, dtype=float),
            "trust": rng.uniform(0.5, 2, rows),
            "share": rng.uniform(0, 1, rows),
            "price": signal + rng.normal(size=rows),
            "tag_a": (rng.random(rows) < 0.4).astype(float),
            "tag_b": pd.Series(np.where(rng.random(rows) < 0.4, "true", "false"), dtype="str"),
            "answer": pd.Series(np.where(signal + rng.normal(size=rows) > 0, "yes", "no"), dtype="str"),
            "grade": pd.Series(rng.choice(["low", "mid", "high"], rows), dtype="str"),
        }
    )


TARGETS: dict[str, str | list[str]] = {
    "binary": "answer",
    "multiclass": "grade",
    "multilabel": ["tag_a", "tag_b"],
    "regression": "price",
    "unit_interval_regression": "share",
}


def settings(kind: str = "binary", **changes: Any) -> ValidateSettings:
    given = {
        "data": {"source": "file", "path": "table.csv"},
        "target": TARGETS[kind],
        "type": kind,
        "drop": [] if changes.get("time") == "day" else ["day"],
        "test": {"share": 0.2},
        "protocol": "auto",
        "folds": "auto",
        "repeats": "auto",
        "seed": 0,
        "validation": {},
    }
    return ValidateSettings.model_validate(given | changes)


def facts(frame: pd.DataFrame, kind: str = "binary", **changes: Any) -> TableFacts:
    return TableFacts(frame, settings(kind, **changes))


def checked(
    frame: pd.DataFrame, kind: str = "binary", expectations: Path = Path("absent.json"), **changes: Any
) -> Validation:
    return check_table(frame, settings(kind, **changes), expectations)


def findings(validation: Validation, check: str) -> list[Finding]:
    return [finding for finding in validation.findings if finding.check == check]


def spoiled(column: str, rows: list[int], value: object) -> pd.DataFrame:
    frame = good_frame()
    if isinstance(value, str) and frame[column].dtype != "str":
        frame[column] = frame[column].map(lambda v: f"{v:.3f}").astype("str")
    frame.loc[rows, column] = value
    return frame

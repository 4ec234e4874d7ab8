"""The base of all result files in `results/<problem>/`, which only the classes of this room write and read.

Values are in the unit of the measure (accuracy: share of rows; MAE: the target's unit). A result never holds a time, a
path or a run id, so that the same inputs give the same bytes.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Self

from pydantic import ConfigDict

from src.core.files import intact, read_model, write_json
from src.core.stored import Stored


class Result(Stored):
    model_config = ConfigDict(ser_json_inf_nan="null")

    def write(self, path: Path) -> None:
        write_json(path, self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: Path) -> Self:
        return read_model(path, cls)


_truth = {"True": True, "False": False}.__getitem__
_Columns = dict[str, Callable[[str], object]]

# How to parse the values of the result tables. Further columns depend on the problem; values may be missing.
_CURVES: _Columns = dict.fromkeys(("epoch", "training", "validation", "training_loss", "validation_loss"), float)
COLUMNS: dict[str, _Columns] = {
    "overfit_curves.csv": {"rung": float, "network": str, "parameters": float} | _CURVES,
    "candidates.csv": {
        "candidate": float,
        "network": str,
        "parameters": float,
        **dict.fromkeys(("dropout", "l1", "l2", "learning_rate", "batch_size", "epochs", "trained_epochs"), float),
        **dict.fromkeys(("best", "chosen"), _truth),
        **dict.fromkeys(("mean", "standard_error", "difference_error", "fold_1"), float),
    },
    "fold_scores.csv": dict.fromkeys(("repeat", "fold", "network", "common_sense", "shallow"), float),
    "evaluate_curves.csv": {"repeat": float, "fold": float} | _CURVES,
}


def read_records(path: Path) -> list[dict[str, str]]:
    """The rows of a result table. Raises UserError where it is missing or damaged."""
    with intact(path):
        text = path.read_bytes().decode("utf-8")
        if not text.endswith("\n"):
            raise ValueError("its last line is cut short")
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        if not rows:
            raise ValueError("no rows")
        for row in rows:
            if None in row or None in row.values():
                raise ValueError("rows of different lengths")
            for name, parse in COLUMNS[path.name].items():
                if row[name]:
                    parse(row[name])
    return rows

"""The rows of predictions.parquet, which the report reads.

Shapes: V held-out rows of a split, K outputs.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from src.judging.held_out import HeldOut
from src.kinds.registry import kind_of
from src.results.evaluate import Saved
from src.saved.inference import Model, actual_columns, prediction_columns
from src.tables.table import Table

# Sealed rows that the report shows as they are rebuilt: so many of the best, the middling and the worst.
REBUILT = 3


def predicted_rows(
    table: Table,
    test: Table,
    held_out: Mapping[Saved, HeldOut],
    of_heads: list[np.ndarray],
    p_test: Mapping[Saved, np.ndarray],
    rebuilt: Mapping[Saved, pd.DataFrame],
) -> pd.DataFrame:
    """The rows of predictions.parquet: those of both models, on the evaluation folds and on the sealed rows.

    of_heads: the network's predictions of further targets, which the shallow model does not predict. rebuilt: further
    columns of some sealed rows, by their positions.
    """
    schemas = {"network": table.schema, "shallow": table.schema.questions[0]}
    parts = []
    for name, model_held_out in held_out.items():
        further = of_heads if name == "network" else [p_VK[:, :0] for p_VK in model_held_out.predictions]
        for split, p_VK, others_VK in zip(model_held_out.splits, model_held_out.predictions, further, strict=True):
            columns = prediction_columns(np.hstack([p_VK, others_VK]), schemas[name])
            parts.append(_rows(table, split.validation, columns, name, "out_of_fold", split.repeat, split.fold))
        columns = prediction_columns(p_test[name], schemas[name])
        rows = _rows(test, np.arange(len(test)), columns, name, "test", 0, 0)
        if name in rebuilt:
            rows = rows.drop(columns="shown", errors="ignore").join(rebuilt[name])
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def rebuilt_rows(
    models: Mapping[Saved, Model], test: Table, p_test: Mapping[Saved, np.ndarray], p_saved: np.ndarray
) -> dict[Saved, pd.DataFrame]:
    """What each model rebuilds of the sealed rows that the saved one rebuilds best, middling and worst."""
    show = kind_of(test.schema.features).rebuilt
    if show is None:
        return {}
    order, few = np.argsort(p_saved[:, 0], kind="stable"), min(REBUILT, len(test) // 3)
    middle = (len(order) - few) // 2
    rows = np.unique(np.concatenate([order[:few], order[middle : middle + few], order[len(order) - few :]]))
    frame = test.frame.iloc[rows]
    return {
        name: show(frame, model.vectorizers[0], model.decoded(p_test[name][rows, 1:])).set_index(rows)
        for name, model in models.items()
    }


def _rows(
    table: Table, rows: np.ndarray, predicted: pd.DataFrame, model: Saved, split: str, repeat: int, fold: int
) -> pd.DataFrame:
    where = {"model": model, "split": split, "repeat": repeat, "fold": fold, "row": table.rows_N[rows]}
    head = pd.DataFrame(where)
    frame, features = table.frame.iloc[rows], table.schema.features
    shown = kind_of(features).shown
    if shown is not None:
        head["shown"] = shown(frame, features).array
    return pd.concat([head, actual_columns(frame, table.schema), predicted], axis=1)

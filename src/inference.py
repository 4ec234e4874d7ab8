"""A finished model: the fitted preprocessing and a committee of networks in one folder, without pickle.

`model.json` holds the schema, the vectorizer, the target scaler (in an ensemble of fold members, those of every fold),
the networks' configuration and, for values, how wide a prediction's interval is; `weights.npz` the weights, named
`<network>.<parameter>`. Shapes: N rows, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from src.errors import UserError
from src.files import atomic_directory, read_json, write_json
from src.kinds.series.windows import latest_windows
from src.kinds.vectorizers import Vectorizer
from src.preprocessing.targets import TargetScaler, restored
from src.tables import Schema, whole

if TYPE_CHECKING:
    from src.models import Head

# Rows scored at a time, which bounds the memory, and the most numbers that they may be made into.
CHUNK, NUMBERS = 65_536, 2**22
# Rows that a network sees at a time: the units of more do not fit the caches of a CPU, and many pictures no memory.
SEEN_AT_ONCE = 512


class Interval(BaseModel):
    """A prediction plus and minus the half width of its target holds the actual value with probability `coverage`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coverage: float
    half_widths: list[float]


class Preprocessing(BaseModel):
    """What was fitted to the rows that a network learnt from, and how many inputs it makes of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vectorizer: Vectorizer
    target_scaler: TargetScaler | None
    further_scalers: list[TargetScaler | None] = Field([], exclude_if=lambda scalers: not scalers)
    inputs: int | list[int]

    @property
    def numbers(self) -> int:
        """Of a row."""
        return sum(self.inputs) if isinstance(self.inputs, list) else self.inputs


class ModelCard(Preprocessing):
    """model.json: all but the weights.

    further: where the networks did not learn from the same rows (an ensemble of fold members), the preprocessing of the
    other folds. The networks come fold by fold, as many for each.
    """

    table: Schema
    network: dict[str, Any]
    interval: Interval | None = None
    further: list[Preprocessing] = Field([], exclude_if=lambda value: not value)

    @property
    def preprocessing(self) -> list[Preprocessing]:
        return [self, *self.further]


@dataclass(frozen=True)
class Model:
    """Scores raw rows: typed columns in, predictions out, averaged over the networks of the committee."""

    card: ModelCard
    committee: list[dict[str, NDArray[np.float32]]]

    @property
    def schema(self) -> Schema:
        return self.card.table

    def save(self, folder: Path) -> None:
        with atomic_directory(folder) as partial:
            write_json(partial / "model.json", self.card.model_dump(mode="json"))
            with (partial / "weights.npz").open("wb") as file:
                named = {f"{k}.{name}": w for k, weights in enumerate(self.committee) for name, w in weights.items()}
                np.savez(file, **named)  # type: ignore[arg-type]

    @cached_property
    def heads(self) -> "list[Head]":
        import torch

        from src.models import make_head
        from src.networks import build_network

        heads = []
        each = len(self.committee) // len(self.card.preprocessing)
        for k, weights in enumerate(self.committee):
            inputs = self.card.preprocessing[k // each].inputs
            network = build_network(self.card.network, inputs, self.schema.all_outputs)
            network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
            heads.append(make_head(self.schema.answers, network).eval())
        return heads

    def raw_predictions(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit, (N, K), those of further targets beside those of the main one;
        UserError where `frame` lacks a feature column.

        A row of a series is a moment, and its prediction what is forecast then; NaN where too little lies behind it.
        """
        missing = [feature.name for feature in self.schema.features if feature.name not in frame.columns]
        if missing:
            raise UserError(f"the rows lack columns that the model learnt from: {missing}")
        if self.schema.window is None:
            return self.row_predictions(frame)
        p_NK = np.full((len(frame), self.schema.all_outputs), np.nan)
        rows, of_frame = latest_windows(frame, self.schema.window)
        if len(rows):
            p_NK[of_frame] = self.row_predictions(rows)
        return p_NK

    def row_predictions(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """The same for the rows of a `Table`."""
        each = len(self.committee) // len(self.card.preprocessing)
        folds = [
            _predictions(rows, fitted, self.heads[k * each : (k + 1) * each], self.schema)
            for k, fitted in enumerate(self.card.preprocessing)
        ]
        return folds[0] if len(folds) == 1 else np.mean(folds, axis=0)

    def predict(self, frame: pd.DataFrame, intervals: bool = False) -> pd.DataFrame:
        """The columns of `prediction_columns` for every row of `frame`, with its index.

        With `intervals`, a model that knows them adds those of `interval_columns`.
        """
        p_NK = self.raw_predictions(frame)
        columns = prediction_columns(p_NK, self.schema)
        if intervals and self.card.interval is not None:
            columns = pd.concat([columns, interval_columns(p_NK, self.card.interval, self.schema)], axis=1)
        return columns.set_index(frame.index)


def _predictions(
    frame: pd.DataFrame, fitted: Preprocessing, heads: "Sequence[Head]", schema: Schema
) -> NDArray[np.float64]:
    """Mean predictions of networks that share their preprocessing, (N, K)."""
    import torch

    from src.training.inputs import answers, rows_of

    def answer(x: Any) -> torch.Tensor:
        return torch.from_numpy(np.mean([head.predictions(head(x)).double().numpy() for head in heads], axis=0))

    parts = []
    size = max(min(CHUNK, NUMBERS // max(fitted.numbers, 1)), 1)
    with torch.no_grad():
        for rows in whole(frame, schema, size):
            x_ND = rows_of(fitted.vectorizer.transform(rows), torch.float32)
            parts.append(answers(x_ND, SEEN_AT_ONCE, torch.device("cpu"), answer).numpy())
    p_NK = np.concatenate(parts) if parts else np.empty((0, schema.all_outputs))
    return restored(schema.split(p_NK), [fitted.target_scaler, *fitted.further_scalers])


def load_model(folder: Path) -> Model:
    """Read a folder that `Model.save` wrote."""
    card = ModelCard.model_validate(read_json(folder / "model.json"))
    committee: list[dict[str, NDArray[np.float32]]] = []
    with np.load(folder / "weights.npz", allow_pickle=False) as stored:
        for key in stored.files:
            network, name = key.split(".", 1)
            if int(network) == len(committee):
                committee.append({})
            committee[int(network)][name] = stored[key]
    return Model(card, committee)


def prediction_columns(p_NK: NDArray[np.float64], schema: Schema) -> pd.DataFrame:
    """Predictions as named columns.

    binary, multiclass: `predicted` (the class) and `probability__<class>`; multilabel: `predicted__<label>` (0 or 1)
    and `probability__<label>`; regression: `predicted__<target>`. Of further targets `predicted__<target>`, and of
    classes `probability__<target>__<class>`.
    """
    first, *others = schema.split(p_NK)
    tables = [_main_columns(first, schema)]
    for p_NH, asked in zip(others, schema.questions[1:], strict=True):
        name = asked.targets[0]
        of_class = {f"probability__{c}": f"probability__{name}__{c}" for c in asked.classes}
        tables.append(_main_columns(p_NH, asked).rename(columns={"predicted": f"predicted__{name}"} | of_class))
    return pd.concat(tables, axis=1)


def _main_columns(p_NK: NDArray[np.float64], schema: Schema) -> pd.DataFrame:
    if schema.classes:
        p_NC = np.column_stack([1 - p_NK[:, 0], p_NK[:, 0]]) if schema.type == "binary" else p_NK
        likeliest = (p_NC[:, 1] >= 0.5).astype(int) if schema.type == "binary" else p_NC.argmax(axis=1)
        columns: dict[str, Any] = {
            "predicted": pd.array(np.array(schema.classes, dtype=object)[likeliest], dtype="str")
        }
        return pd.DataFrame(columns | {f"probability__{c}": p_NC[:, i] for i, c in enumerate(schema.classes)})
    if schema.type == "multilabel":
        columns = {f"predicted__{t}": (p_NK[:, i] >= 0.5).astype(np.int64) for i, t in enumerate(schema.targets)}
        return pd.DataFrame(columns | {f"probability__{t}": p_NK[:, i] for i, t in enumerate(schema.targets)})
    return pd.DataFrame({f"predicted__{t}": p_NK[:, i] for i, t in enumerate(schema.targets)})


def interval_columns(p_NK: NDArray[np.float64], interval: Interval, schema: Schema) -> pd.DataFrame:
    """`low_95__<target>` and `high_95__<target>` (for a coverage of 0.95), cut at the ends of the target's range."""
    percent = f"{100 * interval.coverage:g}"
    lowest, highest = (0.0, 1.0) if schema.type == "unit_interval_regression" else (-np.inf, np.inf)
    columns = {}
    for i, (target, half) in enumerate(zip(schema.targets, interval.half_widths, strict=True)):
        columns[f"low_{percent}__{target}"] = np.maximum(p_NK[:, i] - half, lowest)
        columns[f"high_{percent}__{target}"] = np.minimum(p_NK[:, i] + half, highest)
    return pd.DataFrame(columns)


def actual_columns(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The targets of prepared rows, named to stand beside `prediction_columns`."""
    names = {"actual": schema.targets[0]} if schema.classes else {f"actual__{t}": t for t in schema.targets}
    names |= {f"actual__{of.name}": of.name for of in schema.heads}
    return pd.DataFrame({column: frame[name].array for column, name in names.items()})

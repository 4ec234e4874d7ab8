"""The prepared table as the later steps see it: feature columns, targets as numbers, weights and units.

Shapes: N rows, T target columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray
from pydantic import Field

from src.core.files import intact, read_model
from src.core.stored import Stored
from src.inputs.picture_file import fits, on_disk
from src.inputs.pictures import AT_ONCE
from src.inputs.sentences import begins
from src.inputs.vectors import WordVectors
from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.problem.terms import TypeName
from src.tables.columns import FeatureType
from src.tables.windows import Window, windows

# In a prepared folder, its rows, those without a target, and the vectors of the words of its texts.
LABELLED, UNLABELLED = "table.parquet", "unlabelled.parquet"
VECTORS = "vectors.npz"


class Feature(Stored):
    """A column to learn from.

    encoding: how a kind of input that has several ways makes it into numbers. window: the moments of a series that one
    row sees of it; None: its own value alone. sentence: where rows are words, the column that tells of which sentence.
    """

    name: str
    type: FeatureType
    encoding: dict[str, Any] = Field({})
    window: Window | None = Field(None, exclude_if=lambda window: window is None)
    sentence: str | None = Field(None, exclude_if=lambda sentence: sentence is None)

    @property
    def read_as(self) -> FeatureType | Literal["series"]:
        """The type that determines the kind of input."""
        return "series" if self.window else "token" if self.sentence else self.type


class HeadSpec(NamedTuple):
    """What a network gives for one target, see `src.models.several`."""

    type: str
    columns: int
    outputs: int
    weight: float


class FurtherHead(Stored):
    """A further target: see `Schema` and `src.problem.steps.FurtherTarget`; `measure` is what it is scored by."""

    name: str
    type: TypeName
    classes: list[str]
    positive: str | None
    weight: float
    measure: str


class Schema(Stored):
    """train/schema.json: what the columns of a prepared table are. Learnt from the training rows alone.

    `classes` are the class labels in the order of the network's outputs, the positive one last; empty where the target
    columns hold yes or no, or numbers. `heads` are further targets. `references` are columns that nothing is learnt
    from and that the report shows. `given` is the column whose classes rows can be drawn of. `code` is how many
    numbers a row's code has; `bits`: each of them is 0 or 1; `active`: if above 0, how many may be other than 0.
    `clusters`: into how many clusters rows are dealt out; `mixture`: their codes come from a mixture of so many.
    """

    type: TypeName
    features: list[Feature]
    targets: list[str]
    classes: list[str]
    positive: str | None
    groups: str | None
    time: str | None
    weights: str | None
    heads: list[FurtherHead] = Field([], exclude_if=lambda heads: not heads)
    references: list[str] = Field([], exclude_if=lambda names: not names)
    given: str | None = Field(None, exclude_if=lambda name: name is None)
    code: int = Field(0, exclude_if=lambda code: not code)
    bits: bool = Field(False, exclude_if=lambda bits: not bits)
    active: int = Field(0, exclude_if=lambda active: not active)
    clusters: int = Field(0, exclude_if=lambda clusters: not clusters)
    mixture: bool = Field(False, exclude_if=lambda mixture: not mixture)

    @property
    def problem_type(self) -> ProblemType:
        """That of the main target."""
        return TYPES[self.type].coded(self.bits, self.active, self.clusters, self.mixture)

    @property
    def outputs(self) -> int:
        """Number of the network's outputs for the main target."""
        return self.problem_type.outputs(len(self.classes), len(self.targets), self.described_by)

    @property
    def described_by(self) -> int:
        """How many numbers, bits or clusters describe a row; 0 for types that predict."""
        return self.code or self.clusters

    @property
    def all_outputs(self) -> int:
        """Those for the further targets, too."""
        return sum(spec.outputs for spec in self.head_specs)

    @property
    def questions(self) -> "list[Schema]":
        """The schema of each target as if it were the only one: the main target, then the further ones."""
        alone = self.model_copy(update={"heads": []})
        return [alone] + [
            alone.model_copy(
                update={"type": head.type, "targets": [head.name], "classes": head.classes, "positive": head.positive}
            )
            for head in self.heads
        ]

    @property
    def head_specs(self) -> list[HeadSpec]:
        weights = [1.0, *(head.weight for head in self.heads)]
        return [
            HeadSpec(head.type, len(head.targets), head.outputs, weight)
            for head, weight in zip(self.questions, weights, strict=True)
        ]

    def split(self, p_NK: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """All outputs of a network as those for each target."""
        return np.split(p_NK, np.cumsum([spec.outputs for spec in self.head_specs])[:-1], axis=1)

    @property
    def kept(self) -> list[str]:
        """The columns of a row that are not learnt from."""
        beside = None if self.given in {feature.name for feature in self.features} else self.given
        roles = (self.groups, self.time, self.weights, beside)
        return [
            "__row__",
            *self.targets,
            *(head.name for head in self.heads),
            *(name for name in roles if name is not None),
            *self.references,
        ]

    @property
    def reads_several_rows(self) -> bool:
        """Whether a prediction rests on more rows than its own: those of a series, or of a sentence."""
        return any(feature.window or feature.sentence for feature in self.features)

    @property
    def window(self) -> Window | None:
        """The window of a series, the same for all its columns."""
        return next((feature.window for feature in self.features if feature.window), None)

    @property
    def sentence(self) -> str | None:
        """The column that tells which sentence a row's word is of, where rows are words; it is a feature, too."""
        return next((feature.sentence for feature in self.features if feature.sentence), None)


@dataclass(frozen=True)
class Table:
    """Prepared rows. `y_NT`: 0/1, class index, or values; `w_N`: weights with mean 1; `rows_N`: original positions.

    vectors: of the words of the training texts, where the problem names a file of vectors. unlabelled: the features of
    rows without a target, to pretrain networks on. starts: initial weights by `Candidate.start`, then by their names.
    """

    schema: Schema
    frame: pd.DataFrame
    y_NT: NDArray[np.float64]
    w_N: NDArray[np.float64]
    rows_N: NDArray[np.int64]
    vectors: WordVectors | None = None
    unlabelled: pd.DataFrame | None = None
    starts: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def heads_NH(self) -> NDArray[np.float64]:
        """The further targets, encoded as `y_NT` is; NaN where a row lacks one."""
        y_NH = np.empty((len(self), len(self.schema.heads)))
        for column, asked in enumerate(self.schema.questions[1:]):
            y_N = encode_targets(self.frame, asked)[:, 0]
            y_NH[:, column] = np.where(y_N < 0, np.nan, y_N) if asked.classes else y_N
        return y_NH

    @property
    def truth_NT(self) -> NDArray[np.float64]:
        """What answers are compared with: the targets; of clusters the groups that the first reference column names.

        Groups are numbered from 0; -1: the row names none. Only scores read them, and no training does.
        """
        if not self.schema.problem_type.has_clusters or not self.schema.references:
            return self.y_NT
        groups_N, _ = pd.factorize(self.frame[self.schema.references[0]])
        return groups_N.astype(np.float64)[:, None]

    @property
    def unit_noun(self) -> str:
        """What `units` numbers, in the plural."""
        if self.schema.sentence is not None:
            return "sentences"
        return "groups" if self.schema.groups else "stretches of time" if self.schema.window else "rows"

    def units(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The unit of each of these rows, numbered from 0: its group, the stretch of a series, or the row itself."""
        if self.schema.groups is not None:
            return np.unique(self.frame[self.schema.groups].iloc[rows].to_numpy(), return_inverse=True)[1]
        if self.schema.window is not None:
            return np.unique(rows // self.schema.window.stretch(len(rows)), return_inverse=True)[1]
        return np.arange(len(rows))


def read_table(folder: Path, schema: Schema) -> Table:
    """Read a prepared folder's `table.parquet`; of a series, the windows are the rows."""
    path = folder / LABELLED
    with intact(path):
        frame = _frame(path, schema, schema.kept)
    unlabelled = None
    if (folder / UNLABELLED).exists():
        with intact(folder / UNLABELLED):
            unlabelled = _frame(folder / UNLABELLED, schema, ["__row__"])
    frame = rows_of(frame, schema)
    vectors = folder / VECTORS
    weights = np.ones(len(frame)) if schema.weights is None else frame[schema.weights].to_numpy(np.float64)
    return Table(
        schema=schema,
        frame=frame,
        y_NT=encode_targets(frame, schema),
        w_N=weights / weights.mean(),
        rows_N=frame["__row__"].to_numpy(np.int64),
        vectors=WordVectors.load(vectors) if vectors.exists() else None,
        unlabelled=unlabelled,
    )


def _frame(path: Path, schema: Schema, kept: Sequence[str]) -> pd.DataFrame:
    """The prepared rows; pictures that do not fit into memory stay on disk."""
    pictures = [feature.name for feature in schema.features if feature.type == "image"]
    with pyarrow.parquet.ParquetFile(path) as file:
        lacking = {*kept, *(feature.name for feature in schema.features)} - {*file.schema_arrow.names}
        if lacking:
            raise KeyError(min(lacking))
        if not pictures:
            return pd.read_parquet(path)
        names = file.schema_arrow.names
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        sizes = [group.column(names.index(name)).total_uncompressed_size for group in groups for name in pictures]
        if fits(sum(sizes)):
            return pd.read_parquet(path)
        frame = pd.read_parquet(path, columns=[name for name in names if name not in pictures])
        for name in pictures:
            parts = (part.column(0).to_pylist() for part in file.iter_batches(AT_ONCE, columns=[name]))
            frame[name] = pd.Series(on_disk(parts, f"{path}, {name}"), index=frame.index, dtype=object)
    return frame[names]


def rows_of(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows to learn from that a prepared table makes: its own, or the windows over it."""
    if schema.window is None:
        return frame
    return windows(frame, schema.window, [name for name in schema.kept if name not in schema.targets])


def whole(rows: pd.DataFrame, schema: Schema, size: int) -> Iterator[pd.DataFrame]:
    """Rows in parts of about `size` in their order; those of a sentence, which are read together, are in one part."""
    starts = np.arange(0, len(rows), size)
    if schema.sentence is not None and len(rows):
        first_S = np.flatnonzero(begins(rows[schema.sentence]))
        starts = np.unique(first_S[np.searchsorted(first_S, starts, side="right") - 1])
    for start, end in pairwise([*starts, len(rows)]):
        yield rows.iloc[start:end]


def read_schema(folder: Path) -> Schema:
    return read_model(folder / "schema.json", Schema)


def encode_targets(frame: pd.DataFrame, schema: Schema) -> NDArray[np.float64]:
    """Targets as (N, T) numbers: the class index in `schema.classes`, 0/1 per label, or the values."""
    if schema.classes:
        codes = pd.Index(schema.classes, dtype="str").get_indexer(frame[schema.targets[0]])
        return codes.astype(np.float64)[:, None]
    return frame[schema.targets].to_numpy(np.float64)

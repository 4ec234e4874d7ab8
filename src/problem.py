"""A problem file merged with the defaults of `params.yaml`, checked in every key before anything runs.

Each step's settings are one class that lists what the step reads; `Problem` is their union. The step `define`
writes every class as one small JSON file, so that DVC runs a step again only when something it reads has changed.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from src.errors import UserError
from src.files import Layout, read_json
from src.problem_errors import explained
from src.yaml_file import read_yaml

ProblemType = Literal["binary", "multiclass", "multilabel", "regression", "unit_interval_regression"]
ColumnKind = Literal["numeric", "categorical", "boolean", "date", "text", "image", "token"]
Auto = Literal["auto"]
Backbone = Literal["mobilenet_v2", "squeezenet1_0"]

CLASSIFICATION: tuple[ProblemType, ...] = ("binary", "multiclass", "multilabel")

# The first measure of each type is the automatic one; `src.measures` holds the definitions.
MEASURES: dict[ProblemType, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    "multilabel": ("mean_average_precision", "micro_f1", "macro_f1", "hamming_accuracy", "subset_accuracy"),
    "regression": ("mae", "rmse", "mse", "r2"),
    "unit_interval_regression": ("mae", "rmse", "mse", "r2"),
}
Measure = Literal[
    "auto",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
    "macro_f1",
    "mean_average_precision",
    "micro_f1",
    "hamming_accuracy",
    "subset_accuracy",
    "mae",
    "rmse",
    "mse",
    "r2",
]

# Columns that prepare and evaluate add to the user's tables.
RESERVED_COLUMNS = ("__row__", "__role__")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


S = TypeVar("S", bound=Settings)


class Reading(Settings):
    """How the bytes of a table file are read; `auto` goes by the file's ending."""

    format: Literal["auto", "csv", "tsv", "parquet", "jsonl", "arff", "conllu"] = "auto"
    encoding: str = Field("utf-8", description="text encoding of a CSV, TSV or JSON Lines file")
    separator: str | None = Field(
        None, min_length=1, max_length=1, description="column separator of a CSV file; a comma by default"
    )
    missing: list[str] = Field(default=["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"])
    strip_end: str = Field("", description="characters removed from the end of every value, beside white space")
    names: list[str] | None = Field(
        None, min_length=1, description="the column names of a file that has no header line"
    )
    skip_lines: int = Field(0, ge=0, description="lines to pass over before the header or the first row")


class SklearnSource(Settings):
    """One of the data sets that ship inside scikit-learn."""

    source: Literal["sklearn"]
    name: Literal["breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine"]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


class Members(Settings):
    """How the files inside an archive are rows of one table, see `src.datasets.members`."""

    members: Pattern | None = Field(
        None,
        description="a regular expression over the paths inside an archive: every file that it matches is a row; its "
        "named groups are columns, and the file's text is the column `text`",
    )
    content: Literal["text", "image", "cifar"] = Field(
        "text",
        description="with members: what the files hold; a picture is the column `image`, and with its class, the "
        "column `label`, a record of CIFAR-10's binary files",
    )
    records: Pattern | None = Field(
        None,
        description="with members: a regular expression over a file's text; every match is a row, its named groups "
        "are columns",
    )

    pictures: str | None = Field(
        None,
        min_length=1,
        description="the column of a table with the paths of pictures, which begin at the table's folder: their files "
        "come in its place",
    )

    @model_validator(mode="after")
    def records_are_in_members(self) -> Self:
        if self.pictures is not None and self.members is not None:
            raise ValueError("pictures: a table names them; with `members` the files of pictures are rows themselves")
        if self.records is not None and self.members is None:
            raise ValueError("records: say which files of the archive hold them, as `members`")
        if self.content != "text" and (self.members is None or self.records is not None):
            raise ValueError("content: pictures are the files of an archive; name them as `members`, without `records`")
        return self


class LocalSource(Reading, Members):
    """A table file below `data/local/`, the folder DVC watches for changes."""

    source: Literal["file"]
    path: str = Field(min_length=1, description="the path of the file, or of a folder of members, below data/local/")


class Repacked(Settings):
    """Another archive with the same members, or others; a folder named by DATA_MIRROR may hold this one instead."""

    name: str = Field(min_length=1, description="the file's name")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 digits and letters a to f")
    members: Pattern | None = Field(None, description="where the rows are other files in it: which")
    content: Literal["text", "image"] | None = Field(None, description="and what these hold")


class Address(Settings):
    """Where a file is, and what it has to be."""

    url: str = Field(pattern=r"^(https?|ftp)://", description="an address that begins with https://, http:// or ftp://")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 digits and letters a to f")


class RemoteFile(Members, Address):
    """One file at an address. `role: test` marks an official test set."""

    member: str | None = Field(None, description="the table's path inside an archive (zip, tar, tgz, tar.xz)")
    skip_lines: int | None = Field(None, ge=0, description="overrides data.skip_lines for this file")
    role: Literal["any", "test"] = "any"
    repacked: Repacked | None = None
    labels: Address | None = Field(
        None, description="the file is one of pictures in IDX format, and this one holds the class of each"
    )


class RemoteSource(Reading):
    """One or more files at addresses with their checksums; their rows are joined in the order given."""

    source: Literal["address"]
    files: list[RemoteFile] = Field(min_length=1)


Source = Annotated[SklearnSource | LocalSource | RemoteSource, Field(discriminator="source")]


class SealedSplit(Settings):
    """How the sealed test set is chosen: a share of the rows, or the rows where `column` equals `value`."""

    share: float = Field(0.2, gt=0, le=0.5)
    column: str | None = None
    value: str | int | bool | None = None


class Validation(Settings):
    """Limits of the data checks."""

    max_categories: int = Field(1000, ge=2, description="more distinct values than this in a text column is an error")
    imbalance_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="warn when the rarer of two classes has less than this share; of K classes: 2/K of it",
    )
    leak_score: float = Field(
        0.999, gt=0.5, le=1, description="a single column that scores at least this much gives the target away"
    )


class Training(Settings):
    """How a network is trained unless the search says otherwise (the book's defaults)."""

    optimizer: Literal["rmsprop", "adam", "adamw", "sgd"] = "rmsprop"
    learning_rate: float = Field(0.001, gt=0, le=10)
    batch_size: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="rows per gradient step; auto: by the number of rows"
    )
    epochs: Annotated[int, Field(ge=1, le=100_000)] | Auto = Field(
        "auto", description="the most epochs any training may take; auto: by the kind of input and the number of rows"
    )
    activation: Literal["relu", "tanh", "gelu"] = "relu"


class OverfitLadder(Settings):
    """The capacity ladder: `first_units` in one hidden layer, doubling from rung to rung."""

    first_units: int = Field(4, ge=1, le=4096)
    max_rungs: int = Field(6, ge=1, le=16)


class Search(Settings):
    """The search of the step regularize."""

    budget: Annotated[int, Field(ge=1, le=10_000)] | Auto = Field(
        "auto", description="number of candidates; auto: by the kind of input"
    )
    dropout: list[Annotated[float, Field(ge=0, lt=1)]] = Field(min_length=1)
    l1: list[Annotated[float, Field(ge=0, le=10)]] = Field(min_length=1)
    l2: list[Annotated[float, Field(ge=0, le=10)]] = Field(min_length=1)
    learning_rate: list[Annotated[float, Field(gt=0, le=1000)]] = Field(
        min_length=1, description="factors on training.learning_rate"
    )


class Engine(Settings):
    """Where trainings run. Never part of a stage's dependencies: results do not depend on it."""

    backend: Literal["local", "dask", "ray"] = "local"
    address: str | None = Field(
        None, min_length=1, description="where the cluster is: tcp://scheduler:8786 (dask), ray://head:10001 (ray)"
    )
    workers: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="processes; auto: one per core when the job is long enough, or all that a cluster has"
    )
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    memory: float = Field(0.5, gt=0, le=1, description="share of the device's free memory that a training may take")
    precision: Literal["float32", "tf32", "bf16"] = Field(
        "float32", description="of matrix products on a GPU; tf32 and bf16 are faster and change the results"
    )

    devices: int = Field(
        1, ge=1, description="on how many devices of a machine to train each member, one that is too large for a single"
    )
    strategy: Literal["auto", "ddp"] = Field("auto", description="Lightning's, where members are spread over devices")
    num_nodes: int = Field(
        1,
        ge=1,
        description="machines over which each member is spread: the step runs on all of them at once, with "
        "MASTER_ADDR, MASTER_PORT and NODE_RANK set",
    )

    @property
    def spreads(self) -> bool:
        """Whether a member is trained on several devices."""
        return self.devices * self.num_nodes > 1

    @model_validator(mode="after")
    def a_cluster_has_an_address(self) -> Self:
        if (self.backend == "local") != (self.address is None):
            raise ValueError("engine: give an address with backend dask or ray, and none with local")
        return self

    @model_validator(mode="after")
    def a_strategy_needs_several_devices(self) -> Self:
        if self.strategy != "auto" and not self.spreads:
            raise ValueError("engine: a strategy is for several devices or num_nodes; leave strategy: auto with one")
        return self


class VectorsFile(Settings):
    """A text file of word vectors as GloVe and word2vec write them: on every line a word and its numbers."""

    path: str | None = Field(None, min_length=1, description="the path of the file below data/local/")
    url: str | None = Field(
        None, pattern=r"^(https?|ftp)://", description="an address that begins with https://, http:// or ftp://"
    )
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 digits and letters a to f"
    )
    member: str | None = Field(None, description="the file's path inside an archive (zip, tar, tgz, tar.xz)")

    @model_validator(mode="after")
    def lies_in_one_place(self) -> Self:
        given = {key for key in ("path", "url", "sha256") if getattr(self, key) is not None}
        if given not in ({"path"}, {"url", "sha256"}):
            raise ValueError("word_vectors: give the path of a file below data/local/, or its url and sha256")
        return self


class FetchSettings(Settings):
    data: Source
    word_vectors: VectorsFile | None = Field(
        None, description="vectors that sequences of words start from, see text.train_vectors"
    )


# How what is read in order is turned: to see what a network makes of the order.
ReadingOrder = Literal["onward", "reversed", "shuffled"]


# Networks with layers that have a state.
RECURRENT = ("rnn", "gru", "lstm", "convolution_gru")


class ReadsInOrder(Settings):
    """What recurrent layers have that read a sequence."""

    layers: int = Field(1, ge=1, le=4, description="recurrent layers, one upon the other")
    bidirectional: bool = Field(False, description="recurrent layers read from both ends")
    recurrent_dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout of the recurrent state, by one mask for each sequence"
    )

    @property
    def options(self) -> dict[str, Any]:
        """Those of them that are not left as they are by default."""
        own = {name: getattr(self, name) for name in ReadsInOrder.model_fields}
        return {name: value for name, value in own.items() if value != ReadsInOrder.model_fields[name].default}


class Text(ReadsInOrder):
    """How columns of text become numbers."""

    encoding: Literal["auto", "multi_hot", "count", "tf_idf", "hashed", "sequence"] = "auto"
    tokens: Literal["words", "characters"] = "words"
    ngrams: Annotated[int, Field(ge=1, le=5)] | Auto = Field(
        "auto", description="the longest run of tokens that is a column of its own; auto: 2 words, 5 characters"
    )
    vocabulary: int = Field(50_000, ge=2, le=2**20, description="the most columns, or numbered tokens of a sequence")
    length: Annotated[int, Field(ge=1, le=10_000)] | Auto = Field(
        "auto", description="tokens of a sequence; longer texts are cut at the end; auto: by the training rows"
    )
    network: Literal["embedding", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"] = Field(
        "embedding", description="the networks that read sequences"
    )
    order: ReadingOrder = Field("onward", description="of a sequence; shuffled: anew for every text")
    train_vectors: bool | Auto = Field(
        "auto", description="whether vectors of word_vectors go on learning; auto: the search tries both"
    )


class Tokens(Settings):
    """How a sentence is read that has a label for each word."""

    vocabulary: int = Field(50_000, ge=2, le=2**20, description="the most words that have a number of their own")
    network: Literal["lstm", "gru"] = Field("lstm", description="the recurrent layer that reads a sentence both ways")
    layers: int = Field(1, ge=1, le=4, description="such layers, one upon the other")
    characters: Literal["lstm", "convolution", "none"] = Field(
        "lstm", description="what reads the characters of a word, beside its embedding"
    )


class Image(Settings):
    """What pictures are brought to."""

    size: Annotated[int, Field(ge=4, le=1024)] | Auto = Field(
        "auto", description="pixels of the longer side; auto: as it is, at most 64"
    )
    network: Literal["auto", "plain", "double", "separable", "residual", "inception", "xception"] = Field(
        "auto", description="the blocks of the convolutional networks; auto: deeper ones the higher the ladder"
    )
    pretrained: Literal["none", "mobilenet_v2", "squeezenet1_0"] | list[Backbone] = Field(
        "none", description="a network trained on ImageNet, or several, whose features are learnt from, not pixels"
    )
    fine_tune: Annotated[int, Field(ge=0, le=12)] | Literal["none", "auto"] = Field(
        "none",
        description="with pretrained: how many of its last blocks learn on; 0: none, but its features are found while "
        "pictures change; auto: 4; none: its features are found once, before anything is learnt",
    )

    @property
    def backbones(self) -> list[Backbone]:
        """The networks trained on ImageNet."""
        if isinstance(self.pretrained, list):
            return self.pretrained
        return [] if self.pretrained == "none" else [self.pretrained]

    @model_validator(mode="after")
    def backbones_are_given_once_and_where_needed(self) -> Self:
        if len(set(self.backbones)) < len(self.backbones) or not self.pretrained:
            raise ValueError(f"image.pretrained: one network or several, each once, not {self.pretrained}")
        if self.fine_tune != "none" and not self.backbones:
            raise ValueError("image.fine_tune: say which network is to learn on, as image.pretrained: mobilenet_v2")
        return self


class Series(ReadsInOrder):
    """Rows in time order, learnt from as windows; counted in moments, which are the rows of the table."""

    lookback: int = Field(ge=1, le=10_000, description="moments of a window")
    delay: int = Field(1, ge=1, le=10_000, description="moments from the last of a window to its target")
    steps: int = Field(1, ge=1, le=1_000, description="moments in a row that are forecast, from that one on")
    stride: int = Field(1, ge=1, le=10_000, description="moments from one window to the next")
    season: Annotated[int, Field(ge=1)] | Auto = Field(
        "auto", description="moments after which the series repeats itself; auto: by the distance of dates"
    )
    relative: bool | Auto = Field(
        "auto", description="forecast the change since a window's last moment; auto: where the series drifts"
    )
    network: Literal["auto", "dense", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"] = "auto"
    order: ReadingOrder = Field("onward", description="of a window's moments; shuffled: the same for every window")


class FurtherTarget(Settings):
    """A further target, which a head of its own on the same network predicts."""

    type: Literal["binary", "multiclass", "regression", "unit_interval_regression"]
    weight: float = Field(1.0, gt=0, le=1e6, description="of its loss beside that of the main target, which is 1")
    positive: str | int | bool | None = Field(None, description="binary: the class that counts as positive")

    @model_validator(mode="after")
    def only_two_classes_have_a_positive_one(self) -> Self:
        if self.positive is not None and self.type != "binary":
            raise ValueError(f"heads: positive: only type binary has a positive class, not {self.type}")
        return self


class TableSettings(FetchSettings):
    """What the columns of the raw table are for."""

    target: str | list[str] = Field(description="the target column, or several of them")
    type: ProblemType
    positive: str | int | bool | None = Field(None, description="binary: the class that counts as positive")
    heads: dict[str, FurtherTarget] = Field(
        default={}, description="further target columns, which share the network with the main target"
    )
    drop: list[str] = Field(default=[], description="columns never learnt from")
    columns: dict[str, ColumnKind] = Field(default={}, description="kinds of columns where the guess is wrong")
    groups: str | None = Field(None, description="rows of one group never straddle a split")
    time: str | None = Field(None, description="the test set and the validation folds come after their training rows")
    weights: str | None = Field(None, description="sample weights, used in losses and measures")
    series: Series | None = Field(None, description="what to learn from is windows over the rows in time order")
    test: SealedSplit

    @property
    def targets(self) -> list[str]:
        return [self.target] if isinstance(self.target, str) else self.target


class ProtocolSettings(Settings):
    protocol: Literal["auto", "hold_out", "k_fold", "iterated_k_fold", "nested"]
    folds: int | Auto = Field(description="K of K-fold; auto: by rows")
    repeats: int | Auto = Field(description="how often iterated K-fold shuffles anew; auto: by rows")
    seed: int = Field(ge=0, lt=2**31)

    @model_validator(mode="after")
    def folds_fit_the_protocol(self) -> Self:
        if self.folds != "auto" and self.folds < 2:
            raise ValueError("folds: K-fold needs at least 2 folds")
        if self.repeats != "auto" and self.repeats < 1:
            raise ValueError("repeats: at least 1")
        if self.protocol == "hold_out" and (self.folds != "auto" or self.repeats != "auto"):
            raise ValueError("protocol hold_out has neither folds nor repeats: remove these keys or choose k_fold")
        if self.protocol == "k_fold" and self.repeats not in ("auto", 1):
            raise ValueError("protocol k_fold has one repeat: remove repeats or choose iterated_k_fold")
        return self


class ValidateSettings(TableSettings, ProtocolSettings):
    validation: Validation


class PrepareSettings(TableSettings, ProtocolSettings):
    measure: Measure
    text: Text = Text()
    image: Image = Image()
    tokens: Tokens = Tokens()


class BaselineSettings(Settings):
    seed: int = Field(ge=0, lt=2**31)


class OverfitSettings(BaselineSettings):
    training: Training
    overfit: OverfitLadder


class RegularizeSettings(BaselineSettings):
    training: Training
    search: Search


class EvaluateSettings(RegularizeSettings):
    committee: int = Field(
        ge=1,
        le=100,
        description="networks of the chosen configuration whose predictions are averaged in the final model",
    )
    final: Literal["refit", "fold_ensemble"] = Field(
        description="the final model: fitted anew to all training rows, or the networks of the evaluation folds"
    )


class ReportSettings(Settings):
    question: str = Field(min_length=1, description="what we want to know, as one sentence")
    unit: str = Field("", description="the target's unit, for example '1,000 USD'")


class Problem(ValidateSettings, PrepareSettings, OverfitSettings, EvaluateSettings, ReportSettings):
    """Everything a problem file may say, merged with `params.yaml`."""

    engine: Engine

    @model_validator(mode="after")
    def settings_fit_together(self) -> Self:
        several = len(self.targets) > 1
        if len(set(self.targets)) != len(self.targets) or not self.targets:
            raise ValueError(f"target: give one column or several different ones, not {self.target!r}")
        if self.type in ("binary", "multiclass") and several:
            raise ValueError(f"target: type {self.type} has one target column, given {self.targets}; try multilabel")
        if self.type == "multilabel" and not several:
            raise ValueError("target: type multilabel needs a list of at least two target columns; try binary")
        if self.positive is not None and self.type != "binary":
            raise ValueError(f"positive: only type binary has a positive class, not {self.type}")
        if self.measure != "auto" and self.measure not in MEASURES[self.type]:
            allowed = ", ".join(("auto", *MEASURES[self.type]))
            raise ValueError(f"measure: {self.measure} does not suit type {self.type}; allowed: {allowed}")
        roles = {"target": self.targets, "heads": [*self.heads], "drop": self.drop}
        roles |= {key: [name] for key in ("groups", "time", "weights") if (name := getattr(self, key)) is not None}
        seen: dict[str, str] = {}
        for role, names in roles.items():
            for name in names:
                if seen.setdefault(name, role) != role:
                    raise ValueError(f"{role}: column {name!r} is already named by {seen[name]}; one column, one role")
        if self.time is not None and self.groups is not None:
            raise ValueError("time: a problem is split by time or by groups, not by both; remove one of the two keys")
        if self.time is not None and self.protocol == "nested":
            raise ValueError(
                "protocol: the first rows in time order leave none to search in; choose k_fold or hold_out"
            )
        if self.time is not None and self.final == "fold_ensemble":
            raise ValueError("final: in time order most networks of the folds know only the distant past; choose refit")
        if self.time is not None and (self.protocol == "iterated_k_fold" or self.repeats not in ("auto", 1)):
            key = "protocol" if self.protocol == "iterated_k_fold" else "repeats"
            raise ValueError(f"{key}: rows in time order cannot be shuffled anew; choose k_fold or hold_out")
        words = [name for name, kind in self.columns.items() if kind == "token"]
        if words and self.groups is None:
            raise ValueError(
                f"columns: name the column that tells which sentence a token of {words[0]!r} is of as `groups`"
            )
        if self.series is not None and self.heads:
            raise ValueError("heads: a series is forecast by one head; remove `heads` or `series`")
        if self.series is not None and self.time is None:
            raise ValueError("series: name the column with the moments of the rows as `time`")
        for key, reads in {"text": self.text, "series": self.series}.items():
            if reads is not None and reads.options and reads.network not in ("auto", *RECURRENT):
                name = next(iter(reads.options))
                raise ValueError(f"{key}.{name}: network {reads.network} has no recurrent layers; choose gru or lstm")
        if self.word_vectors is None and self.text.train_vectors != "auto":
            raise ValueError("text.train_vectors: there are no vectors to train; name their file as `word_vectors`")
        if self.text.order != "onward" and self.text.encoding not in ("auto", "sequence"):
            raise ValueError("text.order: a bag of words has none; choose text.encoding: sequence")
        if self.series is not None and self.series.order != "onward" and self.series.relative is True:
            raise ValueError("series.order: a change since the last moment needs it last; choose relative: false")
        in_order = self.text.encoding in ("auto", "sequence") and self.text.tokens == "words"
        if self.word_vectors is not None and not in_order:
            raise ValueError(
                "word_vectors: they are of words read in order; choose text: {encoding: sequence, tokens: words}"
            )
        if self.series is not None and self.series.relative is True and self.type != "regression":
            raise ValueError(f"series.relative: a change is forecast by type regression only, not by {self.type}")
        if self.series is not None and self.series.steps > 1 and self.type in ("binary", "multiclass"):
            raise ValueError(f"series.steps: type {self.type} has one target, one step ahead; choose steps: 1")
        if (self.test.column is None) != (self.test.value is None):
            raise ValueError("test: give both column and value (the rows of the sealed test set), or neither")
        if self.test.column in (*self.targets, *self.heads):
            raise ValueError(
                f"test: {self.test.column!r} is a target; seal the rows by another column, or give a share"
            )
        return self


STEP_SETTINGS: dict[str, type[Settings]] = {
    "fetch": FetchSettings,
    "validate": ValidateSettings,
    "prepare": PrepareSettings,
    "baseline": BaselineSettings,
    "overfit": OverfitSettings,
    "regularize": RegularizeSettings,
    "evaluate": EvaluateSettings,
    "report": ReportSettings,
    "engine": Engine,
}


def load_problem(layout: Layout) -> Problem:
    """Read `problems/<name>.yaml`, merge it over the defaults of `params.yaml` and check the whole.

    Raises UserError naming the file, the key, what was given, what is allowed and the nearest valid spelling.
    """
    if not layout.problem_file.exists():
        raise UserError(f"{layout.problem_file} does not exist{_nearest_problem(layout)}")
    given = read_yaml(layout.problem_file)
    defaults = read_yaml(layout.params_file).get("defaults")
    if not isinstance(defaults, dict):
        raise UserError(f"{layout.params_file}: needs a mapping named 'defaults'")
    try:
        return Problem.model_validate(_merged(defaults, given))
    except ValidationError as error:
        raise UserError("\n".join(explained(error, Problem, given, layout))) from None


def settings_of(problem: Problem, step: str) -> dict[str, Any]:
    """The part of `problem` that `step` reads, as plain JSON values."""
    if step == "engine":
        return problem.engine.model_dump(mode="json")
    return problem.model_dump(mode="json", include=set(STEP_SETTINGS[step].model_fields))


def load_settings(layout: Layout, step: str, kind: type[S]) -> S:
    """Read the settings file that `define` wrote for `step`."""
    path = layout.settings(step)
    if not path.exists():
        raise UserError(f"{path} is missing: run `python -m tasks.define {layout.problem}` first, or `dvc repro`")
    return kind.model_validate(read_json(path))


def _nearest_problem(layout: Layout) -> str:
    known = sorted(file.stem for file in layout.problem_file.parent.glob("*.yaml"))
    near = get_close_matches(layout.problem, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(known)}" if known else ""


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        base = defaults.get(key)
        merged[key] = _merged(base, value) if isinstance(base, dict) and isinstance(value, dict) else value
    return merged

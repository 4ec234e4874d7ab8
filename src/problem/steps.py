"""What each step reads of a problem file, a class for each; and `Problem`, all of them, whose keys have to agree."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from src.models.measures import TABLE
from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.problem.inputs import READING_ON, RECURRENT, Image, Likelihood, Series, Text, Tokens
from src.problem.sources import Source, VectorsFile
from src.problem.terms import Auto, ColumnType, FurtherTypeName, Measure, Pretrain, Settings, TypeName
from src.problem.training import Engine, OverfitLadder, Search, Training

_PRETRAIN: Any = Field(
    "none",
    description="what the search's networks may learn first, from rows without a target",
    exclude_if=lambda method: method == "none",
)


class SealedSplit(Settings):
    """How the sealed test set is chosen: a share of the rows, or the rows where `column` equals `value`."""

    share: float = Field(0.2, gt=0, le=0.5, description="of the rows; a file with `role: test` replaces it")
    column: str | None = Field(None, description="the column that tells which rows are sealed")
    value: str | int | bool | None = Field(None, description="its value in these rows")


class Validation(Settings):
    """Limits of the data checks."""

    max_categories: int = Field(
        1000, ge=2, le=1_000_000, description="more distinct values than this in a text column is an error"
    )
    imbalance_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="warn when the rarer of two classes has less than this share; of K classes: 2/K of it",
    )
    leak_score: float = Field(
        0.999, gt=0.5, le=1, description="a column that alone scores more than this gives the target away; 1: none does"
    )


class FetchSettings(Settings):
    data: Source = Field(description="where the rows come from")
    word_vectors: VectorsFile | None = Field(
        None, description="vectors that sequences of words start from, see text.train_vectors"
    )


class FurtherTarget(Settings):
    """A further target, which a head of its own on the same network predicts."""

    type: FurtherTypeName = Field(description="what is predicted")
    weight: float = Field(1.0, gt=0, le=1e6, description="of its loss beside that of the main target, which is 1")
    positive: str | int | bool | None = Field(None, description="of two classes the one that counts as positive")

    @model_validator(mode="after")
    def only_two_classes_have_a_positive_one(self) -> Self:
        if self.positive is not None and not TYPES[self.type].has_positive:
            raise ValueError(f"heads: {_no_positive(self.type)}")
        return self


class TableSettings(FetchSettings):
    """What the columns of the raw table are for."""

    target: str | list[str] | None = Field(None, description="the target column, or several of them")
    type: TypeName = Field(description="what is asked of the data")
    positive: str | int | bool | None = Field(None, description="of two classes the one that counts as positive")
    heads: dict[str, FurtherTarget] = Field(
        default={}, description="further target columns, which share the network with the main target"
    )
    drop: list[str] = Field(default=[], description="columns never learnt from")
    reference: str | list[str] = Field(
        default=[],
        description="columns that nothing is learnt from, and that the report shows the results by",
        exclude_if=lambda names: not names,
    )
    given: str | None = Field(
        None,
        description="the column of classes that rows can be drawn of; only of types that draw rows",
        exclude_if=lambda name: name is None,
    )
    columns: dict[str, ColumnType] = Field(default={}, description="types of columns where the guess is wrong")
    groups: str | None = Field(None, description="rows of one group never straddle a split")
    time: str | None = Field(None, description="the test set and the validation folds come after their training rows")
    weights: str | None = Field(None, description="sample weights, used in losses and measures")
    series: Series | None = Field(None, description="what to learn from is windows over the rows in time order")
    pretrain: Pretrain = _PRETRAIN
    labelled: int | None = Field(
        None,
        ge=10,
        le=1_000_000_000,
        description="learn from the targets of so many training rows only; the others count as rows without one",
        exclude_if=lambda count: count is None,
    )
    test: SealedSplit = Field(description="the sealed test set, which only the last score is computed on")

    @property
    def problem_type(self) -> ProblemType:
        return TYPES[self.type]

    @property
    def targets(self) -> list[str]:
        return [self.target] if isinstance(self.target, str) else self.target or []

    @property
    def references(self) -> list[str]:
        return [self.reference] if isinstance(self.reference, str) else self.reference

    @property
    def unasked(self) -> list[str]:
        """The columns that rows to be scored need not have: all targets, and what only the report shows."""
        return [*self.targets, *self.heads, *self.references]


class ProtocolSettings(Settings):
    protocol: Literal["auto", "hold_out", "k_fold", "iterated_k_fold", "nested"] = Field(
        description="how the measure is estimated; auto: by the number of rows"
    )
    folds: Annotated[int, Field(ge=2, le=1000)] | Auto = Field(description="K of K-fold; auto: by rows")
    repeats: Annotated[int, Field(ge=1, le=1000)] | Auto = Field(
        description="how often iterated K-fold shuffles anew; auto: by rows"
    )
    seed: int = Field(ge=0, lt=2**31, description="what all random numbers follow from")

    @model_validator(mode="after")
    def folds_fit_the_protocol(self) -> Self:
        if self.protocol == "hold_out" and (self.folds != "auto" or self.repeats != "auto"):
            raise ValueError("protocol hold_out has neither folds nor repeats: remove these keys or choose k_fold")
        if self.protocol == "k_fold" and self.repeats not in ("auto", 1):
            raise ValueError("protocol k_fold has one repeat: remove repeats or choose iterated_k_fold")
        return self


class ValidateSettings(TableSettings, ProtocolSettings):
    validation: Validation = Field(description="limits of the data checks")


class Code(Settings):
    """What a row is summed up by: `numbers`, of which all but `active` are 0 where that is given, or `bits`.

    A number alone is short for `numbers`.
    """

    numbers: Annotated[int, Field(ge=1, le=10_000)] | None = Field(None, description="how many numbers it has")
    active: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="how many of the numbers, the largest, may be other than 0 in a row"
    )
    bits: Annotated[int, Field(ge=1, le=256)] | None = Field(None, description="how many bits it has instead")

    @model_validator(mode="before")
    @classmethod
    def a_number_alone_is_of_numbers(cls, given: Any) -> Any:
        return {"numbers": given} if isinstance(given, int) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def it_has_numbers_or_bits(self) -> Self:
        if (self.numbers is None) == (self.bits is None):
            raise ValueError("code: give a number, {numbers: 300, active: 30} or {bits: 16}")
        if self.active is not None and self.active >= (self.numbers or 0):
            raise ValueError("code.active: fewer than all of `numbers`, or leave this key out")
        return self

    @property
    def length(self) -> int:
        return self.numbers or self.bits or 0


class Clusters(Settings):
    """Into how many clusters rows are dealt out, and how networks do it. A number alone is short for `number`."""

    number: Annotated[int, Field(ge=2, le=1000)] = Field(description="how many clusters there are")
    by: Literal["k_means", "mixture"] = Field(
        "k_means",
        description="what finds them in the codes of a network: k-means once it has learnt, or a mixture that codes "
        "come from, learnt together with it",
    )

    @model_validator(mode="before")
    @classmethod
    def a_number_alone_is_their_number(cls, given: Any) -> Any:
        return {"number": given} if isinstance(given, int) and not isinstance(given, bool) else given


class PrepareSettings(TableSettings, ProtocolSettings):
    measure: Measure = Field(description="the measure of success")
    code: Code | None = Field(
        None,
        description="what a row is summed up by: so many numbers, {numbers: 300, active: 30} of which few are not 0, "
        "or {bits: 16}; only of types with a code",
        exclude_if=lambda code: code is None,
    )
    clusters: Clusters | None = Field(
        None,
        description="into how many clusters rows are dealt out, or {number: 3, by: mixture}; only of types with "
        "clusters",
        exclude_if=lambda clusters: clusters is None,
    )
    text: Text = Field(Text(), description="how columns of text are read")
    image: Image = Field(Image(), description="how pictures are read")
    tokens: Tokens = Field(Tokens(), description="how sentences with a label for each word are read")
    likelihood: Likelihood = Field(
        "auto",
        description="the networks that say how likely a row is, or draw rows; auto: vae, of pictures with `given` "
        "flow_matching",
        exclude_if=lambda network: network == "auto",
    )


class BaselineSettings(Settings):
    seed: int = Field(ge=0, lt=2**31, description="what all random numbers follow from")


class OverfitSettings(BaselineSettings):
    training: Training = Field(description="how networks are trained")
    overfit: OverfitLadder = Field(description="the capacity ladder")


class RegularizeSettings(BaselineSettings):
    training: Training = Field(description="how networks are trained")
    search: Search = Field(description="the search for the best candidate")
    pretrain: Pretrain = _PRETRAIN


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

    engine: Engine = Field(description="where trainings run")

    @model_validator(mode="after")
    def the_targets_suit_the_type(self) -> Self:
        type_, several = self.problem_type, len(self.targets) > 1
        if type_.targets == "none":
            self._check_without_targets()
        elif self.target is None:
            raise ValueError(f"target: this key is missing: type {type_.name} needs a target column")
        elif len(set(self.targets)) != len(self.targets) or not self.targets:
            raise ValueError(f"target: give one column or several different ones, not {self.target!r}")
        if type_.targets == "one" and several:
            raise ValueError(
                f"target: type {type_.name} has one target column, given {self.targets}; try {type_.otherwise}"
            )
        if type_.targets == "several" and not several:
            raise ValueError(
                f"target: type {type_.name} needs a list of at least two target columns; try {type_.otherwise}"
            )
        if type_.has_code != (self.code is not None):
            asked = f"this key is missing: type {type_.name} needs the number of numbers that sum up a row"
            raise ValueError(f"code: {asked if type_.has_code else f'type {type_.name} has no code: remove this key'}")
        if self.likelihood != "auto" and type_.networks != "likelihood":
            raise ValueError(f"likelihood: type {type_.name} gives rows no probability: remove this key")
        if type_.has_clusters != (self.clusters is not None):
            missing = f"this key is missing: type {type_.name} needs the number of clusters"
            without = f"type {type_.name} has no clusters: remove this key"
            raise ValueError(f"clusters: {missing if type_.has_clusters else without}")
        if type_.has_clusters and (self.committee > 1 or self.final == "fold_ensemble"):
            key, choice = ("committee", "1") if self.committee > 1 else ("final", "refit")
            raise ValueError(f"{key}: clusters of different networks have nothing in common; choose {choice}")
        if self.given is not None and not type_.generates:
            raise ValueError(f"given: type {type_.name} draws no rows of a class: remove this key")
        if self.likelihood == "flow_matching" and not type_.generates:
            able = " or ".join(each.name for each in TYPES.values() if each.generates)
            raise ValueError(f"likelihood: flow_matching gives rows no probability; choose another, or type {able}")
        if type_.has_code and self.committee > 1:
            raise ValueError("committee: codes of different networks have nothing in common; choose 1")
        if type_.has_code and self.final == "fold_ensemble":
            raise ValueError("final: codes of different networks have nothing in common; choose refit")
        if type_.reads_on and self.committee > 1:
            raise ValueError("committee: texts are scored and written by one network; choose 1")
        if type_.reads_on and self.final == "fold_ensemble":
            raise ValueError("final: texts are scored and written by one network; choose refit")
        if self.positive is not None and not type_.has_positive:
            raise ValueError(_no_positive(type_.name))
        if self.measure != "auto" and self.measure not in type_.measures:
            allowed = ", ".join(("auto", *type_.measures))
            raise ValueError(f"measure: {self.measure} does not suit type {self.type}; allowed: {allowed}")
        if self.measure != "auto" and TABLE[self.measure].reads_reference and not self.references:
            raise ValueError(f"measure: {self.measure} compares with a reference column; name one as `reference`")
        return self

    @model_validator(mode="after")
    def the_losses_of_the_search_suit_the_type(self) -> Self:
        type_ = self.problem_type
        allowed = ("auto", *type_.losses)
        for loss in self.search.loss:
            if loss not in allowed:
                raise ValueError(f"search.loss: {loss} does not suit type {type_.name}; allowed: {', '.join(allowed)}")
        if any(self.search.label_smoothing) and not type_.single_label:
            raise ValueError(f"search.label_smoothing: type {type_.name} has no classes to smooth; remove this key")
        return self

    def _check_without_targets(self) -> None:
        forecast = {} if self.series is None else {"series.delay": self.series.delay, "series.steps": self.series.steps}
        for key, given in {"target": self.target, "heads": self.heads, **forecast}.items():
            if given not in (None, {}, 1):
                raise ValueError(f"{key}: type {self.type} has no target: remove this key")

    @model_validator(mode="after")
    def a_column_has_one_role(self) -> Self:
        roles = {"target": self.targets, "heads": [*self.heads], "drop": self.drop, "reference": self.references}
        roles |= {key: [name] for key in ("groups", "time", "weights") if (name := getattr(self, key)) is not None}
        if len(set(self.references)) != len(self.references):
            raise ValueError(f"reference: give one column or several different ones, not {self.reference!r}")
        seen: dict[str, str] = {}
        for role, names in roles.items():
            for name in names:
                if seen.setdefault(name, role) != role:
                    raise ValueError(f"{role}: column {name!r} is already named by {seen[name]}; one column, one role")
        return self

    @model_validator(mode="after")
    def time_goes_one_way(self) -> Self:
        if self.time is None:
            return self
        if self.groups is not None:
            raise ValueError("time: a problem is split by time or by groups, not by both; remove one of the two keys")
        if self.protocol == "nested":
            raise ValueError(
                "protocol: the first rows in time order leave none to search in; choose k_fold or hold_out"
            )
        if self.final == "fold_ensemble":
            raise ValueError("final: in time order most networks of the folds know only the distant past; choose refit")
        if self.protocol == "iterated_k_fold" or self.repeats not in ("auto", 1):
            key = "protocol" if self.protocol == "iterated_k_fold" else "repeats"
            raise ValueError(f"{key}: rows in time order cannot be shuffled anew; choose k_fold or hold_out")
        return self

    @model_validator(mode="after")
    def rows_without_a_target_are_single_rows(self) -> Self:
        for key, given in {"pretrain": self.pretrain != "none", "labelled": self.labelled is not None}.items():
            if given and not self.targets:
                raise ValueError(f"{key}: type {self.type} has no target, so it learns from all rows; remove this key")
            role = next((name for name in ("groups", "time", "series") if getattr(self, name) is not None), None)
            if given and role is not None:
                raise ValueError(f"{key}: rows that belong together by {role} cannot be parted; remove one of the keys")
        if self.pretrain != "none" and self.image.backbones:
            raise ValueError("pretrain: image.pretrained names a network that is; remove one of the two keys")
        return self

    @model_validator(mode="after")
    def a_token_is_of_a_sentence(self) -> Self:
        words = [name for name, type_ in self.columns.items() if type_ == "token"]
        if words and self.groups is None:
            raise ValueError(
                f"columns: name the column that tells which sentence a token of {words[0]!r} is of as `groups`"
            )
        return self

    @model_validator(mode="after")
    def a_series_is_forecast_in_time_order(self) -> Self:
        series = self.series
        if series is None:
            return self
        if self.time is None:
            raise ValueError("series: name the column with the moments of the rows as `time`")
        if series.order != "onward" and series.relative is True:
            raise ValueError("series.order: a change since the last moment needs it last; choose relative: false")
        if series.relative is True and not self.problem_type.unbounded:
            able = " or ".join(each.name for each in TYPES.values() if each.unbounded)
            raise ValueError(f"series.relative: a change is forecast by type {able} only, not by {self.type}")
        if series.steps > 1 and self.problem_type.targets == "one":
            raise ValueError(f"series.steps: type {self.type} has one target, one step ahead; choose steps: 1")
        if series.steps > 1 and self.heads:
            raise ValueError("series.steps: further targets (`heads`) are forecast one step ahead; choose steps: 1")
        return self

    @model_validator(mode="after")
    def what_recurrent_layers_have_is_for_such_networks(self) -> Self:
        for key, reads in {"text": self.text, "series": self.series}.items():
            if reads is not None and reads.options and reads.network not in ("auto", *RECURRENT):
                name = next(iter(reads.options))
                raise ValueError(f"{key}.{name}: network {reads.network} has no recurrent layers; choose gru or lstm")
        return self

    @model_validator(mode="after")
    def what_reads_on_takes_characters_in_their_order(self) -> Self:
        if not self.problem_type.reads_on:
            return self
        if self.text.network not in ("embedding", *READING_ON):
            raise ValueError(f"text.network: type {self.type} reads on by {' or '.join(READING_ON)}")
        if self.word_vectors is not None:
            raise ValueError(f"word_vectors: type {self.type} reads characters one after another; remove this key")
        plain = Text().model_dump()
        for key, value in self.text.model_dump().items():
            if value != plain[key] and key not in ("network", "layers"):
                raise ValueError(f"text.{key}: type {self.type} reads characters one after another; remove this key")
        return self

    @model_validator(mode="after")
    def words_have_vectors_and_an_order_in_sequences(self) -> Self:
        read_in_order = self.text.encoding in ("auto", "sequence")
        if self.word_vectors is None and self.text.train_vectors != "auto":
            raise ValueError("text.train_vectors: there are no vectors to train; name their file as `word_vectors`")
        if self.text.order != "onward" and not read_in_order:
            raise ValueError("text.order: a bag of words has none; choose text.encoding: sequence")
        if self.word_vectors is not None and not (read_in_order and self.text.tokens == "words"):
            raise ValueError(
                "word_vectors: they are of words read in order; choose text: {encoding: sequence, tokens: words}"
            )
        return self

    @model_validator(mode="after")
    def the_test_set_is_sealed_by_what_is_no_target(self) -> Self:
        if (self.test.column is None) != (self.test.value is None):
            raise ValueError("test: give both column and value (the rows of the sealed test set), or neither")
        if self.test.column in (*self.targets, *self.heads):
            raise ValueError(
                f"test: {self.test.column!r} is a target; seal the rows by another column, or give a share"
            )
        if self.test.column in self.references:
            raise ValueError(f"test: {self.test.column!r} is named by reference, and decides nothing; remove it there")
        return self


def _no_positive(name: str) -> str:
    able = " or ".join(each.name for each in TYPES.values() if each.has_positive)
    return f"positive: only type {able} has a positive class, not {name}"


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

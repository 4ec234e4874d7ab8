"""How columns of each kind become inputs, and which networks read them."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from src.problem.terms import Auto, Settings

Backbone = Literal["mobilenet_v2", "squeezenet1_0"]

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
    operations: float = Field(
        2e11,
        gt=0,
        le=1e18,
        description="the ladder ends before a network whose epoch takes more multiplications and additions than these, "
        "some minutes of a CPU; give more with a GPU",
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
    season: Annotated[int, Field(ge=1, le=1_000_000)] | Auto = Field(
        "auto", description="moments after which the series repeats itself; auto: by the distance of dates"
    )
    relative: bool | Auto = Field(
        "auto", description="forecast the change since a window's last moment; auto: where the series drifts"
    )
    network: Literal["auto", "dense", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"] = "auto"
    order: ReadingOrder = Field("onward", description="of a window's moments; shuffled: the same for every window")

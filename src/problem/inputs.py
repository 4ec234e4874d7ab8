"""Settings of each kind of input: how columns become numbers, and which networks read them."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from src.problem.terms import Auto, Settings

Backbone = Literal["mobilenet_v2", "squeezenet1_0"]

# Whether a sequence is reordered, to see how much a network uses the order.
ReadingOrder = Literal["onward", "reversed", "shuffled"]

# Networks that give each row a probability.
Likelihood = Literal["auto", "vae", "nice", "realnvp", "autoregressive", "flow_matching"]

# Networks with recurrent layers.
RECURRENT = ("rnn", "gru", "lstm", "convolution_gru")
# Networks that say which character comes next.
READING_ON = ("lstm", "gru", "transformer")


class ReadsInOrder(Settings):
    """Settings of the recurrent layers that read a sequence."""

    layers: int = Field(1, ge=1, le=4, description="recurrent layers, stacked")
    bidirectional: bool = Field(False, description="recurrent layers read from both ends")
    recurrent_dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout of the recurrent state, by one mask for each sequence"
    )

    @property
    def options(self) -> dict[str, Any]:
        """The settings that differ from their defaults."""
        values = {name: getattr(self, name) for name in ReadsInOrder.model_fields}
        return {name: value for name, value in values.items() if value != ReadsInOrder.model_fields[name].default}


class Text(ReadsInOrder):
    """How columns of text become numbers."""

    encoding: Literal["auto", "multi_hot", "count", "tf_idf", "hashed", "sequence"] = Field(
        "auto", description="bags of n-grams, or sequences of tokens; auto: by the number and length of the texts"
    )
    tokens: Literal["words", "characters"] = Field("words", description="what a text is cut into")
    ngrams: Annotated[int, Field(ge=1, le=5)] | Auto = Field(
        "auto", description="the longest run of tokens with its own column; auto: 2 words, 5 characters"
    )
    vocabulary: int = Field(50_000, ge=2, le=2**20, description="the most columns, or numbered tokens of a sequence")
    length: Annotated[int, Field(ge=1, le=10_000)] | Auto = Field(
        "auto", description="tokens of a sequence; longer texts are cut at the end; auto: by the training rows"
    )
    network: Literal["embedding", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"] = Field(
        "embedding", description="the networks that read sequences"
    )
    order: ReadingOrder = Field("onward", description="of a sequence; shuffled: differently for every text")
    train_vectors: bool | Auto = Field(
        "auto", description="whether training changes the vectors of word_vectors; auto: the search tries both"
    )


class Tokens(Settings):
    """How sentences with a label for each word are read."""

    vocabulary: int = Field(50_000, ge=2, le=2**20, description="the most words that have a number of their own")
    network: Literal["lstm", "gru"] = Field("lstm", description="the recurrent layer that reads a sentence both ways")
    layers: int = Field(1, ge=1, le=4, description="such layers, stacked")
    characters: Literal["lstm", "convolution", "none"] = Field(
        "lstm", description="what reads the characters of a word, beside its embedding"
    )


class Image(Settings):
    """How pictures are resized, and which networks read them."""

    size: Annotated[int, Field(ge=4, le=1024)] | Auto = Field(
        "auto", description="pixels of the longer side; auto: as it is, at most 64 (types with a code: 32)"
    )
    network: Literal["auto", "plain", "double", "separable", "residual", "inception", "xception"] = Field(
        "auto", description="the blocks of the convolutional networks; auto: deeper ones the higher the ladder"
    )
    pretrained: Literal["none", "mobilenet_v2", "squeezenet1_0"] | list[Backbone] = Field(
        "none", description="one or several networks trained on ImageNet, whose features replace the pixels"
    )
    fine_tune: Annotated[int, Field(ge=0, le=12)] | Literal["none", "auto"] = Field(
        "none",
        description="how many last blocks of a pretrained network learn on; 0: none, in augmented pictures; auto: 4; "
        "none: its features are computed once, before training",
    )
    operations: float = Field(
        2e11,
        gt=0,
        le=1e18,
        description="the most multiplications and additions that an epoch on the ladder may take; the default is "
        "some minutes of a CPU, so give more with a GPU",
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
            raise ValueError(
                "image.fine_tune: name the network to be trained further, as image.pretrained: mobilenet_v2"
            )
        return self


class Series(ReadsInOrder):
    """Rows in time order, learnt from as windows. Lengths are in moments, which are the rows of the table."""

    lookback: int = Field(ge=1, le=10_000, description="moments of a window")
    delay: int = Field(1, ge=1, le=10_000, description="moments from the last of a window to its target")
    steps: int = Field(1, ge=1, le=1_000, description="consecutive moments that are forecast, from that one on")
    stride: int = Field(1, ge=1, le=10_000, description="moments from one window to the next")
    season: Annotated[int, Field(ge=1, le=1_000_000)] | Auto = Field(
        "auto", description="moments after which the series repeats itself; auto: by the distance of dates"
    )
    relative: bool | Auto = Field(
        "auto", description="forecast the change since a window's last moment; auto: where the series drifts"
    )
    network: Literal["auto", "dense", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"] = Field(
        "auto", description="what reads a window; auto: dense, from 2,000 windows on gru"
    )
    order: ReadingOrder = Field("onward", description="of a window's moments; shuffled: the same for every window")

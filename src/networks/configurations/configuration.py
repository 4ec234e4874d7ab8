"""The base of all configurations of networks.

A configuration is stored as JSON: its architecture, then the settings that were given, in their order. Other settings
have their defaults.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializeAsAny,
    model_serializer,
    model_validator,
)

from src.core.text import counted, listing

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Regularizes:
    """Marks a setting that only regularizes a network and changes neither layers nor their sizes. `words` name it."""

    words: str


Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Units = Annotated[list[Count], Field(min_length=1)]


class Configuration(BaseModel):
    """A network's own settings: how it is built, and how it is described.

    units: of its hidden layers. pads: whether narrower networks can join a stack of wider ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    pads: ClassVar[bool] = False
    # The largest step (parameters times rows of a minibatch) for which `vmap` is faster than the loop on a CPU, because
    # the cost of calls dominates. Measured with small convnets: 2.5 times as fast at 2**13, 1.3 times at this size.
    largest_vmapped_step: ClassVar[int] = 2**17

    architecture: str
    units: Units
    activation: Literal["relu", "tanh", "gelu"] = "relu"
    dropout: Annotated[Share, Regularizes("dropout {:g}")] = 0.0
    _given: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_order(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        made = validate(given)
        if isinstance(given, Mapping):
            made._given = tuple(name for name in given if name != "architecture")
        return made

    @model_serializer
    def _as_given(self) -> dict[str, Any]:
        return {"architecture": self.architecture} | self.settings

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that were given, without the architecture."""
        return {name: getattr(self, name) for name in self._given}

    def names(self, setting: str) -> bool:
        """Whether a setting was given."""
        return setting in self._given

    def changed(self, **settings: Any) -> Self:
        """The same network with other settings."""
        return type(self)(**({"architecture": self.architecture} | self.settings | settings))

    # How it is built and trained

    @staticmethod
    @abstractmethod
    def module() -> "Callable[..., nn.Module]":
        """The network's module, imported by a plain statement, so that a registered model can find the code that it
        needs."""

    def build(self, inputs: int | list[int], outputs: int) -> "nn.Module":
        """The network for D inputs (a list for several inputs) and K outputs, initialized from torch's random state.
        Raises ValueError if the settings do not suit the inputs."""
        return self.module()(inputs=inputs, outputs=outputs, **self.settings)

    @property
    def clip_norm(self) -> float | None:
        """The longest gradient allowed in training; None: any length."""
        return None

    @property
    def rate_falls(self) -> bool:
        """Whether the learning rate falls in the trainings of a search."""
        return False

    @property
    def unregularized(self) -> dict[str, Any]:
        """All settings but those that only regularize the network."""
        settings: dict[str, Any] = self.model_dump()
        return {name: value for name, value in settings.items() if name not in self._regularizing()}

    @property
    def stacks_with(self) -> tuple[object, ...]:
        """What all networks of one stack share."""
        settings: dict[str, Any] = self.model_dump()
        return tuple(sorted((name, repr(value)) for name, value in settings.items() if name != "dropout"))

    # In words

    @property
    def structure(self) -> str:
        """The layers of the network: `2 hidden layers of 64 and 32 units`."""
        return hidden_layers(self.units)

    @property
    def sizes(self) -> str:
        """The same in short: `64-32`."""
        return "-".join(map(str, self.units))

    @property
    def learnt_before(self) -> str:
        """The pretrained part of the network, to follow its sizes."""
        return ""

    @property
    def regularizers(self) -> list[str]:
        """The regularization of the network itself that is on: `dropout 0.25`."""
        fields = type(self).model_fields
        return [
            mark.words.format(getattr(self, name))
            for name, mark in self._regularizing().items()
            if getattr(self, name) != fields[name].default
        ]

    @property
    def text(self) -> str:
        """The network in a table: `64-32`, `16 on mobilenet_v2, 2 blocks learning`."""
        return self.sizes + self.learnt_before

    @property
    def phrase(self) -> str:
        """The network in a sentence: `64-32 units`, `16 units on mobilenet_v2, 2 blocks learning`."""
        return f"{self.sizes} units{self.learnt_before}"

    @property
    def words(self) -> str:
        """The network in the report: `2 hidden layers of 64 and 32 units, relu, dropout 0.25`."""
        return ", ".join([self.structure, self.activation, *self.regularizers])

    @classmethod
    def _regularizing(cls) -> dict[str, Regularizes]:
        marks = [(name, mark) for name, field in cls.model_fields.items() for mark in field.metadata]
        return {name: mark for name, mark in marks if isinstance(mark, Regularizes)}


class FallingRate(Configuration):
    """Networks of pictures train for few epochs and gain most from those at a low rate."""

    @property
    def rate_falls(self) -> bool:
        return True


class Filtering(Configuration):
    """units: filters of convolutions."""

    @property
    def filters(self) -> str:
        return f"{listing([str(width) for width in self.units])} filters"

    @property
    def sizes(self) -> str:
        return f"{super().sizes} filters"

    @property
    def phrase(self) -> str:
        return self.sizes


def hidden_layers(units: Sequence[int]) -> str:
    """`2 hidden layers of 64 and 32 units`."""
    return f"{counted(len(units), 'hidden layer')} of {listing([str(width) for width in units])} units"


# The configuration of each architecture, by its name; `src.networks` fills it.
CONFIGURATIONS: dict[str, type[Configuration]] = {}


def configuration_of(given: Any) -> Configuration:
    """The configuration that JSON describes. Raises ValueError naming the architecture or the setting that is wrong."""
    if isinstance(given, Configuration):
        return given
    architecture = given.get("architecture") if isinstance(given, Mapping) else None
    if architecture not in CONFIGURATIONS:
        raise ValueError(f"there is no network architecture {architecture!r}, only {listing(list(CONFIGURATIONS))}")
    return CONFIGURATIONS[architecture].model_validate(given)


# A field of a model that holds the configuration of any network.
Network = Annotated[SerializeAsAny[Configuration], BeforeValidator(configuration_of)]

"""Dense networks on sparse inputs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from src.networks.configurations.configuration import Configuration

if TYPE_CHECKING:
    from torch import nn


class BagOfWordsConfiguration(Configuration):
    """Hidden layers of `units`, the first of which reads sparse rows."""

    architecture: Literal["bag_of_words"] = "bag_of_words"

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.bag_of_words import BagOfWords

        return BagOfWords

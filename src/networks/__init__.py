"""Bodies: from vectorized inputs to hidden features and logits, per kind of input.

A network is named by a plain dictionary (its configuration), so that a result file can hold it and a saved model can
build it again: `{"kind": "mlp", "units": [64, 64], "dropout": 0.25, "activation": "relu"}`.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def _mlp() -> type["nn.Module"]:
    from src.networks.mlp import MLP

    return MLP


def _bag_of_words() -> type["nn.Module"]:
    from src.networks.bag_of_words import BagOfWords

    return BagOfWords


def _sequence() -> type["nn.Module"]:
    from src.networks.sequences import SequenceReader

    return SequenceReader


def _dense_on_pictures() -> type["nn.Module"]:
    from src.networks.pictures import DenseOnPictures

    return DenseOnPictures


def _convnet() -> type["nn.Module"]:
    from src.networks.pictures import Convnet

    return Convnet


def _fine_tuned() -> type["nn.Module"]:
    from src.networks.fine_tuned import FineTuned

    return FineTuned


def _window() -> type["nn.Module"]:
    from src.networks.windows import WindowReader

    return WindowReader


def _joined() -> Callable[..., "nn.Module"]:
    from src.networks.joined import JoinedNetwork

    return partial(JoinedNetwork, build=build_network)


def _tagger() -> type["nn.Module"]:
    from src.networks.tagger import Tagger

    return Tagger


# Every kind of network. Its module is imported where it is needed, by a statement that a registered model, which takes
# along the code that it needs, can follow.
KINDS: dict[str, Callable[[], Callable[..., "nn.Module"]]] = {
    "mlp": _mlp,
    "bag_of_words": _bag_of_words,
    "sequence": _sequence,
    "dense_on_pictures": _dense_on_pictures,
    "convnet": _convnet,
    "fine_tuned": _fine_tuned,
    "window": _window,
    "joined": _joined,
    "tagger": _tagger,
}
# Layers that go through a sequence step by step: their gradients may grow with every step, and are cut to this length.
# Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent neural networks".
RECURRENT, CLIP_NORM = ("rnn", "gru", "lstm", "convolution_gru"), 1.0
# Networks that see pictures are trained for few epochs, of which those at a low rate gain most.
RATE_FALLS = ("dense_on_pictures", "convnet", "fine_tuned")

REGULARIZERS = ("dropout", "augmentation", "frozen", "recurrent_dropout", "word_dropout")


def build_network(network: dict[str, Any], inputs: int | list[int], outputs: int) -> "nn.Module":
    """The network of a configuration for D inputs (of several kinds: so many of each) and K outputs, freshly
    initialized from torch's random state."""
    options = {key: value for key, value in network.items() if key != "kind"}
    return KINDS[network["kind"]]()(inputs=inputs, outputs=outputs, **options)


def architecture(network: dict[str, Any]) -> dict[str, Any]:
    """A network's configuration without what only regularizes it, and changes neither its layers nor their sizes."""
    return {key: value for key, value in network.items() if key not in REGULARIZERS}


def clip_norm(network: dict[str, Any]) -> float | None:
    """The longest gradient in the training of a network; None: any."""
    networks = [network, *network.get("encoders", [])]
    return CLIP_NORM if any(of.get("reader") in RECURRENT for of in networks) else None


def rate_falls(network: dict[str, Any]) -> bool:
    """Whether the learning rate falls while a network of the search is trained."""
    return any(of["kind"] in RATE_FALLS for of in [network, *network.get("encoders", [])])

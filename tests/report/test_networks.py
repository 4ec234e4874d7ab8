"""Every kind of network in words."""

from typing import Any

import pytest

from src.networks import KINDS
from src.report.networks import network_words

RELU: dict[str, Any] = {"activation": "relu", "dropout": 0.0}
PICTURES = RELU | {"augmentation": "none"}
WORDS = RELU | {"kind": "sequence", "tokens": 9, "embedding": 16}
CONVNET = PICTURES | {"kind": "convnet", "size": [8, 8], "units": [16, 32], "kernel": 3, "normalize": True}
DESCRIBED: list[tuple[dict[str, Any], str]] = [
    (
        RELU | {"kind": "mlp", "units": [64, 32], "dropout": 0.25},
        "2 hidden layers of 64 and 32 units, relu, dropout 0.25",
    ),
    (RELU | {"kind": "bag_of_words", "units": [8]}, "1 hidden layer of 8 units, relu"),
    (PICTURES | {"kind": "dense_on_pictures", "units": [32]}, "1 hidden layer of 32 units, relu"),
    (
        WORDS | {"units": [8], "reader": "gru", "bidirectional": True, "recurrent_dropout": 0.25, "frozen": True},
        "a GRU of 8 units over embeddings of 16 numbers, read from both ends, relu, recurrent dropout 0.25, frozen "
        "vectors",
    ),
    (
        WORDS | {"units": [8, 4], "reader": "embedding"},
        "a pooled layer of 8 units over embeddings of 16 numbers, then 1 hidden layer of 4 units, relu",
    ),
    (
        RELU | {"kind": "window", "units": [8], "reader": "dense", "lookback": 6, "relative": 1, "steps": 1},
        "a dense layer of 8 units over a window of 6 moments, forecasting the change since its last moment, relu",
    ),
    (
        RELU
        | {"kind": "tagger", "units": [32], "embedding": 32, "reader": "lstm", "layers": 2}
        | {"characters": "convolution", "character_units": 16, "word_dropout": 0.1},
        "2 layers of an LSTM of 32 units, both ways, over embeddings of 32 numbers and a convolution of 16 units over "
        "characters, relu, word dropout 0.1",
    ),
    (CONVNET, "2 convolutions of 16 and 32 filters, batch-normalized, relu"),
    (
        CONVNET | {"block": "residual", "normalize": False, "augmentation": "mirror"},
        "2 residual blocks of 16 and 32 filters, relu, augmentation mirror",
    ),
    (
        PICTURES | {"kind": "fine_tuned", "units": [8], "weights": {"a": "a.pth", "b": "b.pth"}, "learnt": 2},
        "1 hidden layer of 8 units on the features of a and b, of which the last 2 blocks learn on, relu",
    ),
    (
        RELU | {"kind": "joined", "units": [8], "encoders": [CONVNET, RELU | {"kind": "mlp", "units": [4]}]},
        "an encoder for each input (2 convolutions of 16 and 32 filters, batch-normalized; 1 hidden layer of 4 units), "
        "joined by 1 hidden layer of 8 units, relu",
    ),
]


@pytest.mark.parametrize(("network", "words"), DESCRIBED, ids=[words[:40] for _, words in DESCRIBED])
def test_a_network_is_described_in_words(network: dict[str, Any], words: str) -> None:
    assert network_words(network) == words


def test_no_kind_of_network_is_without_a_description() -> None:
    assert {network["kind"] for network, _ in DESCRIBED} == set(KINDS)

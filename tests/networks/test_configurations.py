"""Configurations of networks: every architecture in words, as JSON, and refused where it is wrong."""

import json
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from src.networks import CONFIGURATIONS, Network, configuration_of
from src.networks.configurations.reading import RECURRENT
from src.problem import inputs

RELU: dict[str, Any] = {"activation": "relu", "dropout": 0.0}
PICTURES = RELU | {"augmentation": "none"}
WORDS = RELU | {"architecture": "sequence", "tokens": 9, "embedding": 16}
CONVNET = {"architecture": "convnet"} | PICTURES | {"size": [8, 8], "units": [16, 32], "kernel": 3, "normalize": True}
# Settings, and the network in words and in short.
DESCRIBED: list[tuple[dict[str, Any], str, str]] = [
    (
        RELU | {"architecture": "mlp", "units": [64, 32], "dropout": 0.25},
        "2 hidden layers of 64 and 32 units, relu, dropout 0.25",
        "64-32",
    ),
    (RELU | {"architecture": "bag_of_words", "units": [8]}, "1 hidden layer of 8 units, relu", "8"),
    (
        PICTURES | {"architecture": "dense_on_pictures", "units": [32], "size": [8, 8]},
        "1 hidden layer of 32 units, relu",
        "32",
    ),
    (
        WORDS | {"units": [8], "reader": "gru", "bidirectional": True, "recurrent_dropout": 0.25, "frozen": True},
        "a GRU of 8 units over embeddings of 16 numbers, read from both ends, relu, recurrent dropout 0.25, frozen "
        "vectors",
        "gru 8",
    ),
    (
        WORDS | {"units": [8, 4], "reader": "embedding"},
        "a pooled layer of 8 units over embeddings of 16 numbers, then 1 hidden layer of 4 units, relu",
        "embedding 8-4",
    ),
    (
        RELU | {"architecture": "window", "units": [8], "reader": "dense", "lookback": 6, "relative": 1, "steps": 1},
        "a dense layer of 8 units over a window of 6 moments, forecasting the change since its last moment, relu",
        "dense 8",
    ),
    (
        RELU
        | {"architecture": "tagger", "units": [32], "embedding": 32, "reader": "lstm", "layers": 2}
        | {"characters": "convolution", "character_units": 16, "word_dropout": 0.1},
        "2 layers of an LSTM of 32 units, both ways, over embeddings of 32 numbers and a convolution of 16 units over "
        "characters, relu, word dropout 0.1",
        "lstm 32",
    ),
    (CONVNET, "2 convolutions of 16 and 32 filters, batch-normalized, relu", "16-32"),
    (
        CONVNET | {"block": "residual", "normalize": False, "augmentation": "mirror"},
        "2 residual blocks of 16 and 32 filters, relu, augmentation mirror",
        "16-32 residual",
    ),
    (
        PICTURES | {"architecture": "fine_tuned", "units": [8], "weights": {"a": "a.pth", "b": "b.pth"}, "learnt": 2},
        "1 hidden layer of 8 units on the features of a and b, of which the last 2 blocks learn on, relu",
        "8 on a and b, 2 blocks learning",
    ),
    (
        RELU
        | {"architecture": "joined", "units": [8], "encoders": [CONVNET, {"architecture": "mlp", "units": [4]} | RELU]},
        "an encoder for each input (2 convolutions of 16 and 32 filters, batch-normalized; 1 hidden layer of 4 units), "
        "joined by 1 hidden layer of 8 units, relu",
        "16-32 + 4 > 8",
    ),
    (RELU | {"architecture": "autoencoder", "units": []}, "a linear autoencoder, relu", "linear"),
    (
        RELU | {"architecture": "autoencoder", "units": [16], "dropout": 0.1},
        "an encoder and a decoder with 1 hidden layer of 16 units, relu, 10% of the inputs blanked out",
        "16",
    ),
    (
        RELU | {"architecture": "bag_autoencoder", "units": [16], "dropout": 0.25},
        "an encoder and a decoder with 1 hidden layer of 16 units, relu, 25% of the inputs blanked out",
        "16",
    ),
    (
        RELU | {"architecture": "recurrent_autoencoder", "units": [16], "reader": "gru", "lookback": 6},
        "an encoder and a decoder: a GRU of 16 units over a window of 6 moments, relu",
        "gru 16",
    ),
    (
        RELU | {"architecture": "dense_picture_autoencoder", "units": [32], "size": [8, 8]},
        "an encoder and a decoder with 1 hidden layer of 32 units, relu",
        "32",
    ),
    (
        RELU | {"architecture": "convolutional_autoencoder", "units": [8, 16], "size": [8, 8]},
        "an encoder and a decoder with 2 convolutions of 8 and 16 filters, relu",
        "8-16 filters",
    ),
    (
        {"architecture": "recurrent_language_model", "units": [64], "symbols": 9, "reader": "lstm", "embedding": 8},
        "an LSTM of 64 units over embeddings of 8 numbers, tanh",
        "lstm 64",
    ),
    (
        {"architecture": "causal_transformer", "units": [64, 64], "symbols": 9, "length": 30, "dropout": 0.1},
        "a causal Transformer of 2 blocks of 64 units, gelu, dropout 0.1",
        "transformer 2x64",
    ),
    (
        RELU | {"architecture": "tabular_variational", "units": [16], "places": [0, 3], "code": 2},
        "a variational autoencoder with 1 hidden layer of 16 units and a code of 2 numbers, relu",
        "16",
    ),
    (
        RELU | {"architecture": "picture_variational", "units": [8, 16], "size": [8, 8], "code": 2},
        "a variational autoencoder with 2 convolutions of 8 and 16 filters and a code of 2 numbers, whose decoder sees "
        "the neighbours of each pixel, relu",
        "8-16 filters",
    ),
    (
        RELU | {"architecture": "pixel_cnn", "units": [8, 8], "size": [8, 8]},
        "a PixelCNN with 2 masked convolutions of 8 and 8 filters, relu",
        "8-8 filters",
    ),
    (
        RELU | {"architecture": "tabular_flow", "units": [8], "places": [0, 3], "couplings": 4, "family": "nice"},
        "NICE with 4 couplings of 1 hidden layer of 8 units, relu",
        "8",
    ),
    (
        RELU | {"architecture": "tabular_flow_matching", "units": [8], "places": [0, 3]},
        "flow matching with 1 hidden layer of 8 units, relu",
        "8",
    ),
    (
        RELU | {"architecture": "picture_flow", "units": [8], "size": [4, 4], "couplings": 2, "family": "realnvp"},
        "RealNVP with 2 couplings of 1 hidden layer of 8 units, relu",
        "8",
    ),
    (
        RELU | {"architecture": "picture_flow_matching", "units": [8, 16], "size": [8, 8], "classes": 3},
        "flow matching for 3 classes with a U-Net of 8 and 16 filters, relu",
        "8-16 filters",
    ),
]


IDS = [words[:40] for _, words, _ in DESCRIBED]
NETWORKS = pytest.mark.parametrize("network", [network for network, _, _ in DESCRIBED], ids=IDS)


class Holder(BaseModel):
    """A result file with a network."""

    network: Network


@pytest.mark.parametrize(("network", "words", "short"), DESCRIBED, ids=IDS)
def test_a_network_is_described_in_words_and_in_short(network: dict[str, Any], words: str, short: str):
    found = configuration_of(network)
    assert (found.words, found.text) == (words, short)


def test_no_architecture_is_without_a_description():
    missing = set(CONFIGURATIONS) - {network["architecture"] for network, _, _ in DESCRIBED}
    assert not missing, f"tests/networks/test_configurations.py: add {missing} to DESCRIBED"


def test_a_fine_tuned_network_in_a_sentence():
    [network] = [network for network, _, _ in DESCRIBED if network["architecture"] == "fine_tuned"]
    assert configuration_of(network).phrase == "8 units on a and b, 2 blocks learning"


@NETWORKS
def test_a_file_keeps_its_bytes_when_it_is_read_and_written(network: dict[str, Any]):
    architecture = network["architecture"]
    for given in (network, dict(sorted(network.items(), reverse=True))):
        ordered = {"architecture": architecture} | {
            name: value for name, value in given.items() if name != "architecture"
        }
        text = json.dumps({"network": ordered})
        read = Holder.model_validate(json.loads(text))
        assert json.dumps(read.model_dump(mode="json")) == text
        assert type(read.network) is CONFIGURATIONS[architecture]
        assert Holder.model_validate_json(text) == read


WRONG = {"units": [0], "activation": "step", "dropout": 1.0, "more": 1}


@NETWORKS
@pytest.mark.parametrize("setting", WRONG)
def test_an_unknown_setting_or_an_impossible_value_is_refused_by_its_name(network: dict[str, Any], setting: str):
    with pytest.raises(ValidationError, match=rf"network\.{setting}"):
        Holder.model_validate({"network": network | {setting: WRONG[setting]}})


@pytest.mark.parametrize("network", [{"architecture": "oracle", "units": [4]}, {"units": [4]}, "mlp", None])
def test_an_unknown_architecture_is_refused_with_those_that_there_are(network: object):
    with pytest.raises(ValidationError, match=r"no network architecture .*only mlp, bag_of_words, "):
        Holder.model_validate({"network": network})


def test_a_wrong_encoder_is_refused_by_its_place():
    encoders = [RELU | {"architecture": "mlp", "units": [4]}, WORDS | {"units": [8], "reader": "crystal"}]
    with pytest.raises(ValidationError, match=r"network\.encoders\.1\.reader"):
        Holder.model_validate({"network": RELU | {"architecture": "joined", "units": [8], "encoders": encoders}})


@NETWORKS
def test_what_only_regularizes_is_no_part_of_the_architecture(network: dict[str, Any]):
    found = configuration_of(network)
    assert "dropout" not in found.unregularized
    assert found.changed(dropout=0.5).unregularized == found.unregularized
    assert found.changed(units=[7]).unregularized != found.unregularized
    words = "50% of the inputs blanked out" if network["architecture"].endswith("autoencoder") else "dropout 0.5"
    assert found.changed(dropout=0.5).regularizers[0] == words


def test_a_setting_of_the_search_reaches_the_networks_that_name_it():
    plain = configuration_of(RELU | {"architecture": "mlp", "units": [4]})
    joined = configuration_of(RELU | {"architecture": "joined", "units": [8], "encoders": [CONVNET]})
    assert [of.names("augmentation") for of in (plain, joined)] == [False, True]
    assert joined.changed(augmentation="mirror").build([3], 2).encoders[0].augmentation.way == "mirror"


def test_recurrent_networks_are_the_same_in_a_problem_file():
    assert inputs.RECURRENT == RECURRENT
    assert set(RECURRENT) < set(get_args(inputs.Text.model_fields["network"].annotation))

"""Networks as the report describes them: their layers, what these read, and what regularizes them."""

from collections.abc import Callable, Sequence
from typing import Any

from src.report.words import counted, listing
from src.results.wording import regularizer_texts

READERS = {
    "dense": "a dense layer",
    "embedding": "a pooled layer",
    "convolution": "a convolution",
    "rnn": "a simple recurrent layer",
    "gru": "a GRU",
    "lstm": "an LSTM",
    "convolution_gru": "a convolution and a GRU",
    "transformer": "a Transformer encoder",
}


def network_words(network: dict[str, Any]) -> str:
    """A network in words: `2 hidden layers of 64 and 64 units, relu, dropout 0.25`."""
    layers = _LAYERS.get(network["kind"], _hidden_layers)(network)
    return ", ".join([layers, network["activation"], *regularizer_texts(network)])


def _hidden_layers(network: dict[str, Any]) -> str:
    return _dense(network["units"])


def _dense(units: Sequence[int]) -> str:
    return f"{counted(len(units), 'hidden layer')} of {_sizes(units)} units"


def _sizes(units: Sequence[int]) -> str:
    return listing([str(of) for of in units])


def _reader(network: dict[str, Any]) -> str:
    [first, *rest] = network["units"]
    if "embedding" in network:
        read = f"embeddings of {counted(network['embedding'], 'number')}"
    else:
        read = f"a window of {counted(network['lookback'], 'moment')}"
    parts = [f"{READERS[network['reader']]} of {counted(first, 'unit')} over {read}"]
    if network.get("layers", 1) > 1:
        parts.append(f"{network['layers']} layers")
    if network.get("bidirectional"):
        parts.append("read from both ends")
    if network.get("relative"):
        parts.append("forecasting the change since its last moment")
    if rest:
        parts.append(f"then {_dense(rest)}")
    return ", ".join(parts)


def _tagger(network: dict[str, Any]) -> str:
    layers = f"{network['layers']} layers of " if network["layers"] > 1 else ""
    read = f"embeddings of {counted(network['embedding'], 'number')}"
    if network["characters"] != "none":
        read += (
            f" and {READERS[network['characters']]} of {counted(network['character_units'], 'unit')} over characters"
        )
    return f"{layers}{READERS[network['reader']]} of {_sizes(network['units'])} units, both ways, over {read}"


def _convnet(network: dict[str, Any]) -> str:
    block = "convolution" if network.get("block", "plain") == "plain" else f"{network['block']} block"
    normalized = ", batch-normalized" if network["normalize"] else ""
    return f"{counted(len(network['units']), block)} of {_sizes(network['units'])} filters{normalized}"


def _fine_tuned(network: dict[str, Any]) -> str:
    learnt = network["learnt"]
    learning = f", of which the last {counted(learnt, 'block')} learn on" if learnt else ""
    return f"{_dense(network['units'])} on the features of {listing([*network['weights']])}{learning}"


def _joined(network: dict[str, Any]) -> str:
    encoders = "; ".join(_LAYERS.get(of["kind"], _hidden_layers)(of) for of in network["encoders"])
    return f"an encoder for each input ({encoders}), joined by {_dense(network['units'])}"


# What is said of the layers of a kind of network; of any other, its hidden layers.
_LAYERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "sequence": _reader,
    "window": _reader,
    "tagger": _tagger,
    "convnet": _convnet,
    "fine_tuned": _fine_tuned,
    "joined": _joined,
}

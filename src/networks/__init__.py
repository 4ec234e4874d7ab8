"""Bodies: from vectorized inputs to hidden features and logits, per kind of input.

A network is named by its configuration, which a result file holds and a saved model is built from again:
`{"architecture": "mlp", "units": [64, 64], "dropout": 0.25, "activation": "relu"}`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from src.networks.configurations.autoencoder import (
    AutoencoderConfiguration,
    BagAutoencoderConfiguration,
    ConvolutionalAutoencoderConfiguration,
    DensePictureAutoencoderConfiguration,
    RecurrentAutoencoderConfiguration,
)
from src.networks.configurations.bag_of_words import BagOfWordsConfiguration
from src.networks.configurations.configuration import CONFIGURATIONS, Configuration, Network, configuration_of
from src.networks.configurations.fine_tuned import FineTunedConfiguration
from src.networks.configurations.joined import JoinedConfiguration
from src.networks.configurations.language import CausalTransformerConfiguration, RecurrentLanguageConfiguration
from src.networks.configurations.mlp import MLPConfiguration
from src.networks.configurations.pictures import ConvnetConfiguration, DenseOnPicturesConfiguration
from src.networks.configurations.sequences import SequenceConfiguration
from src.networks.configurations.tagger import TaggerConfiguration
from src.networks.configurations.variational import (
    PictureFlowConfiguration,
    PictureFlowMatchingConfiguration,
    PictureVariationalConfiguration,
    PixelCNNConfiguration,
    TabularFlowConfiguration,
    TabularFlowMatchingConfiguration,
    TabularVariationalConfiguration,
)
from src.networks.configurations.windows import WindowConfiguration

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CONFIGURATIONS", "Configuration", "Network", "build_network", "configuration_of"]

CONFIGURATIONS.update(
    {
        configuration.model_fields["architecture"].default: configuration
        for configuration in (
            MLPConfiguration,
            BagOfWordsConfiguration,
            SequenceConfiguration,
            DenseOnPicturesConfiguration,
            ConvnetConfiguration,
            FineTunedConfiguration,
            WindowConfiguration,
            JoinedConfiguration,
            TaggerConfiguration,
            AutoencoderConfiguration,
            BagAutoencoderConfiguration,
            RecurrentAutoencoderConfiguration,
            DensePictureAutoencoderConfiguration,
            ConvolutionalAutoencoderConfiguration,
            RecurrentLanguageConfiguration,
            CausalTransformerConfiguration,
            TabularVariationalConfiguration,
            TabularFlowConfiguration,
            TabularFlowMatchingConfiguration,
            PictureVariationalConfiguration,
            PictureFlowConfiguration,
            PictureFlowMatchingConfiguration,
            PixelCNNConfiguration,
        )
    }
)


def build_network(network: Configuration | Mapping[str, Any], inputs: int | list[int], outputs: int) -> "nn.Module":
    """The network of a configuration, or of the JSON of one; see `Configuration.build`."""
    return configuration_of(network).build(inputs, outputs)

"""Networks that rebuild a picture from a short code.

Source: Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; with convolutions:
Masci et al. 2011, "Stacked convolutional auto-encoders". Shapes: B pictures, C channels, H height, W width, D numbers
of a picture, K numbers of the code.
"""

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from src.networks.autoencoder import Autoencoder, Blurred, errors_and_codes
from src.networks.codes import Code
from src.networks.mlp import ACTIVATIONS


class DensePictureAutoencoder(Autoencoder):
    """An `Autoencoder` of the flat pixels. inputs: C; size: H and W; outputs: 1 + K. options: its further arguments."""

    def __init__(self, inputs: int, outputs: int, size: Sequence[int], **options: Any) -> None:
        super().__init__(inputs * size[0] * size[1], outputs, **options)

    def encode(self, x_BCHW: Tensor) -> Tensor:
        """The code of each picture, (B, K)."""
        return super().encode(x_BCHW.flatten(1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The error of each picture, and its code: (B, 1 + K)."""
        return super().forward(x_BCHW.flatten(1))


class ConvolutionalAutoencoder(nn.Module):
    """Convolutions with a stride of 2, a code, and transposed convolutions that double the picture again.

    inputs: C; size: H and W; units: the filters of each convolution; outputs: 1 + K.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        dropout: float = 0.0,
        noise: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        **code: Any,
    ) -> None:
        super().__init__()
        sizes = [(size[0], size[1])]
        for _ in units:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        numbers = units[-1] * sizes[-1][0] * sizes[-1][1]
        self.blurred, self.code = Blurred(dropout, noise), Code(**code)
        self.encoder = nn.Sequential()
        self.decoder = nn.Sequential(
            nn.Linear(outputs - 1, numbers), ACTIVATIONS[activation](), nn.Unflatten(1, (units[-1], *sizes[-1]))
        )
        for before, filters in zip([inputs, *units], units, strict=False):
            self.encoder.append(nn.Conv2d(before, filters, 3, stride=2, padding=1))
            self.encoder.append(ACTIVATIONS[activation]())
        self.encoder.append(nn.Flatten())
        self.encoder.append(nn.Linear(numbers, outputs - 1))
        for before, filters, (height, width) in zip(units[::-1], [*units[-2::-1], inputs], sizes[-2::-1], strict=True):
            even = 1 - height % 2, 1 - width % 2
            self.decoder.append(nn.ConvTranspose2d(before, filters, 3, stride=2, padding=1, output_padding=even))
            self.decoder.append(ACTIVATIONS[activation]())
        self.decoder.pop(-1)

    def encode(self, x_BCHW: Tensor) -> Tensor:
        """The code of each picture, (B, K)."""
        code_BK: Tensor = self.code(self.encoder(x_BCHW))
        return code_BK

    def decode(self, code_BK: Tensor) -> Tensor:
        """The picture that each code stands for, (B, C, H, W)."""
        rebuilt_BCHW: Tensor = self.decoder(code_BK)
        return rebuilt_BCHW

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The error of each picture, and its code: (B, 1 + K)."""
        code_BK = self.encode(self.blurred(x_BCHW))
        return self.code.charged(errors_and_codes(x_BCHW, self.decode(code_BK), code_BK), x_BCHW[0].numel())

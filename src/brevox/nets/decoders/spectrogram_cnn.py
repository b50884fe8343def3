"""From a latent to a spectrogram (seed 002)."""

from __future__ import annotations

from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.parts import DECODERS
from brevox.nets.spectrogram_cnn import Upward, named_shape, sizes

_OUTPUTS = {"none": nn.Identity, "tanh": nn.Tanh}


@DECODERS.register("spectrogram_cnn")
class SpectrogramDecoder(nn.Module):
    """One matrix, then transposed convolutions: the mirror image of the encoder.

    Args:
        rows, frames: of the picture.
        latent: dimensions.
        shape: of the layers: `speccnn8l1` or `flowsynth`.
        activation: `leaky_relu` (slope .1), `relu` or `elu`.
        output: `none`, or `tanh` to keep levels within [-1, 1].
        dropout: after the matrix.

    Raises:
        SettingsError: there is no such output.
    """

    def __init__(
        self,
        rows: int,
        frames: int,
        latent: int,
        shape: str = "speccnn8l1",
        activation: str = "leaky_relu",
        output: str = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if output not in _OUTPUTS:
            raise SettingsError(f"the output of a decoder is one of {', '.join(_OUTPUTS)}, not {output!r}")
        layers = named_shape(shape)
        self.first = (layers[-1].channels, *sizes(layers, rows, frames)[-1])
        self.enter = nn.Linear(latent, self.first[0] * self.first[1] * self.first[2])
        self.dropout = nn.Dropout(dropout)
        self.stack = Upward(layers, activation, rows, frames)
        self.output = _OUTPUTS[output]()

    def forward(self, latent: Tensor) -> Tensor:
        """Shape: [batch, latent] to [batch, rows, frames]."""
        picture: Tensor = self.stack(self.dropout(self.enter(latent)).unflatten(1, self.first))
        return self.output(picture)[:, 0]

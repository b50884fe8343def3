"""From a spectrogram to the mean and spread of its latent (seed 002)."""

from __future__ import annotations

from torch import Tensor, nn

from brevox.nets.parts import ENCODERS
from brevox.nets.spectrogram_cnn import Downward, named_shape, sizes


@ENCODERS.register("spectrogram_cnn")
class SpectrogramEncoder(nn.Module):
    """Convolutions over the whole picture, then one matrix.

    Args:
        rows, frames: of the picture.
        latent: dimensions.
        shape: of the layers: `speccnn8l1` or `flowsynth`.
        activation: `leaky_relu` (slope .1), `relu` or `elu`.
        dropout: before the matrix.
    """

    def __init__(
        self,
        rows: int,
        frames: int,
        latent: int,
        shape: str = "speccnn8l1",
        activation: str = "leaky_relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        layers = named_shape(shape)
        last = sizes(layers, rows, frames)[-1]
        self.stack = Downward(layers, activation)
        self.dropout = nn.Dropout(dropout)
        self.leave = nn.Linear(layers[-1].channels * last[0] * last[1], 2 * latent)

    def forward(self, picture: Tensor) -> Tensor:
        """Mean and log variance. Shape: [batch, rows, frames] to [batch, 2, latent]."""
        found: Tensor = self.leave(self.dropout(self.stack(picture[:, None]).flatten(1)))
        return found.unflatten(1, (2, -1))

"""Latents to features of speech at twice their rate (seed 003)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from brevox.nets.parts import DECODERS
from brevox.nets.residual import ResidualStack


@DECODERS.register("deconv")
class DeconvolutionalDecoder(nn.Module):
    """A convolution of 3, every frame twice, a residual stack, three transposed convolutions of 3.

    Args:
        latent: channels of a latent frame.
        speaker: of a speaker's embedding, which every frame gets.
        dims: of a frame of features.
        width: channels between.
        layers: of the residual stack.
    """

    def __init__(self, latent: int, speaker: int, dims: int, width: int = 768, layers: int = 2) -> None:
        super().__init__()
        self.enter = nn.Conv1d(latent + speaker, width, 3, padding=1)
        self.stack = ResidualStack(width, layers)
        self.first = nn.ConvTranspose1d(width, width, 3, padding=1)
        self.second = nn.ConvTranspose1d(width, width, 3, padding=1)
        self.leave = nn.ConvTranspose1d(width, dims, 3, padding=1)

    def forward(self, latent: Tensor, speaker: Tensor, target: Tensor) -> Tensor:
        """How far off the features are: their mean squared error.

        Args:
            latent: Shape [batch, latent, frames].
            speaker: Shape [batch, speaker].
            target: Shape [batch, dims, 2 * frames].
        """
        return functional.mse_loss(self.decode(latent, speaker).float(), target)

    def decode(self, latent: Tensor, speaker: Tensor) -> Tensor:
        """The features, Shape [batch, dims, 2 * frames]; arguments as above."""
        everywhere = speaker[:, :, None].expand(-1, -1, latent.shape[2])
        values = self.enter(torch.cat([latent, everywhere.to(latent)], dim=1)).repeat_interleave(2, dim=2)
        values = self.second(self.first(self.stack(values)).relu()).relu()
        decoded: Tensor = self.leave(values)
        return decoded

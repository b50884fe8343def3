"""Features of speech to latents at half their rate (Chorowski et al. 2019, section II-A; seed 003)."""

from __future__ import annotations

from torch import Tensor, nn

from brevox.nets.parts import ENCODERS
from brevox.nets.residual import ResidualStack


@ENCODERS.register("mfcc")
class FeatureEncoder(nn.Module):
    """Convolutions of 3 with ReLU, the third of 4 with a stride of 2; all but that and the first skip what they do.

    Args:
        dims: of a frame of features.
        latent: channels of a latent frame.
        width: channels between.
        layers: of the residual stack.
    """

    def __init__(self, dims: int, latent: int, width: int = 768, layers: int = 2) -> None:
        super().__init__()
        self.enter = nn.Conv1d(dims, width, 3, padding=1)
        self.fine = nn.Conv1d(width, width, 3, padding=1)
        self.halve = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.coarse = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.stack = ResidualStack(width, layers)
        self.leave = nn.Conv1d(width, latent, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Encode. Shape: [batch, dims, 2 * frames] to [batch, latent, frames]."""
        values = self.enter(features).relu()
        values = values + self.fine(values).relu()
        values = self.halve(values).relu()
        for layer in self.coarse:
            values = values + layer(values).relu()
        latent: Tensor = self.leave(values + self.stack(values))
        return latent

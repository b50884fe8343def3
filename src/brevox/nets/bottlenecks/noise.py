"""Noise in the place of a quantiser (seed 000): what a network learns with it, any quantiser as fine will serve."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.parts import BOTTLENECKS


@BOTTLENECKS.register("noise")
class Noise(nn.Module):
    """Adds normal noise, drawn anew for every number, in training and in use alike; with no variance, nothing.

    Args:
        variance: of the noise.

    Raises:
        SettingsError: the variance is below 0.
    """

    codes = 0

    def __init__(self, variance: float = 0.0) -> None:
        super().__init__()
        if not variance >= 0:
            raise SettingsError(f"noise has a variance of 0 or more, not {variance:g}")
        self.variance = variance

    def forward(self, latent: Tensor) -> Quantised:
        """Shape: [batch, latent, frames], also what is returned; no codes."""
        noisy = latent
        if self.variance:
            noisy = latent + self.variance**0.5 * torch.randn_like(latent)
        none = torch.zeros(len(latent), 0, latent.shape[2], dtype=torch.long, device=latent.device)
        return Quantised(noisy, none, latent.new_zeros(()))

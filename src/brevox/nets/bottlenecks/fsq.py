"""Finite scalar quantisation: each channel is rounded by itself (Mentzer et al. 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.bottlenecks.rvq import Quantised
from brevox.nets.parts import BOTTLENECKS

_MOST_CODES = 2**62


@BOTTLENECKS.register("fsq")
class FiniteScalarQuantiser(nn.Module):
    """Every channel becomes one of so many steps from -1 to 1; an even number of them lacks the step at 1.

    Args:
        latent: channels.
        levels: steps of each.

    Raises:
        SettingsError: there are fewer than three steps, or codes that 63 bits cannot count.
    """

    def __init__(self, latent: int, levels: int = 8) -> None:
        super().__init__()
        if levels < 3 or latent * math.log2(levels) > math.log2(_MOST_CODES):
            raise SettingsError(
                f"{latent} channels of {levels} steps cannot be counted; take 3 or more steps, or fewer channels"
            )
        self.levels, self.codes = levels, levels**latent
        self.register_buffer("weights", levels ** torch.arange(latent), persistent=False)

    def forward(self, latent: Tensor) -> Quantised:
        """Quantise; the gradient passes rounding straight. Shape: [batch, latent, frames].

        What there is to learn is where numbers lie, so that there is no loss.
        """
        # An even number of steps lies around a half, which tanh is shifted by so that 0 stays 0 (section 3).
        shift = 0.5 * (1 - self.levels % 2)
        half = (self.levels - 1) * (1 + 1e-3) / 2
        bounded = half * torch.tanh(latent + math.atanh(shift / half)) - shift
        rounded = bounded + (bounded.round() - bounded).detach()
        digits = rounded.detach().round().long() + self.levels // 2
        codes = (digits * self.get_buffer("weights")[:, None]).sum(dim=1, keepdim=True)
        return Quantised(rounded / (self.levels // 2), codes, latent.new_zeros(()))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes, Shape [batch, 1, frames], to the latent [batch, latent, frames]."""
        digits = codes // self.get_buffer("weights")[:, None] % self.levels
        return (digits - self.levels // 2) / (self.levels // 2)

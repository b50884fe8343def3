"""Losses on levels of the vocoder, which are dB / 20: the common logarithms of amplitudes (seed 000).

Each is a module that is called with the levels that were made and those that should have been.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.registry import Registry

#: `loss(made, target)`; Shapes alike.
ENVELOPE_LOSSES = Registry("loss of the vocoder")


@ENVELOPE_LOSSES.register("squared")
class SquaredLevels(nn.Module):
    """Mean squared difference of levels; 400 times that is in dB^2."""

    def forward(self, made: Tensor, target: Tensor) -> Tensor:
        return (made - target).square().mean()


@ENVELOPE_LOSSES.register("weighted")
class WeightedAmplitudes(nn.Module):
    """Mean squared difference of amplitudes, those that are loud in the target counting less.

    mean[((10^made - 10^target) 10^(-(1 - gamma) target))^2]: with `gamma` 1 amplitudes count as they are; with 0 their
    quotient does. The weight is of the target alone, so that nothing is gained by making something louder.

    Args:
        gamma: 0 to 1.

    Raises:
        SettingsError: it is not.
    """

    def __init__(self, gamma: float = 0.5) -> None:
        super().__init__()
        if not 0 <= gamma <= 1:
            raise SettingsError(f"gamma of the loss 'weighted' is 0 to 1, not {gamma:g}")
        self.gamma = gamma

    def forward(self, made: Tensor, target: Tensor) -> Tensor:
        difference = torch.pow(10.0, made) - torch.pow(10.0, target)
        return (difference * self.weight(target)).square().mean()

    def weight(self, target: Tensor) -> Tensor:
        """What each difference is multiplied with. Shape: as `target`."""
        return torch.pow(10.0, -(1 - self.gamma) * target)

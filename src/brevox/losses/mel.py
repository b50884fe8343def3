"""Distance between mel spectrograms at several time-frequency resolutions (after DAC, Kumar et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.losses.mel_scales import MelScales
from brevox.losses.parts import LOSSES


@LOSSES.register("mel")
class MultiScaleMelLoss(nn.Module):
    """Mean absolute difference of mel magnitudes, of their logarithms or both, averaged over the scales.

    Logarithms (DAC) hear faint bands as much as loud ones; the magnitudes themselves (which EnCodec and seed 001 add)
    hear what is loud.

    Args:
        sample_rate: Hz.
        windows: window length of each scale; the hop is a quarter.
        bands: mel bands of each scale.
        floor: magnitude (of a full-scale sine's 1) below which differences of logarithms fade.
        log_weight: of the difference of logarithms.
        linear_weight: of the difference of magnitudes.

    Raises:
        SettingsError: a weight is negative, or both are 0.
    """

    def __init__(
        self,
        sample_rate: int,
        windows: Sequence[int] = (256, 512, 1024, 2048),
        bands: Sequence[int] = (20, 40, 80, 160),
        floor: float = 1e-4,
        log_weight: float = 1.0,
        linear_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if min(log_weight, linear_weight) < 0 or log_weight + linear_weight == 0:
            raise SettingsError("the loss 'mel' needs a log_weight or linear_weight above 0, and none below")
        self.log_weight, self.linear_weight = log_weight, linear_weight
        self.floor = floor
        self.scales = MelScales(sample_rate, windows, bands)

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        total = decoded.new_zeros(())
        for ours, theirs in self.scales(decoded, target):
            if self.log_weight:
                distance = (torch.log(ours + self.floor) - torch.log(theirs + self.floor)).abs().mean()
                total = total + self.log_weight * distance
            if self.linear_weight:
                total = total + self.linear_weight * (ours - theirs).abs().mean()
        return total / len(self.scales.windows)

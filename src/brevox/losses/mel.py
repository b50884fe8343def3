"""Distance between mel spectrograms at several time-frequency resolutions (after DAC, Kumar et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.losses.parts import LOSSES
from brevox.losses.spectrogram import magnitude, spectrogram


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
        self.windows, self.floor = list(windows), floor
        for window, count in zip(windows, bands, strict=True):
            self.register_buffer(f"filters_{window}", mel_filters(count, window, sample_rate), persistent=False)

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        total = decoded.new_zeros(())
        for window in self.windows:
            filters = self.get_buffer(f"filters_{window}")
            ours, theirs = (filters @ magnitude(spectrogram(audio, window, window // 4)) for audio in (decoded, target))
            if self.log_weight:
                distance = (torch.log(ours + self.floor) - torch.log(theirs + self.floor)).abs().mean()
                total = total + self.log_weight * distance
            if self.linear_weight:
                total = total + self.linear_weight * (ours - theirs).abs().mean()
        return total / len(self.windows)


def mel_filters(bands: int, window: int, sample_rate: int) -> Tensor:
    """Triangles of unit height evenly spaced in mel, at least a bin wide. Shape: [bands, window / 2 + 1]."""
    hz = torch.linspace(0, sample_rate / 2, window // 2 + 1)
    top = 2595 * torch.log10(torch.tensor(1 + sample_rate / 2 / 700))
    edges = 700 * (10 ** (torch.linspace(0, float(top), bands + 2) / 2595) - 1)
    width = torch.clamp(edges.diff(), min=sample_rate / window)
    centre = edges[1:-1, None]
    rising = 1 - (centre - hz) / width[:-1, None]
    falling = 1 - (hz - centre) / width[1:, None]
    return torch.clamp(torch.minimum(rising, falling), min=0)

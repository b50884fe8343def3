"""Distance between mel spectrograms at several time-frequency resolutions (after DAC, Kumar et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.losses.parts import LOSSES
from brevox.losses.spectrogram import magnitude, spectrogram


@LOSSES.register("mel")
class MultiScaleMelLoss(nn.Module):
    """Mean absolute difference of log mel magnitudes, averaged over the scales.

    Args:
        sample_rate: Hz.
        windows: window length of each scale; the hop is a quarter.
        bands: mel bands of each scale.
        floor: magnitude (of a full-scale sine's 1) below which differences fade.
    """

    def __init__(
        self,
        sample_rate: int,
        windows: Sequence[int] = (256, 512, 1024, 2048),
        bands: Sequence[int] = (20, 40, 80, 160),
        floor: float = 1e-4,
    ) -> None:
        super().__init__()
        self.windows, self.floor = list(windows), floor
        for window, count in zip(windows, bands, strict=True):
            self.register_buffer(f"filters_{window}", _mel_filters(count, window, sample_rate), persistent=False)

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        total = decoded.new_zeros(())
        for window in self.windows:
            filters = self.get_buffer(f"filters_{window}")
            ours, theirs = (
                torch.log(filters @ magnitude(spectrogram(audio, window, window // 4)) + self.floor)
                for audio in (decoded, target)
            )
            total = total + (ours - theirs).abs().mean()
        return total / len(self.windows)


def _mel_filters(bands: int, window: int, sample_rate: int) -> Tensor:
    """Triangles of unit height evenly spaced in mel, at least a bin wide. Shape: [bands, window / 2 + 1]."""
    hz = torch.linspace(0, sample_rate / 2, window // 2 + 1)
    top = 2595 * torch.log10(torch.tensor(1 + sample_rate / 2 / 700))
    edges = 700 * (10 ** (torch.linspace(0, float(top), bands + 2) / 2595) - 1)
    width = torch.clamp(edges.diff(), min=sample_rate / window)
    centre = edges[1:-1, None]
    rising = 1 - (centre - hz) / width[:-1, None]
    falling = 1 - (hz - centre) / width[1:, None]
    return torch.clamp(torch.minimum(rising, falling), min=0)

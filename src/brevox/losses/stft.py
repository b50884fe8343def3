"""Distances between spectrograms at full frequency resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.losses.parts import LOSSES
from brevox.losses.spectrogram import magnitude, spectrogram


@LOSSES.register("stft")
class MultiScaleStftLoss(nn.Module):
    """Spectral convergence plus log magnitude (Yamamoto et al. 2020, Parallel WaveGAN), averaged over scales.

    Args:
        windows: window length of each scale; the hop is a quarter.
        floor: magnitude (of a full-scale sine's 1) below which logarithmic differences fade.
    """

    def __init__(self, windows: Sequence[int] = (320, 640, 1280), floor: float = 1e-4) -> None:
        super().__init__()
        self.windows, self.floor = list(windows), floor

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        total = decoded.new_zeros(())
        for window in self.windows:
            ours, theirs = (magnitude(spectrogram(audio, window, window // 4)) for audio in (decoded, target))
            # Over the batch as a whole: a silent item alone would divide by nothing.
            convergence = (ours - theirs).norm() / theirs.norm().clamp(min=1e-3)
            log_distance = (torch.log(ours + self.floor) - torch.log(theirs + self.floor)).abs().mean()
            total = total + convergence + log_distance
        return total / len(self.windows)


@LOSSES.register("complex_stft")
class ComplexStftLoss(nn.Module):
    """Distance of compressed complex spectra: magnitude to a power, phase kept (Braun & Tashev 2021).

    Args:
        windows: window length of each scale; the hop is a quarter.
        power: 1 leaves magnitudes as they are, less brings faint bins forward.
    """

    def __init__(self, windows: Sequence[int] = (320, 640, 1280), power: float = 0.3) -> None:
        super().__init__()
        self.windows, self.power = list(windows), power

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        total = decoded.new_zeros(())
        for window in self.windows:
            ours, theirs = (self._compress(spectrogram(audio, window, window // 4)) for audio in (decoded, target))
            total = total + (torch.view_as_real(ours - theirs)).abs().mean()
        return total / len(self.windows)

    def _compress(self, spectrum: Tensor) -> Tensor:
        return spectrum * (spectrum.real.square() + spectrum.imag.square() + 1e-10) ** ((self.power - 1) / 2)

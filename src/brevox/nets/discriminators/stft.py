"""Discriminator on complex spectrograms of several resolutions (EnCodec, Defossez et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.losses.spectrogram import spectrogram
from brevox.nets.feature_maps import feature_maps, normed
from brevox.nets.parts import DISCRIMINATORS


@DISCRIMINATORS.register("stft")
class StftDiscriminator(nn.Module):
    """One small two-dimensional network for each resolution; real and imaginary part are its two channels.

    Args:
        windows: window length of each resolution; the hop is a quarter.
        channels: of each layer.

    Shape: [batch, samples] to a list, one entry a resolution, of logits [batch, 1, frames, bins'] and feature maps.
    """

    def __init__(self, windows: Sequence[int] = (256, 512, 1024), channels: int = 16) -> None:
        super().__init__()
        self.windows = list(windows)
        self.scales = nn.ModuleList(_Scale(channels) for _ in windows)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        return [scale(complex_channels(audio, w)) for w, scale in zip(self.windows, self.scales, strict=True)]


def complex_channels(audio: Tensor, window: int) -> Tensor:
    """Real and imaginary part of a spectrogram. Shape: [batch, samples] to [batch, 2, frames, bins]."""
    spectrum = compressed(spectrogram(audio, window, window // 4))
    return torch.stack([spectrum.real, spectrum.imag], dim=1).transpose(2, 3)


def compressed(spectrum: Tensor) -> Tensor:
    """Magnitudes to the power of a half: speech's spectrum spans 60 dB, and its faint parts are heard."""
    return spectrum * (spectrum.abs() + 1e-5) ** -0.5


class _Scale(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = [normed(nn.Conv2d(2, channels, (3, 9), stride=(1, 2), padding=(1, 4)))]
        for dilation in (1, 2, 4):
            layers.append(
                normed(
                    nn.Conv2d(channels, channels, (3, 9), stride=(1, 2), dilation=(dilation, 1), padding=(dilation, 4))
                )
            )
        layers.append(normed(nn.Conv2d(channels, channels, 3, padding=1)))
        self.layers = nn.ModuleList(layers)
        self.logits = normed(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = feature_maps(self.layers, x)
        return self.logits(maps[-1]), maps

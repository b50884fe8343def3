"""Discriminator on spectrograms with complex weights (Zeghidour et al. 2021; Trabelsi et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.losses.spectrogram import spectrogram
from brevox.nets.discriminators.stft import compressed
from brevox.nets.feature_maps import LEAK, check_numbers, normed
from brevox.nets.parts import DISCRIMINATORS


@DISCRIMINATORS.register("complex_stft")
class ComplexStftDiscriminator(nn.Module):
    """As `stft`, but a turn of all phases turns all feature maps until the last layer, which sees their sizes too.

    A complex product is four real ones: with as many channels it costs twice what `stft` costs.

    Args:
        windows: window length of each resolution; the hop is a quarter.
        channels: complex ones, of each layer.

    Raises:
        SettingsError: such windows or channels cannot be.

    Shape: [batch, samples] to a list, one entry a resolution, of logits [batch, 1, frames, bins'] and feature maps
    (real, then imaginary channels).
    """

    def __init__(self, windows: Sequence[int] = (256, 512, 1024), channels: int = 16) -> None:
        super().__init__()
        self.windows = check_numbers("windows", windows, least=4)
        (channels,) = check_numbers("channels", [channels])
        self.scales = nn.ModuleList(_Scale(channels) for _ in windows)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        judgement = []
        for window, scale in zip(self.windows, self.scales, strict=True):
            spectrum = compressed(spectrogram(audio, window, window // 4))[:, None].transpose(2, 3)
            judgement.append(scale(torch.cat([spectrum.real, spectrum.imag], dim=1)))
        return judgement


class ComplexConvolution(nn.Module):
    """(A + iB) * (x + iy), of channels that are first real, then imaginary parts.

    Shape: [batch, 2 * from_channels, height, width] to [batch, 2 * to_channels, ...].
    """

    def __init__(
        self, from_channels: int, to_channels: int, kernel: tuple[int, int], **settings: int | tuple[int, int]
    ):
        super().__init__()
        make = dict(kernel_size=kernel, bias=False, **settings)
        self.real = nn.Conv2d(from_channels, to_channels, **make)  # type: ignore[arg-type]
        self.imaginary = nn.Conv2d(from_channels, to_channels, **make)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        real, imaginary = x.chunk(2, dim=1)
        return torch.cat(
            [self.real(real) - self.imaginary(imaginary), self.real(imaginary) + self.imaginary(real)], dim=1
        )


def turn_free_relu(x: Tensor) -> Tensor:
    """Makes numbers smaller and leaves their phases: modReLU (Arjovsky et al. 2016), leaky and without weights."""
    real, imaginary = x.chunk(2, dim=1)
    size = (real.square() + imaginary.square() + 1e-8).sqrt()
    factor = torch.where(size > _BOUND, 1 - _BOUND * (1 - LEAK) / size, LEAK)
    return torch.cat([real * factor, imaginary * factor], dim=1)


_BOUND = 0.1


class _Scale(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = [ComplexConvolution(1, channels, (3, 9), stride=(1, 2), padding=(1, 4))]
        for dilation in (1, 2, 4):
            step = {"stride": (1, 2), "dilation": (dilation, 1), "padding": (dilation, 4)}
            layers.append(ComplexConvolution(channels, channels, (3, 9), **step))
        self.layers = nn.ModuleList(layers)
        self.logits = normed(nn.Conv2d(3 * channels, 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = []
        for layer in self.layers:
            x = turn_free_relu(layer(x))
            maps.append(x)
        real, imaginary = x.chunk(2, dim=1)
        size = (real.square() + imaginary.square() + 1e-8).sqrt()
        return self.logits(torch.cat([x, size], dim=1)), maps

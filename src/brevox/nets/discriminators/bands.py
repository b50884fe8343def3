"""Discriminator on bands of complex spectrograms of several resolutions (DAC, Kumar et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.discriminators.stft import complex_channels
from brevox.nets.feature_maps import check_numbers, feature_maps, normed
from brevox.nets.parts import DISCRIMINATORS


@DISCRIMINATORS.register("bands")
class BandsDiscriminator(nn.Module):
    """One small two-dimensional network for each band of each resolution, and one last layer across the bands.

    Weights that look at low bands alone learn harmonics, those of high bands noise; real and imaginary part are
    their two channels.

    Args:
        windows: window length of each resolution, a multiple of 4; the hop is a quarter. DAC has 512, 1024, 2048.
        edges: of the bands, as shares of all bins, from 0 to 1.
        channels: of each layer. DAC has 32.

    Raises:
        SettingsError: such windows, edges or channels cannot be.

    Shape: [batch, samples] to a list, one entry a resolution, of logits [batch, 1, frames, bins'] and feature maps,
    those of the lowest band first.
    """

    def __init__(
        self,
        windows: Sequence[int] = (256, 512, 1024),
        edges: Sequence[float] = (0, 0.1, 0.25, 0.5, 0.75, 1),
        channels: int = 16,
    ) -> None:
        super().__init__()
        self.windows = check_numbers("windows", windows, least=4)
        if any(window % 4 for window in windows):
            raise SettingsError(f"the windows must be multiples of 4, not {list(windows)}")
        (channels,) = check_numbers("channels", [channels])
        self.resolutions = nn.ModuleList(_Resolution(bins_of(window, edges), channels) for window in windows)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        pairs = zip(self.windows, self.resolutions, strict=True)
        return [resolution(complex_channels(audio, window)) for window, resolution in pairs]


def bins_of(window: int, edges: Sequence[float]) -> list[tuple[int, int]]:
    """First bin of each band, and the one after its last; together they are all bins of the window.

    Raises:
        SettingsError: the edges do not rise from 0 to 1, or a band has no bin.
    """
    if len(edges) < 2 or edges[0] != 0 or edges[-1] != 1:
        raise SettingsError(f"the edges of the bands must begin with 0 and end with 1, not {list(edges)}")
    bands = list(pairwise(int(edge * (window // 2 + 1)) for edge in edges))
    if any(first >= end for first, end in bands):
        raise SettingsError(f"the edges {list(edges)} must rise, and leave each band a bin of a window of {window}")
    return bands


class _Resolution(nn.Module):
    def __init__(self, bands: list[tuple[int, int]], channels: int) -> None:
        super().__init__()
        self.bands = bands
        self.stacks = nn.ModuleList(_stack(channels) for _ in bands)
        self.logits = normed(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps: list[Tensor] = []
        tops = []
        for (first, end), stack in zip(self.bands, self.stacks, strict=True):
            maps += feature_maps(stack.children(), x[..., first:end])
            tops.append(maps[-1])
        return self.logits(torch.cat(tops, dim=-1)), maps


def _stack(channels: int) -> nn.ModuleList:
    """Layers from real and imaginary part on; three of them keep every second bin, none drops a frame."""
    layers = [normed(nn.Conv2d(2, channels, (3, 9), padding=(1, 4)))]
    for _ in range(3):
        layers.append(normed(nn.Conv2d(channels, channels, (3, 9), stride=(1, 2), padding=(1, 4))))
    layers.append(normed(nn.Conv2d(channels, channels, 3, padding=1)))
    return nn.ModuleList(layers)

"""Discriminator on mel spectrograms of several resolutions: cheap, and it hears what spectral losses blur."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.audio.mel import mel_filters
from brevox.errors import SettingsError
from brevox.losses.spectrogram import magnitude, spectrogram
from brevox.nets.feature_maps import check_numbers, feature_maps, normed
from brevox.nets.parts import DISCRIMINATORS

_FLOOR = 1e-4  # magnitude (of a full-scale sine's 1) below which differences fade
_MIDDLE, _SPREAD = -5.0, 2.0  # of the logarithms of speech


@DISCRIMINATORS.register("mel")
class MelDiscriminator(nn.Module):
    """One small two-dimensional network for each resolution, on logarithms of mel magnitudes.

    Losses of magnitudes are least where what is uncertain is a mean, and means are smooth: a mel spectrogram is the
    smallest picture in which that shows. Phases are not in it.

    Args:
        windows: window length of each resolution, a multiple of 4; the hop is a quarter.
        bands: mel bands of each.
        channels: of the first layers; later ones have twice as many.
        sample_rate: Hz.

    Raises:
        SettingsError: such windows, bands or channels cannot be.

    Shape: [batch, samples] to a list, one entry a resolution, of logits [batch, 1, frames', bands'] and feature maps.
    """

    def __init__(
        self,
        windows: Sequence[int] = (320, 1024),
        bands: Sequence[int] = (64, 128),
        channels: int = 24,
        sample_rate: int = 16_000,
    ) -> None:
        super().__init__()
        self.windows = check_numbers("windows", windows, least=4)
        if any(window % 4 for window in windows):
            raise SettingsError(f"the windows must be multiples of 4, not {list(windows)}")
        if len(check_numbers("bands", bands)) != len(self.windows):
            raise SettingsError(f"there must be as many numbers of bands as windows, not {list(bands)}")
        check_numbers("channels", [channels])
        for window, count in zip(self.windows, bands, strict=True):
            filters = torch.from_numpy(mel_filters(count, window, sample_rate)).float()
            self.register_buffer(f"filters_{window}", filters, persistent=False)
        self.resolutions = nn.ModuleList(_Resolution(channels) for _ in self.windows)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        pairs = zip(self.windows, self.resolutions, strict=True)
        return [resolution(self._picture(audio, window)) for window, resolution in pairs]

    def _picture(self, audio: Tensor, window: int) -> Tensor:
        """Shape: [batch, samples] to [batch, 1, frames, bands]."""
        with torch.autocast(audio.device.type, enabled=False):
            levels = self.get_buffer(f"filters_{window}") @ magnitude(spectrogram(audio, window, window // 4))
            logarithms = (torch.log(levels + _FLOOR) - _MIDDLE) / _SPREAD
        return logarithms.transpose(1, 2)[:, None]


class _Resolution(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        shapes = [
            (1, channels, (3, 5), (1, 2)),
            (channels, channels, (3, 5), (1, 2)),
            (channels, 2 * channels, (3, 3), (2, 2)),
            (2 * channels, 2 * channels, (3, 3), (1, 1)),
        ]
        self.layers = nn.ModuleList(
            normed(nn.Conv2d(ins, outs, size, stride=stride, padding=(size[0] // 2, size[1] // 2)))
            for ins, outs, size, stride in shapes
        )
        self.logits = normed(nn.Conv2d(2 * channels, 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = feature_maps(self.layers, x)
        return self.logits(maps[-1]), maps

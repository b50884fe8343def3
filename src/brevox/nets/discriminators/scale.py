"""Multi-scale waveform discriminator (MelGAN, Kumar et al. 2019; SoundStream, Zeghidour et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.feature_maps import check_numbers, feature_maps, normed
from brevox.nets.parts import DISCRIMINATORS

_STRIDE = 4
#: Channels that a grouped convolution sees at once.
_GROUP = 4


@DISCRIMINATORS.register("scale")
class ScaleDiscriminator(nn.Module):
    """The same small network for the audio, for its average over two samples, over four, and so on.

    Args:
        scales: how many such networks.
        channels: of each layer: a plain one, grouped ones that keep every fourth sample, a plain one. Those that
            enter a grouped one are a multiple of 4. MelGAN has 16, 64, 256, 1024, 1024, 1024.

    Raises:
        SettingsError: a number is not a whole one from 1, or the channels cannot be grouped.

    Shape: [batch, samples] to a list, one entry a scale, of logits [batch, 1, samples'] and feature maps.
    """

    def __init__(self, scales: int = 3, channels: Sequence[int] = (16, 32, 64, 128, 128, 128)) -> None:
        super().__init__()
        (scales,) = check_numbers("scales", [scales])
        channels = check_numbers("channels", channels)
        if len(channels) < 3:
            raise SettingsError(f"the channels must be those of 3 layers or more, not {channels}")
        for before, after in pairwise(channels[:-1]):
            if before % _GROUP or after % (before // _GROUP):
                raise SettingsError(
                    f"a layer of {before} channels cannot lead to one of {after}: "
                    f"groups of {_GROUP} of the first must share the second evenly, as in 16, 64, 128"
                )
        self.scales = nn.ModuleList(_Scale(channels) for _ in range(scales))

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        x, judgement = audio[:, None], []
        for i, scale in enumerate(self.scales):
            if i > 0:
                x = nn.functional.avg_pool1d(x, 4, stride=2, padding=1, count_include_pad=False)
            judgement.append(scale(x))
        return judgement


class _Scale(nn.Module):
    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        layers = [normed(nn.Conv1d(1, channels[0], 15, padding=7))]
        for before, after in pairwise(channels[:-1]):
            kernel, groups = 10 * _STRIDE + 1, before // _GROUP
            grouped = nn.Conv1d(before, after, kernel, stride=_STRIDE, padding=kernel // 2, groups=groups)
            layers.append(normed(grouped))
        layers.append(normed(nn.Conv1d(channels[-2], channels[-1], 5, padding=2)))
        self.layers = nn.ModuleList(layers)
        self.logits = normed(nn.Conv1d(channels[-1], 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = feature_maps(self.layers, x)
        return self.logits(maps[-1]), maps

"""Multi-period discriminator (HiFi-GAN, Kong et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from brevox.errors import SettingsError
from brevox.nets.feature_maps import check_numbers, feature_maps, normed
from brevox.nets.parts import DISCRIMINATORS


@DISCRIMINATORS.register("period")
class PeriodDiscriminator(nn.Module):
    """One small network for each period, which sees every phase of the period by itself.

    The audio is written in rows of one period; convolutions run down the columns and never across.

    Args:
        periods: samples in a row of each network. Primes share the fewest samples.
        channels: of each layer; all but the last keep every third row. The paper has 32, 128, 512, 1024, 1024.

    Raises:
        SettingsError: no periods or channels, one that is not a whole number from 1, or a period twice.

    Shape: [batch, samples] to a list, one entry a period, of logits [batch, 1, rows', period] and feature maps.
    """

    def __init__(
        self, periods: Sequence[int] = (2, 3, 5, 7, 11), channels: Sequence[int] = (16, 32, 64, 128, 128)
    ) -> None:
        super().__init__()
        self.periods = check_numbers("periods", periods)
        if len(set(periods)) < len(periods):
            raise SettingsError(f"the periods {list(periods)} name one twice; each may be there once")
        self.columns = nn.ModuleList(_Columns(check_numbers("channels", channels)) for _ in periods)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        return [columns(in_rows(audio, p)) for p, columns in zip(self.periods, self.columns, strict=True)]


def in_rows(audio: Tensor, period: int) -> Tensor:
    """Cut audio into rows, the last one filled by reflection. Shape: [batch, samples] to [batch, 1, rows, period]."""
    batch, samples = audio.shape
    missing = -samples % period
    # A reflection has to be shorter than what it reflects.
    padded = nn.functional.pad(audio[:, None], (0, missing), mode="reflect" if missing < samples else "constant")
    return padded.view(batch, 1, -1, period)


class _Columns(nn.Module):
    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        last = len(channels) - 1
        self.layers = nn.ModuleList(
            normed(nn.Conv2d(before, after, (5, 1), stride=(3 if i < last else 1, 1), padding=(2, 0)))
            for i, (before, after) in enumerate(zip([1, *channels[:-1]], channels, strict=True))
        )
        self.logits = normed(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        maps = feature_maps(self.layers, x)
        return self.logits(maps[-1]), maps

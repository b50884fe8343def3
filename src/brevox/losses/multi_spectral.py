"""SoundStream's spectral loss (Zeghidour et al. 2021, equations 4 and 5; Gritsenko et al. 2020; seed 004)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from brevox.losses.mel_scales import MelScales
from brevox.losses.parts import LOSSES


@LOSSES.register("multi_spectral")
class MultiSpectralLoss(nn.Module):
    """|S - S^| + sqrt(w / 2) (log S - log S^)^2, means over mel spectrograms S, averaged over windows w.

    The paper takes the root of the sum of squares of each frame; squares, as the seed has them, hear single bands that
    are far off more than many that are a little.

    Args:
        sample_rate: Hz.
        windows: of each scale; the hop is a quarter.
        bands: mel bands of each scale. A short window has fewer bins than that; bands are then a bin wide, and overlap.
        floor: magnitude (of a full-scale sine's 1) below which differences of logarithms fade.
    """

    def __init__(
        self,
        sample_rate: int,
        windows: Sequence[int] = (32, 64, 128, 256, 512, 1024, 2048),
        bands: int = 64,
        floor: float = 1e-3,
    ) -> None:
        super().__init__()
        self.floor = floor
        self.scales = MelScales(sample_rate, windows, [bands] * len(windows))

    def forward(self, decoded: Tensor, target: Tensor) -> Tensor:
        total = decoded.new_zeros(())
        for window, (ours, theirs) in zip(self.scales.windows, self.scales(decoded, target), strict=True):
            squares = (torch.log(ours + self.floor) - torch.log(theirs + self.floor)).square().mean()
            total = total + (ours - theirs).abs().mean() + (window / 2) ** 0.5 * squares
        return total / len(self.scales.windows)

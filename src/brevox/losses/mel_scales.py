"""Mel spectrograms at several time-frequency resolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from brevox.audio.mel import mel_filters
from brevox.losses.spectrogram import magnitude, spectrogram


class MelScales(nn.Module):
    """Magnitudes in mel bands, a scale at a time.

    Args:
        sample_rate: Hz.
        windows: window length of each scale; the hop is a quarter.
        bands: mel bands of each scale.

    Shape: two sounds [batch, samples] to pairs of [batch, bands, frames], one pair a scale.
    """

    def __init__(self, sample_rate: int, windows: Sequence[int], bands: Sequence[int]) -> None:
        super().__init__()
        self.windows = list(windows)
        for window, count in zip(windows, bands, strict=True):
            filters = torch.from_numpy(mel_filters(count, window, sample_rate)).float()
            self.register_buffer(f"filters_{window}", filters, persistent=False)

    def forward(self, decoded: Tensor, target: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for window in self.windows:
            filters = self.get_buffer(f"filters_{window}")
            ours, theirs = (filters @ magnitude(spectrogram(audio, window, window // 4)) for audio in (decoded, target))
            yield ours, theirs

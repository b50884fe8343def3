"""Spectra of speech, for measures that compare them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def magnitudes(audio: NDArray[np.float32], window: int) -> NDArray[np.float64]:
    """Magnitudes of Hann windows, a quarter of a window apart, scaled so that a full-scale sine is 1.

    Args:
        audio: Shape [samples]; zeros are added to what is shorter than a window.
        window: in samples.

    Returns:
        Shape [frames, window // 2 + 1].
    """
    audio = np.pad(audio, (0, max(0, window - len(audio))))
    shape = np.hanning(window + 1)[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(audio, window)[:: window // 4] * shape
    return np.abs(np.fft.rfft(windows)) * (2 / shape.sum())


def mel_filters(bands: int, window: int, rate_hz: int) -> NDArray[np.float64]:
    """Triangles that add up to one at every frequency, evenly spaced in mel from 0 Hz to half the rate.

    Returns:
        Shape [window // 2 + 1, bands].
    """
    hz = np.arange(window // 2 + 1) * rate_hz / window
    position = np.log1p(hz / 700) / np.log1p(rate_hz / 2 / 700) * (bands - 1)
    return np.clip(1 - np.abs(position[:, None] - np.arange(bands)), 0, None)

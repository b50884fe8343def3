"""What recognisers of speech look at: log mel filterbanks, MFCCs, and how these change (Davis & Mermelstein 1980).

At 16 kHz: windows of 25 ms, 10 ms apart. Window i lies around the middle of [10 i, 10 i + 10) ms, so that frame i is
of that time, and a clip of 160 n samples has n frames.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from brevox.audio.mel import mel_filters

FEATURE_RATE_HZ = 16_000
FEATURE_HOP = 160
BANDS = 40
COEFFICIENTS = 13

_WINDOW = 400
_SPECTRUM = 512
_PRE_EMPHASIS = 0.97
_LEAST_POWER = 1e-6  # about 100 dB below a full-scale sine
_DELTA_REACH = 2


def log_filterbank(audio: NDArray[np.floating]) -> NDArray[np.float32]:
    """Logarithms of the power in mel bands, of Hamming windows with pre-emphasis.

    Args:
        audio: at 16 kHz, Shape [samples].

    Returns:
        Shape [samples // 160, 40].
    """
    frames = len(audio) // FEATURE_HOP
    if frames == 0:
        return np.zeros((0, BANDS), dtype=np.float32)
    audio = np.asarray(audio, dtype=np.float64)
    audio = np.append(audio[:1], audio[1:] - _PRE_EMPHASIS * audio[:-1])
    overhang = (_WINDOW - FEATURE_HOP) // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(audio, overhang), _WINDOW)[::FEATURE_HOP][:frames]
    power = np.abs(np.fft.rfft(windows * np.hamming(_WINDOW), _SPECTRUM)) ** 2
    filtered = power @ _filters().T
    return np.log(np.maximum(filtered, _LEAST_POWER)).astype(np.float32)


def mfcc(filterbank: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first 13 coefficients of the cosine transform (DCT-II, orthonormal) of a log filterbank, [frames, bands]."""
    bands = filterbank.shape[1]
    angles = np.pi / bands * np.outer(np.arange(COEFFICIENTS), np.arange(bands) + 0.5)
    basis = np.cos(angles) * np.sqrt(2 / bands)
    basis[0] /= np.sqrt(2)
    return (filterbank @ basis.T).astype(np.float32)


def deltas(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slope of every feature, by regression over five frames; the first and last frame are repeated.

    Args:
        features: Shape [frames, dims], also what is returned.
    """
    reach = range(1, _DELTA_REACH + 1)
    padded = np.pad(features, ((_DELTA_REACH, _DELTA_REACH), (0, 0)), mode="edge" if len(features) else "constant")
    frames = len(features)
    rises = (n * (padded[_DELTA_REACH + n :][:frames] - padded[_DELTA_REACH - n :][:frames]) for n in reach)
    return np.asarray(sum(rises) / (2 * sum(n * n for n in reach)), dtype=np.float32)


def mfcc_with_deltas(filterbank: NDArray[np.float32]) -> NDArray[np.float32]:
    """MFCCs, their slopes and the slopes of these. Shape: [frames, bands] to [frames, 39]."""
    coefficients = mfcc(filterbank)
    first = deltas(coefficients)
    return np.concatenate([coefficients, first, deltas(first)], axis=1)


@cache
def _filters() -> NDArray[np.float64]:
    """Shape: [bands, bins]."""
    return mel_filters(BANDS, _SPECTRUM, FEATURE_RATE_HZ)

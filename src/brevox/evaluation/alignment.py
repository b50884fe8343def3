"""Decoded recordings begin a little late with many codecs; measures that compare need them in step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.evaluation.signals import RATE_HZ

_MOST_S = 0.5
_ENVELOPE_HZ = 1000
_BANDS = 8
_WINDOW_S = 0.016
#: Correlation of waveforms from which on it tells the delay to the sample. Codecs that keep no waveform have far less.
_SURE = 0.5


def delay_of(reference: NDArray[np.float32], degraded: NDArray[np.float32]) -> int:
    """Samples that `degraded` is late; negative if it is early. At most half a second.

    First by the envelopes of 8 bands, which parametric codecs keep too, to 1 ms; where the waveforms agree there, by
    them, to the sample.
    """
    step = RATE_HZ // _ENVELOPE_HZ
    rough = _best_lag(_envelopes(reference), _envelopes(degraded), round(_MOST_S * _ENVELOPE_HZ))[0] * step
    lag, correlation = _best_lag(reference[None], _shifted(degraded, rough, len(reference))[None], 2 * step)
    return rough + lag if correlation >= _SURE else rough


def align(
    reference: NDArray[np.float32], degraded: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Take the delay out of `degraded`, and bring both to the length of `reference`.

    What a decoder swallowed at the end is filled up with silence: it is missing, and measures shall see it.

    Returns:
        Both, Shape [samples] each, and the delay in samples.
    """
    delay = delay_of(reference, degraded)
    return reference, _shifted(degraded, delay, len(reference)), delay


def _shifted(audio: NDArray[np.float32], delay: int, length: int) -> NDArray[np.float32]:
    start = max(0, delay)
    piece = np.concatenate([np.zeros(max(0, -delay), np.float32), audio[start : start + length]])[:length]
    return np.pad(piece, (0, length - len(piece)))


def _envelopes(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """Levels of 8 bands in dB, 60 dB of them, each without its mean. Shape: [bands, frames]."""
    window, step = round(_WINDOW_S * RATE_HZ), RATE_HZ // _ENVELOPE_HZ
    padded = np.pad(audio, (window // 2, window))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)[::step] * np.hanning(window)
    power = np.abs(np.fft.rfft(windows)) ** 2
    edges = np.geomspace(2, power.shape[1] // 2, _BANDS + 1).round().astype(int)  # 125 Hz to 4 kHz
    bands = np.add.reduceat(power, edges[:-1], axis=1).T
    level = 10 * np.log10(bands + bands.max() * 1e-6 + 1e-20)
    return level - level.mean(axis=1, keepdims=True)


def _best_lag(a: NDArray[np.floating], b: NDArray[np.floating], most: int) -> tuple[int, float]:
    """Steps that `b` is later than `a` where their correlation, summed over rows, is highest, and that (at most 1)."""
    length = 1 << (max(a.shape[1], b.shape[1]) + most).bit_length()
    spectrum = np.conj(np.fft.rfft(a, length)) * np.fft.rfft(b, length)
    correlation = np.fft.irfft(spectrum.sum(axis=0), length)
    lags = np.concatenate([correlation[-most:], correlation[: most + 1]])
    scale = np.sqrt(float((np.asarray(a, float) ** 2).sum()) * float((np.asarray(b, float) ** 2).sum()))
    if scale == 0:
        return 0, 0.0
    best = int(lags.argmax())
    return best - most, float(lags[best] / scale)

"""The pieces of speech that harmonics are measured in."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from brevox.vocoder.harmonics import FULL_SCALE, HOP

FFT = 512
WINDOW = 279

# So scaled that a cosine of amplitude A in 16-bit steps gives bins whose energy is A^2 / 4, whatever the window.
_TAPER = np.hanning(WINDOW)
_TAPER /= np.sqrt(FFT * np.sum(_TAPER**2))


def taper_spectrum() -> NDArray[np.float64]:
    """Of the window around its middle: real. Bin 0 is in the middle. Shape: [512]."""
    padded = np.zeros(FFT)
    padded[:WINDOW] = _TAPER
    return np.fft.fftshift(np.fft.fft(np.roll(padded, -(WINDOW // 2))).real)


def window_spectra(audio: NDArray[np.floating], first: int, last: int) -> NDArray[np.complex128]:
    """Spectra of 35 ms around the middle of each frame, phases counted from there.

    Args:
        audio: at 8 kHz, full scale 1. Shape: [samples]; silence lies around it.
        first: the first frame.
        last: the frame after the last.

    Returns:
        Shape: [last - first, 257].
    """
    reach = WINDOW // 2
    begin, end = first * HOP + HOP // 2 - reach, (last - 1) * HOP + HOP // 2 + reach + 1
    piece = np.zeros(end - begin)
    inside = slice(max(begin, 0), min(end, len(audio)))
    piece[inside.start - begin : inside.stop - begin] = audio[inside]
    windows = sliding_window_view(piece, WINDOW)[::HOP] * (_TAPER * FULL_SCALE)
    padded = np.zeros((len(windows), FFT))
    padded[:, : reach + 1], padded[:, -reach:] = windows[:, reach:], windows[:, :reach]
    return np.fft.rfft(padded)

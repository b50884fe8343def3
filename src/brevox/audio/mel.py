"""Bands of equal width in mel, over the bins of a spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mel_filters(bands: int, window: int, sample_rate: int) -> NDArray[np.float64]:
    """Triangles of unit height evenly spaced in mel (HTK's) from 0 Hz to half the rate.

    None is narrower than a bin: of many bands, the low ones would hold no bin at all, and be silent for any sound.

    Args:
        bands: how many.
        window: samples of the Fourier transform.
        sample_rate: Hz.

    Returns:
        Shape [bands, window / 2 + 1].
    """
    hz = np.linspace(0, sample_rate / 2, window // 2 + 1)
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    width = np.maximum(np.diff(edges), sample_rate / window)
    centre = edges[1:-1, None]
    rising = 1 - (centre - hz) / width[:-1, None]
    falling = 1 - (hz - centre) / width[1:, None]
    return np.clip(np.minimum(rising, falling), 0, None)

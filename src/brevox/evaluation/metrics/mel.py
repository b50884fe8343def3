"""Multi-scale mel distance: how far spectra are apart, at many resolutions."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.metrics.spectra import magnitudes, mel_filters
from brevox.evaluation.signals import RATE_HZ

#: Window in samples, bands. Fewer bands than bins, so that none is empty.
_SCALES = ((128, 10), (256, 20), (512, 40), (1024, 80), (2048, 160))
#: 80 dB below a full-scale sine. What is softer is not heard beside speech, and must not count.
_FLOOR = 1e-4

_filters = cache(mel_filters)


def mel_distance(pair: Pair) -> Score:
    """Mean absolute difference of mel bands in dB, over bands, time and five lengths of window."""
    return Score(float(np.mean([_distance(pair, window, bands) for window, bands in _SCALES])))


def _distance(pair: Pair, window: int, bands: int) -> float:
    def level_db(audio: NDArray[np.float32]) -> NDArray[np.float64]:
        return 20 * np.log10(magnitudes(audio, window) @ _filters(bands, window, RATE_HZ) + _FLOOR)

    return float(np.abs(level_db(pair.reference) - level_db(pair.degraded)).mean())


def _open(options: Options) -> Measure:
    return mel_distance


MEL = Metric(
    name="mel",
    title="mel distance",
    unit="dB",
    low=0.0,
    high=80.0,
    higher_is_better=False,
    says="difference of spectra at five resolutions, pauses included; what codecs like ours are trained to keep small",
    source="after Kumar et al. (DAC), NeurIPS 2023: windows of 8 to 128 ms, 10 to 160 bands; in dB, floor at -80 dB",
    package="",
    open=_open,
)

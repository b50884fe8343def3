"""Log-spectral distance, in two halves of the spectrum: what is missing above 4 kHz shows in the second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.metrics.spectra import magnitudes
from brevox.evaluation.signals import RATE_HZ

_WINDOW = 512
#: 80 dB below a full-scale sine.
_FLOOR = 1e-4
#: Frames this far below the loudest one are pauses, and do not count.
_SPEECH_DB = 40.0


def log_spectral_distance(pair: Pair, low_hz: float, high_hz: float) -> Score:
    """Root mean square over frequencies of the difference in dB, mean over the frames with speech.

    Raises:
        ValueError: the original is silent.
    """
    first, last = (round(hz * _WINDOW / RATE_HZ) for hz in (low_hz, high_hz))
    reference, degraded = magnitudes(pair.reference, _WINDOW), magnitudes(pair.degraded, _WINDOW)
    energy = (reference**2).sum(axis=1)
    if energy.max() == 0:
        raise ValueError("the original is silent")
    speech = energy > energy.max() * 10 ** (-_SPEECH_DB / 10)

    def level_db(spectrum: NDArray[np.float64]) -> NDArray[np.float64]:
        return 20 * np.log10(spectrum[speech, first:last] + _FLOOR)

    return Score(float(np.sqrt(((level_db(reference) - level_db(degraded)) ** 2).mean(axis=1)).mean()))


def _open_low(options: Options) -> Measure:
    return lambda pair: log_spectral_distance(pair, 0, 4000)


def _open_high(options: Options) -> Measure:
    return lambda pair: log_spectral_distance(pair, 4000, 8000)


_SOURCE = (
    "Gray and Markel, IEEE TASSP 24(5), 1976; windows of 32 ms, frames within 40 dB of the loudest, floor at -80 dB"
)

LSD_LOW = Metric(
    name="lsd_low",
    title="LSD 0-4 kHz",
    unit="dB",
    low=0.0,
    high=80.0,
    higher_is_better=False,
    says="difference of fine spectra below 4 kHz; two noises of the same colour are 7 to 8 dB apart",
    source=_SOURCE,
    package="",
    open=_open_low,
)
LSD_HIGH = Metric(
    name="lsd_high",
    title="LSD 4-8 kHz",
    unit="dB",
    low=0.0,
    high=80.0,
    higher_is_better=False,
    says="the same above 4 kHz, where PESQ and STOI see little or nothing: narrowband codecs lose here",
    source=_SOURCE,
    package="",
    open=_open_high,
)

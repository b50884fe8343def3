"""SI-SDR: how much of the waveform itself came through."""

from __future__ import annotations

import numpy as np

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score

#: A perfect copy would have an infinite ratio, with which no mean can be taken.
_MOST_DB = 100.0


def si_sdr(pair: Pair) -> Score:
    """Energy of the best multiple of the original over that of the rest, in dB.

    Raises:
        ValueError: the original is silent.
    """
    reference = pair.reference.astype(np.float64) - pair.reference.mean(dtype=np.float64)
    degraded = pair.degraded.astype(np.float64) - pair.degraded.mean(dtype=np.float64)
    energy = reference @ reference
    if energy == 0:
        raise ValueError("the original is silent")
    target = (reference @ degraded) / energy * reference
    rest = degraded - target
    floor = 10 ** (-_MOST_DB / 10)
    signal, noise = target @ target, rest @ rest
    if signal == 0:
        return Score(-_MOST_DB)
    return Score(float(np.clip(10 * np.log10(signal / max(noise, signal * floor)), -_MOST_DB, _MOST_DB)))


def _open(options: Options) -> Measure:
    return si_sdr


SI_SDR = Metric(
    name="si_sdr",
    title="SI-SDR",
    unit="dB",
    low=-_MOST_DB,
    high=_MOST_DB,
    higher_is_better=True,
    says="how well the waveform is kept; codecs that make a new one of the same sound are below 0",
    source="Le Roux et al., ICASSP 2019",
    package="",
    open=_open,
)

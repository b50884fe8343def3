"""Phoneme error rate: what a recogniser that knows no words no longer hears."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ


def _open(options: Options) -> Measure:
    import jiwer
    from hama import ASRModel

    model = ASRModel()

    @lru_cache(maxsize=8)
    def heard(audio: bytes) -> str:
        return " ".join(model.transcribe_waveform(np.frombuffer(audio, np.float32), RATE_HZ).phonemes)

    def measure(pair: Pair) -> Score:
        reference, degraded = heard(pair.reference.tobytes()), heard(pair.degraded.tobytes())
        if not reference:
            raise ValueError("no phonemes found in the original")
        return Score(100 * jiwer.wer(reference, degraded), len(reference.split()), degraded)

    return measure


PER = Metric(
    name="per",
    title="phoneme errors",
    unit="%",
    low=0.0,
    high=100.0,
    higher_is_better=False,
    says="phonemes that a small recogniser hears differently than in the original: it cannot guess from context",
    source="hama 1.7 (CTC, waveform input); programs: hama, jiwer. Mean over phonemes",
    package="hama jiwer",
    open=_open,
)

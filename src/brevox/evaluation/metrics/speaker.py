"""Speaker similarity: whether it is still the same voice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ


def _open(options: Options) -> Measure:
    from resemblyzer import VoiceEncoder, preprocess_wav

    encoder = VoiceEncoder("cpu", verbose=False)

    @lru_cache(maxsize=8)
    def voice(audio: bytes) -> NDArray[np.float32]:
        speech = preprocess_wav(np.frombuffer(audio, np.float32), source_sr=RATE_HZ)
        return encoder.embed_utterance(speech)

    def measure(pair: Pair) -> Score:
        if not pair.reference.any() or not pair.degraded.any():
            raise ValueError("silence has no voice")
        return Score(float(voice(pair.reference.tobytes()) @ voice(pair.degraded.tobytes())))

    return measure


SPEAKER = Metric(
    name="speaker",
    title="speaker similarity",
    unit="",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    says="whether a recogniser of voices takes both for one person",
    source="Wan et al. (GE2E), ICASSP 2018; program: resemblyzer. Cosine of embeddings",
    package="librosa webrtcvad-wheels torch && pip install --no-deps resemblyzer",
    open=_open,
)

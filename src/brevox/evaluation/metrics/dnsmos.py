"""DNSMOS: quality without the original, by a network that was trained on listeners' ratings of noisy speech."""

from __future__ import annotations

import numpy as np

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ


def _open(options: Options) -> Measure:
    from speechmos import dnsmos

    def measure(pair: Pair) -> Score:
        return Score(float(dnsmos.run(np.clip(pair.degraded, -1, 1), RATE_HZ)["ovrl_mos"]))

    return measure


DNSMOS = Metric(
    name="dnsmos",
    title="DNSMOS",
    unit="MOS",
    low=1.0,
    high=5.0,
    higher_is_better=True,
    says="how clean speech sounds, without knowing the original: rewards codecs that remove noise",
    source="Reddy, Gopal and Cutler, ICASSP 2022 (P.835, overall); program: speechmos",
    package="speechmos librosa",
    open=_open,
    uses_reference=False,
)

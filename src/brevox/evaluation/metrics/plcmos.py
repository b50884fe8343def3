"""PLCMOS: how much one hears of gaps and their concealment, by a network, without the original."""

from __future__ import annotations

import numpy as np

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ


def _open(options: Options) -> Measure:
    from speechmos import plcmos

    def measure(pair: Pair) -> Score:
        # It averages over raters that it draws from NumPy's own generator; the same ones for every recording.
        before = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        try:
            return Score(float(plcmos.run(np.clip(pair.degraded, -1, 1), RATE_HZ)["plcmos"]))
        finally:
            np.random.set_state(before)  # noqa: NPY002

    return measure


PLCMOS = Metric(
    name="plcmos",
    title="PLCMOS",
    unit="MOS",
    low=1.0,
    high=5.0,
    higher_is_better=True,
    says="whether speech sounds broken or concealed, without knowing the original; made for lost packets",
    source="Diener et al., Interspeech 2023 (version 2); program: speechmos",
    package="speechmos librosa",
    open=_open,
    uses_reference=False,
)

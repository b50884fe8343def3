"""ViSQOL: quality by similarity of spectrograms."""

from __future__ import annotations

import numpy as np

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ


def _open(options: Options) -> Measure:
    import ai_edge_litert  # noqa: F401 - without it, ViSQOL would fall back to an older mapping, with other values
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="speech", use_lattice_model=True)

    def measure(pair: Pair) -> Score:
        result = api.measure_from_arrays(pair.reference.astype(np.float64), pair.degraded.astype(np.float64), RATE_HZ)
        return Score(float(result.moslqo))

    return measure


VISQOL = Metric(
    name="visqol",
    title="ViSQOL",
    unit="MOS",
    low=1.0,
    high=5.0,
    higher_is_better=True,
    says="quality, from patches of spectrograms that look alike; even a perfect copy seldom has 5",
    source="Chinen et al., QoMEX 2020 (version 3, speech mode, lattice model); program: visqol-python",
    package="ai-edge-litert && pip install --no-deps visqol-python",
    open=_open,
)

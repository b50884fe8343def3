"""PESQ: how listeners would rate the quality of a telephone call, by a model of hearing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from brevox.audio import resample
from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ

#: PESQ is made for recordings of 8 to 12 s; over much more, its alignment may fail for good.
_PIECE_S = 10
_NARROWBAND_HZ = 8000


def _pieces(samples: int) -> Iterator[slice]:
    """As many pieces of 10 s as there are, the last one longer; the whole of less than 20 s."""
    starts = [second * RATE_HZ for second in range(0, max(1, samples // RATE_HZ - _PIECE_S + 1), _PIECE_S)]
    yield from (slice(start, stop) for start, stop in zip(starts, [*starts[1:], samples], strict=True))


def _open(mode: Literal["wb", "nb"]) -> Measure:
    from pesq import NoUtterancesError, pesq

    rate_hz = RATE_HZ if mode == "wb" else _NARROWBAND_HZ

    def at_rate(audio: NDArray[np.float32]) -> NDArray[np.float32]:
        return audio if rate_hz == RATE_HZ else resample(audio[None], RATE_HZ, rate_hz)[0]

    def measure(pair: Pair) -> Score:
        values = []
        for piece in _pieces(len(pair.reference)):
            try:
                values.append(pesq(rate_hz, at_rate(pair.reference[piece]), at_rate(pair.degraded[piece]), mode))
            except NoUtterancesError:
                continue  # a pause of ten seconds has no quality
        if not values:
            raise ValueError("no speech found in the original")
        return Score(float(np.mean(values)))

    return measure


def _wideband(options: Options) -> Measure:
    return _open("wb")


def _narrowband(options: Options) -> Measure:
    return _open("nb")


PESQ_WB = Metric(
    name="pesq_wb",
    title="PESQ-WB",
    unit="MOS",
    low=1.02,
    high=4.65,
    higher_is_better=True,
    says="quality as heard over a wideband telephone; kind to narrow bands, hard on parametric codecs",
    source="ITU-T P.862.2 (2007); program: pesq, from the ITU's code. Mean over pieces of 10 s",
    package="pesq",
    open=_wideband,
)
PESQ_NB = Metric(
    name="pesq_nb",
    title="PESQ-NB",
    unit="MOS",
    low=1.02,
    high=4.55,
    higher_is_better=True,
    says="the same over an old telephone: only what is below 4 kHz",
    source="ITU-T P.862 (2001) with the mapping of P.862.1; program: pesq. Mean over pieces of 10 s",
    package="pesq",
    open=_narrowband,
)

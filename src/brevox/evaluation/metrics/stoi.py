"""STOI and ESTOI: how much of speech would be understood, by correlations of its envelopes."""

from __future__ import annotations

import warnings

from brevox.evaluation.metrics.metric import Measure, Metric, Options, Pair, Score
from brevox.evaluation.signals import RATE_HZ


def _open(extended: bool) -> Measure:
    from pystoi import stoi

    def measure(pair: Pair) -> Score:
        with warnings.catch_warnings():
            # With too little speech it warns and gives 1e-5; that is no measurement.
            warnings.simplefilter("error", RuntimeWarning)
            return Score(float(stoi(pair.reference, pair.degraded, RATE_HZ, extended=extended)))

    return measure


def _plain(options: Options) -> Measure:
    return _open(extended=False)


def _extended(options: Options) -> Measure:
    return _open(extended=True)


STOI = Metric(
    name="stoi",
    title="STOI",
    unit="",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    says="intelligibility, from how well envelopes in 15 bands agree; sees nothing above 4.3 kHz",
    source="Taal et al., IEEE TASLP 19(7), 2011; program: pystoi",
    package="pystoi",
    open=_plain,
)
ESTOI = Metric(
    name="estoi",
    title="ESTOI",
    unit="",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    says="intelligibility, from how well spectra agree in each 0.4 s; the better one of the two for codecs",
    source="Jensen and Taal, IEEE TASLP 24(11), 2016; program: pystoi",
    package="pystoi",
    open=_extended,
)

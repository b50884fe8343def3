"""All measures, in the order of reports."""

from __future__ import annotations

from collections.abc import Iterable

from brevox.errors import SettingsError
from brevox.evaluation.metrics.distillmos import DISTILLMOS
from brevox.evaluation.metrics.dnsmos import DNSMOS
from brevox.evaluation.metrics.lsd import LSD_HIGH, LSD_LOW
from brevox.evaluation.metrics.mel import MEL
from brevox.evaluation.metrics.metric import Metric
from brevox.evaluation.metrics.pesq import PESQ_NB, PESQ_WB
from brevox.evaluation.metrics.phonemes import PER
from brevox.evaluation.metrics.plcmos import PLCMOS
from brevox.evaluation.metrics.sisdr import SI_SDR
from brevox.evaluation.metrics.speaker import SPEAKER
from brevox.evaluation.metrics.stoi import ESTOI, STOI
from brevox.evaluation.metrics.visqol import VISQOL
from brevox.evaluation.metrics.words import WER
from brevox.registry import meant

#: By name.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        PESQ_WB,
        PESQ_NB,
        STOI,
        ESTOI,
        VISQOL,
        DISTILLMOS,
        DNSMOS,
        PLCMOS,
        WER,
        PER,
        SPEAKER,
        MEL,
        LSD_LOW,
        LSD_HIGH,
        SI_SDR,
    )
}


def choose_metrics(names: Iterable[str] | None) -> list[Metric]:
    """The measures of these names, in the order of reports; all if none are given.

    Raises:
        SettingsError: there is none of that name.
    """
    wanted = list(METRICS) if names is None else list(names)
    for name in wanted:
        if name not in METRICS:
            raise SettingsError(f"there is no measure {name!r}{meant(name, METRICS)}; there are: {', '.join(METRICS)}")
    return [metric for name, metric in METRICS.items() if name in wanted]

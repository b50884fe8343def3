"""What a model says about itself, in numbers: how large its files become, and how good they were measured to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_RATE = re.compile(r"\s*(\d+(?:\.\d+)?) kbit/s\s*")
_FILE_KBPS = re.compile(r"(\d+(?:\.\d+)?) kbit/s of file")
_PESQ = re.compile(r"PESQ-WB (\d+(?:\.\d+)?)")
_ESTOI = re.compile(r"ESTOI (\d+(?:\.\d+)?)")
_MISHEARD = re.compile(r"(\d+(?:\.\d+)?) % of words misheard")


@dataclass(frozen=True)
class Measured:
    """What was measured at one setting, on speakers that the model never heard.

    kbps: what was asked for.
    file_kbps: what files then had.
    pesq: PESQ-WB, 1 to 4.6, and estoi: ESTOI, 0 to 1; more is better. None where it was not measured.
    misheard: percent of words that a recogniser hears otherwise than in the original; None likewise.
    """

    kbps: float
    file_kbps: float
    pesq: float | None
    estoi: float | None
    misheard: float | None


@dataclass(frozen=True)
class ModelCard:
    """A model's description, checked: what a stranger's model says is left out if it makes no sense.

    steps, epochs: of training; None if it does not say.
    frame_rate_hz: code frames a second.
    measured: by rate.
    """

    name: str
    id: str
    description: str
    licence: str
    version: str
    sample_rate: int
    hop: int
    books: int
    codes: int
    steps: int | None
    epochs: int | None
    measured: tuple[Measured, ...]

    @staticmethod
    def of(info: Mapping[str, Any], books: int, codes: int) -> ModelCard:
        """Make one of a model's `info` and the shape of its codebooks."""
        return ModelCard(
            name=str(info["name"]),
            id=str(info["id"]),
            description=str(info.get("description", "")),
            licence=str(info.get("licence", "")),
            version=str(info.get("version", "")),
            sample_rate=int(info["sample_rate"]),
            hop=int(info["hop"]),
            books=books,
            codes=codes,
            steps=_whole(info.get("steps")),
            epochs=_whole(info.get("epochs")),
            measured=_measured(info.get("metrics")),
        )

    @property
    def frame_rate_hz(self) -> float:
        return self.sample_rate / self.hop

    @property
    def book_kbps(self) -> float:
        """What a book costs in one channel, before entropy coding."""
        return self.frame_rate_hz * float(np.log2(self.codes)) / 1000

    @property
    def least_kbps(self) -> float:
        """The lowest rate that was measured, or else that of one book. In one channel."""
        return self.measured[0].kbps if self.measured else self.book_kbps

    def at(self, kbps: float) -> Measured | None:
        """What to expect at a rate: between those that were measured, in proportion; None if there are none."""
        known = self.measured
        if not known:
            return None
        rates = [one.kbps for one in known]

        def between(name: str) -> float | None:
            values = [getattr(one, name) for one in known]
            return None if None in values else float(np.interp(kbps, rates, values))

        file_kbps = float(np.interp(kbps, rates, [one.file_kbps for one in known]))
        file_kbps = min(file_kbps, kbps) if kbps > rates[0] else file_kbps
        return Measured(kbps, file_kbps, between("pesq"), between("estoi"), between("misheard"))

    def estimate_bytes(self, duration_s: float, kbps: float, channels: int = 1) -> int:
        """How large the `.sc` of a recording will be, about.

        The rate is a ceiling, which speech with pauses does not reach; but no channel goes below the least rate.
        """
        expected = self.at(kbps)
        rate = kbps if expected is None else expected.file_kbps
        least = rate if channels == 1 and self.measured else channels * self.least_kbps
        return round(max(rate, least) * 1000 / 8 * duration_s)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _measured(metrics: object) -> tuple[Measured, ...]:
    found = []
    for rate, text in metrics.items() if isinstance(metrics, dict) else ():
        asked, size = _RATE.fullmatch(str(rate)), _FILE_KBPS.search(str(text))
        if asked and size:
            figures = [pattern.search(str(text)) for pattern in (_PESQ, _ESTOI, _MISHEARD)]
            pesq, estoi, misheard = (None if figure is None else float(figure[1]) for figure in figures)
            found.append(Measured(float(asked[1]), float(size[1]), pesq, estoi, misheard))
    return tuple(sorted(found, key=lambda one: one.kbps))

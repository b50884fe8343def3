"""What every measure looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pair(NamedTuple):
    """A recording and what a codec made of it, aligned, equally long, at `signals.RATE_HZ`. Shape: [samples] each.

    text: what is said, if known.
    """

    reference: NDArray[np.float32]
    degraded: NDArray[np.float32]
    text: str | None = None


class Score(NamedTuple):
    """What a measure says of a pair.

    value: in the measure's unit.
    weight: how much it counts in a mean over recordings, such as words in a rate of wrong words.
    note: for people, such as what was understood.
    """

    value: float
    weight: float = 1.0
    note: str = ""


@dataclass(frozen=True)
class Options:
    """What some measures need to be told.

    whisper: folder of a Whisper model in CTranslate2's format.
    language: of what is said, as Whisper calls it; None has Whisper find out, from each original.
    """

    whisper: Path | None = None
    language: str | None = None


#: Measures a pair.
Measure = Callable[[Pair], Score]


@dataclass(frozen=True)
class Metric:
    """A measure.

    name: as on the command line and in CSV files: `pesq_wb`.
    title: for people: `PESQ-WB`.
    unit: of its values, may be empty.
    low, high: the values it can have, as its authors say.
    higher_is_better: direction.
    says: what it tells, in half a sentence.
    source: the paper or standard.
    package: what to `pip install` for it; empty if nothing.
    open: loads what it needs; raises ModuleNotFoundError without the package, SettingsError if an option is missing.
    uses_text: whether its value depends on `Pair.text` and on the options; both are then part of a cached value's key.
    uses_reference: whether it compares; otherwise it listens to the decoded recording alone.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    higher_is_better: bool
    says: str
    source: str
    package: str
    open: Callable[[Options], Measure]
    uses_text: bool = False
    uses_reference: bool = True

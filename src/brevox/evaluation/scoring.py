"""All measures of one pair of recordings. What cannot be measured says why, and is never a number."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.errors import SettingsError
from brevox.evaluation.alignment import align
from brevox.evaluation.cache import ScoreCache
from brevox.evaluation.metrics.metric import Measure, Metric, Pair, Score
from brevox.evaluation.signals import RATE_HZ

_MOST_LETTERS_OF_AN_ERROR = 200


@dataclass(frozen=True)
class Cell:
    """A score, or why there is none.

    problem: `not installed: ...`, or `error: ...`; then `score` is None.
    """

    score: Score | None
    problem: str = ""


@dataclass(frozen=True)
class Scored:
    """What is known of a pair.

    cells: by the measures' names.
    delay_ms: how late the decoded recording was; taken out before measuring.
    """

    cells: dict[str, Cell]
    delay_ms: float


class Scorer:
    """Measures pairs, one after the other. Each measure is loaded when it is first needed.

    Args:
        metrics: what to measure.
        cache: where scores are kept.
        threads: CPU threads for networks (None: all cores).
    """

    def __init__(self, metrics: Sequence[Metric], cache: ScoreCache, threads: int | None = None) -> None:
        self.metrics, self.cache = metrics, cache
        self._measures: dict[str, Measure | str] = {}
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = str(threads)  # read by torch, CTranslate2 and others when they are loaded

    def score(self, reference: NDArray[np.float32], degraded: NDArray[np.float32], text: str | None = None) -> Scored:
        """Align and measure.

        Args:
            reference: the original, Shape [samples], at `signals.RATE_HZ`.
            degraded: what a codec made of it, Shape [samples].
            text: what is said.
        """
        reference, degraded, delay = align(reference, degraded)
        pair = Pair(reference, degraded, text)
        known = self.cache.read(pair)
        cells, new = {}, {}
        for metric in self.metrics:
            key = self.cache.key_of(metric, pair)
            if key in known:
                cells[metric.name] = Cell(known[key])
                continue
            cell = cells[metric.name] = self._measure(metric, pair)
            if cell.score is not None:
                new[key] = cell.score
        if new:
            self.cache.write(pair, known | new)
        return Scored(cells, delay * 1000 / RATE_HZ)

    def _measure(self, metric: Metric, pair: Pair) -> Cell:
        measure = self._opened(metric)
        if isinstance(measure, str):
            return Cell(None, measure)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score = measure(pair)
        except Exception as error:  # whatever goes wrong in a measure is a result: that this pair has none
            return Cell(None, f"error: {_sentence(error)}")
        if not np.isfinite(score.value):
            return Cell(None, f"error: the measure gave {score.value}")
        return Cell(score)

    def _opened(self, metric: Metric) -> Measure | str:
        if metric.name not in self._measures:
            self._measures[metric.name] = _open(metric, self.cache)
        return self._measures[metric.name]


def _open(metric: Metric, cache: ScoreCache) -> Measure | str:
    """The measure ready for use, or why it is not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return metric.open(cache.options)
    except ModuleNotFoundError:
        return f"not installed: pip install {metric.package}"
    except SettingsError as error:
        return f"not measured: {error}"
    except Exception as error:
        return f"error: {_sentence(error)}"


def _sentence(error: Exception) -> str:
    text = " ".join((str(error) or type(error).__name__).split())
    return text[:_MOST_LETTERS_OF_AN_ERROR]

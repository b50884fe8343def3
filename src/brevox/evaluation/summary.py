"""Many rows in few numbers: means over clips, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brevox.evaluation.runs import Condition, Row

_RESAMPLES = 2000
_CONFIDENCE = 0.95
#: All of 5 clips lie on one side of the middle more often than in 5 of 100 draws.
_FEWEST_CLIPS = 6


@dataclass(frozen=True)
class Mean:
    """Of one measure over clips.

    value: the mean, each clip with the weight of its score.
    low, high: between them the mean is with 95 % confidence, were the clips drawn anew from their like. None with
        fewer than 6 clips: no interval within their values can be that sure.
    clips: how many it is of.
    """

    value: float
    low: float | None
    high: float | None
    clips: int


@dataclass(frozen=True)
class Summary:
    """Of one condition over all clips.

    file_kbps, payload_kbps: bits of all its files, over the seconds of all its clips.
    means: by the measures' names; where there is none, `problems` says why.
    failed: clips that the codec failed on, with its reason for the first one.
    """

    condition: Condition
    file_kbps: float
    payload_kbps: float
    means: dict[str, Mean]
    problems: dict[str, str]
    failed: int
    failure: str


def summarise(rows: Sequence[Row]) -> list[Summary]:
    """One summary for each condition, in the order in which they come."""
    groups: dict[Condition, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.condition, []).append(row)
    return [_summary(condition, group) for condition, group in groups.items()]


def bootstrap_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> Mean:
    """Weighted mean, and its 95 % interval by the percentiles of means of clips drawn with replacement.

    Source: Efron, Annals of Statistics 7(1), 1979. The same draws for every measure and codec: seeded.

    Args:
        values, weights: Shape [clips], at least one, their weights not all 0.
    """
    value = float(np.average(values, weights=weights))
    if len(values) < _FEWEST_CLIPS:
        return Mean(value, None, None, len(values))
    drawn = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    total = weights[drawn].sum(axis=1)
    means = (values * weights)[drawn].sum(axis=1)[total > 0] / total[total > 0]
    tail = 50 * (1 - _CONFIDENCE)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Mean(value, float(low), float(high), len(values))


def _summary(condition: Condition, rows: list[Row]) -> Summary:
    done = [row for row in rows if row.cells is not None]
    failures = [row.problem for row in rows if row.cells is None]
    seconds = sum(row.seconds for row in done)
    means: dict[str, Mean] = {}
    problems: dict[str, str] = {}
    for name in done[0].cells or {} if done else ():
        cells = [row.cells[name] for row in done if row.cells]
        scores = [cell.score for cell in cells if cell.score is not None]
        if scores and any(score.weight for score in scores):
            means[name] = bootstrap_mean(
                np.array([score.value for score in scores]), np.array([score.weight for score in scores])
            )
        if len(scores) < len(cells):
            problems[name] = next(cell.problem for cell in cells if cell.score is None)
    return Summary(
        condition,
        sum(row.file_bytes for row in done) * 8 / 1000 / seconds if seconds else 0.0,
        sum(row.payload_bytes for row in done) * 8 / 1000 / seconds if seconds else 0.0,
        means,
        problems,
        len(failures),
        failures[0] if failures else "",
    )

"""The numbers that a training logs: `train.csv` and `valid.csv` of its folder, with lines of step, name and value."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.errors import DataError


@dataclass(frozen=True)
class Curve:
    """One quantity over training.

    Args:
        steps: rising. Shape: [points].
        values: Shape [points].
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def last(self) -> float:
        return float(self.values[-1])


def read_log(path: Path) -> dict[str, Curve]:
    """All curves of a log, by name. Of a step logged twice, as when a killed run went on, the later value counts.

    Raises:
        DataError: the file cannot be read, is empty, or is no such log.
    """
    points: dict[str, dict[int, float]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for step, name, value in csv.reader(file):
                points.setdefault(name, {})[int(step)] = float(value)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no log of a training: {error}") from error
    if not points:
        raise DataError(f"{path} is empty: nothing was logged yet")
    return {name: _curve(values) for name, values in points.items()}


def _curve(values: dict[int, float]) -> Curve:
    steps = sorted(values)
    return Curve(np.array(steps, dtype=np.int64), np.array([values[step] for step in steps]))

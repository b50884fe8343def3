"""How evenly a row of sounds goes from one to the other: the length of its path through spectra."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Smoothness:
    """A path through spectra.

    Args:
        steps_db: from each sound to the next, root mean square over the picture.
        direct_db: from the first to the last.
    """

    steps_db: tuple[float, ...]
    direct_db: float

    @property
    def length_db(self) -> float:
        """The spectral path length: all steps together, no less than `direct_db`."""
        return sum(self.steps_db)

    @property
    def detour(self) -> float:
        """The path length over the direct way: 1 is straight."""
        return self.length_db / self.direct_db if self.direct_db else 1.0

    @property
    def largest(self) -> float:
        """The largest step over the mean step: 1 is even, the number of steps is one jump."""
        return max(self.steps_db) * len(self.steps_db) / self.length_db if self.length_db else 1.0


def smoothness(levels: NDArray[np.floating]) -> Smoothness:
    """Measure a row of sounds.

    Args:
        levels: in dB, Shape [sounds, rows, frames], two sounds or more.
    """
    steps = [apart_db(one, other) for one, other in pairwise(levels)]
    return Smoothness(tuple(steps), apart_db(levels[0], levels[-1]))


def apart_db(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Root mean square of the difference of two pictures of levels in dB."""
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2)))

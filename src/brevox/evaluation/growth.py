"""How seconds and memory grow with the length of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Growth:
    """A fit to what was measured at several lengths.

    start, slope: the value is near to `start + slope * length`.
    exponent: among the longest, it grows as this power of the length: 1 is in proportion, 0 not at all.
    """

    start: float
    slope: float
    exponent: float


def growth(lengths: Sequence[float], values: Sequence[float]) -> Growth | None:
    """Fit a line, and a power law to the longer half.

    Least squares of the relative errors: noise in times is in proportion to them, and by absolute errors the longest
    recording alone would say where the line starts.

    Args:
        lengths: of recordings, in seconds.
        values: what each took; all above 0.

    Returns:
        None if all lengths are the same.
    """
    x, y = np.asarray(lengths, float), np.asarray(values, float)
    different = np.unique(x)
    if len(different) < 2:
        return None
    slope, start = np.polyfit(x, y, 1, w=1 / y)
    longer = x >= different[-max(2, len(different) // 2)]
    exponent, _ = np.polyfit(np.log(x[longer]), np.log(y[longer]), 1)
    return Growth(float(start), float(slope), float(exponent))

"""Stretches of equal neighbours in a sequence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def repeats(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where equal neighbours begin, and how many they are: of 7 7 7 2 2, places 0 and 3, lengths 3 and 2."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.concatenate([[0], 1 + np.flatnonzero(values[1:] != values[:-1])])
    return starts, np.diff(np.append(starts, len(values)))

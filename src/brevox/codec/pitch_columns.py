"""Pitch codes as columns: where several pitches fall into a frame, each of them has a column of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pitch_to_columns(pitch: NDArray[np.integer], columns: int) -> NDArray[np.uint16]:
    """Shape: [frames * columns], in order of time, to [columns, frames]."""
    return np.ascontiguousarray(np.asarray(pitch, dtype=np.uint16).reshape(-1, columns).T)


def columns_to_pitch(columns: NDArray[np.integer]) -> NDArray[np.uint16]:
    """Shape: [columns, frames] to [frames * columns], in order of time."""
    return np.asarray(columns, dtype=np.uint16).T.reshape(-1)

"""Levels of sound as 16-bit integers, in steps of 1/256 dB.

A level code L > 0 stands for an RMS of 10^((L / 256 - 160) / 20) re full scale 1.0: codes 1..65535 span
-160..+96 dB. Code 0 is digital silence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEPS_PER_DB = 256
LOWEST_DB = -160.0
HIGHEST_LEVEL = 65535


def rms_to_level(rms: ArrayLike) -> NDArray[np.uint16]:
    """The code nearest to each RMS, re full scale 1.0.

    Only an RMS of exactly 0 is silence: fainter sounds than -160 dB get code 1, louder ones than +96 dB 65535.

    Args:
        rms: at least 0, infinity allowed. Shape: any, kept.

    Raises:
        ValueError: an RMS is negative or not a number.
    """
    values = np.asarray(rms, dtype=np.float64)
    if not (values >= 0).all():
        raise ValueError("an RMS is a number of at least 0")
    with np.errstate(divide="ignore"):
        steps = np.rint((20 * np.log10(values) - LOWEST_DB) * STEPS_PER_DB)
    return np.where(values > 0, np.clip(steps, 1, HIGHEST_LEVEL), 0).astype(np.uint16)


def level_to_rms(level: ArrayLike) -> NDArray[np.float64]:
    """The RMS that each code stands for, re full scale 1.0. Shape: any, kept.

    Raises:
        ValueError: a code is not in 0..65535.
    """
    codes = np.asarray(level, dtype=np.int64)
    if ((codes < 0) | (codes > HIGHEST_LEVEL)).any():
        raise ValueError("a level is an integer in 0..65535")
    return np.where(codes > 0, 10.0 ** ((codes / STEPS_PER_DB + LOWEST_DB) / 20), 0.0)

"""Envelopes with higher peaks and deeper valleys, which quantisation has made flatter (Chen and Gersho 1995)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sharpen(levels_db: NDArray[np.floating], share: float, width: int) -> NDArray[np.float64]:
    """Envelopes moved away from their moving mean.

    Args:
        levels_db: Shape: [..., columns].
        share: of how far they are from it, by which they move farther.
        width: of the mean, an odd number of columns; beyond the ends the outermost goes on.

    Returns:
        dB. Shape: as given.
    """
    levels = np.asarray(levels_db, np.float64)
    half = width // 2
    padded = np.pad(levels, [(0, 0)] * (levels.ndim - 1) + [(half + 1, half)], mode="edge")
    sums = np.cumsum(padded, axis=-1)
    mean = (sums[..., width:] - sums[..., :-width]) / width
    return levels + share * (levels - mean)

"""Pitch codes that cost less and sound the same: for when the rate pays for hardly more than the pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Codes (1.8 % each) that a pitch may be moved by.
REACH = 3
#: In bits, times the square of the codes moved.
COST_OF_MOVING = 0.25


def frugal_pitch(codes: NDArray[np.uint16], cost_bits: NDArray[np.floating]) -> NDArray[np.uint16]:
    """The path near the given one that costs least, moving included (Viterbi search).

    Voiced frames stay voiced, and the others unvoiced.

    Args:
        codes: pitch codes of one chunk, Shape [frames].
        cost_bits: of a code, given the one before, Shape [codes before, codes]; the first frame counts as after 0.

    Returns:
        Shape [frames].
    """
    moves = np.arange(-REACH, REACH + 1)
    candidates = np.where(codes[:, None] > 0, codes[:, None].astype(np.int64) + moves, 0)
    allowed = (codes[:, None] == 0) | ((candidates > 0) & (candidates < cost_bits.shape[1]))
    candidates = np.where(allowed, candidates, 0)
    moving = np.where(allowed, COST_OF_MOVING * np.where(codes[:, None] > 0, moves**2, 0), np.inf)
    total = cost_bits[0, candidates[0]] + moving[0]
    origins = np.zeros(candidates.shape, dtype=np.int64)
    for t in range(1, len(codes)):
        arriving = total[:, None] + cost_bits[candidates[t - 1][:, None], candidates[t]]
        origins[t] = arriving.argmin(axis=0)
        total = arriving.min(axis=0) + moving[t]
    path = np.empty_like(codes)
    state = int(total.argmin())
    for t in range(len(codes) - 1, -1, -1):
        path[t] = candidates[t, state]
        state = int(origins[t, state])
    return path

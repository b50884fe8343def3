"""Pitch codes that cost less and sound the same: for when the rate pays for hardly more than the pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.codec.entropy import EntropyModel

#: Codes (1.8 % each) that a pitch may be moved by.
REACH = 3
#: In bits, times the square of the codes moved.
COST_OF_MOVING = 0.25


def frugal_pitch(columns: NDArray[np.uint16], entropy: EntropyModel) -> NDArray[np.uint16]:
    """The path near the given one that costs least, moving included (Viterbi search).

    Voiced pitches stay voiced, and the others unvoiced.

    Args:
        columns: pitch codes of one chunk, the model's first columns, Shape [columns, frames].
        entropy: tells what they cost.

    Returns:
        Shape [columns, frames].
    """
    states = (2 * REACH + 1) ** len(columns)
    moves = np.indices([2 * REACH + 1] * len(columns)).reshape(len(columns), states) - REACH
    highest = np.array(entropy.sizes[: len(columns)])[:, None]

    def local(t: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The codes of every state at a frame, Shape [columns, states], and what moving there costs."""
        here = columns[:, t, None].astype(np.int64)
        voiced = here > 0
        candidates = np.where(voiced, here + moves, 0)
        allowed = ~voiced | ((candidates > 0) & (candidates < highest))
        moving = COST_OF_MOVING * np.where(voiced, moves**2, 0).sum(axis=0)
        return np.where(allowed, candidates, 0), np.where(allowed.all(axis=0), moving, np.inf)

    def bits(before: NDArray[np.int64] | None, here: NDArray[np.int64]) -> NDArray[np.float64]:
        """Shape: [states before, states], or [1, states] in the first frame."""
        total = np.zeros((1 if before is None else states, states))
        for column, codes in enumerate(here):
            past = None if before is None else before[column][:, None]
            total += entropy.bits_of(column, codes[None], past, here[column - 1][None] if column else None)
        return total

    frames = columns.shape[1]
    before, total = local(0)
    total = total + bits(None, before)[0]
    candidates, origins = [before], [np.zeros(states, dtype=np.int64)]
    for t in range(1, frames):
        here, moving = local(t)
        arriving = total[:, None] + bits(before, here)
        origins.append(arriving.argmin(axis=0))
        total = arriving.min(axis=0) + moving
        candidates.append(here)
        before = here
    path = np.empty_like(columns)
    state = int(total.argmin())
    for t in range(frames - 1, -1, -1):
        path[:, t] = candidates[t][:, state]
        state = int(origins[t][state])
    return path

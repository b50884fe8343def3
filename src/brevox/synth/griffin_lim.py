"""Phases for a spectrogram that has none (Griffin & Lim 1984, with the momentum of Perraudin et al. 2013)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.synth.spectrogram import istft, stft

_MOMENTUM = 0.99
_TINY = 1e-12


def griffin_lim(
    magnitude: NDArray[np.float32],
    hop: int,
    rounds: int = 60,
    phase: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """A sound whose spectrogram has these magnitudes, as nearly as it goes.

    Args:
        magnitude: Shape [bins, frames].
        hop: samples from one frame to the next.
        rounds: of going to the sound and back.
        phase: what to start with, in radians, Shape [bins, frames]: with that of the original sound the result is
            better than it could be without knowing that. By default random.
        seed: of the random phase.

    Returns:
        Shape [(frames - 1) * hop].
    """
    window = 2 * (magnitude.shape[0] - 1)
    if phase is None:
        phase = np.random.default_rng(seed).uniform(-np.pi, np.pi, magnitude.shape)
    turn = np.exp(1j * phase).astype(np.complex64)
    before = np.zeros_like(turn)
    for _ in range(rounds):
        rebuilt = stft(istft(magnitude * turn, hop), window, hop)
        moved = rebuilt + np.float32(_MOMENTUM / (1 + _MOMENTUM)) * (rebuilt - before)
        turn, before = moved / np.maximum(np.abs(moved), _TINY), rebuilt
    return istft(magnitude * turn, hop)

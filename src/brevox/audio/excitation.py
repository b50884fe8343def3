"""The sound source of the source-filter decoder: pulses at the pitch, and white noise.

Both are functions of integers only (pitch codes, absolute sample index), so that any way of cutting
a recording into blocks gives the same samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brevox.audio.pitch import PITCH_HOP, PITCH_RATE_HZ, pitch_to_hz

_HIGHEST_HARMONIC_HZ = 7800.0
_NOISE_KEY = 0x5C0DEC
_DRAWS_PER_COUNTER = 4  # Philox gives four 64-bit words for each counter value


def pulse_train(
    codes: NDArray[np.integer], before: int = 0, after: int = 0, phase: float = 0.0
) -> tuple[NDArray[np.float32], float]:
    """Band-limited pulses at the coded pitch, of unit power where voiced, zero elsewhere.

    All harmonics up to 7.8 kHz are cosines of equal strength. Phase starts at zero with each voiced
    stretch; within one it runs on, the frequency gliding from frame centre to frame centre.

    Args:
        codes: pitch codes, Shape: [frames].
        before: the code of the frame before the first, 0 if there is none.
        after: the code of the frame after the last.
        phase: in radians, as returned for the frames before.

    Returns:
        The pulses, Shape: [320 * frames], and the phase with which the next frame begins.
    """
    codes = np.asarray(codes)
    frames = len(codes)
    if frames == 0:
        return np.zeros(0, dtype=np.float32), phase
    hz = pitch_to_hz(np.concatenate([[before], codes, [after]]))
    here = hz[1:-1]
    # At a voiced stretch's ends the pitch stays what it is in the outermost frame.
    left = np.where(hz[:-2] > 0, hz[:-2], here)
    right = np.where(hz[2:] > 0, hz[2:], here)
    offset = (np.arange(PITCH_HOP) + 0.5) / PITCH_HOP - 0.5  # of a frame, from its centre
    slope = np.where(offset < 0, (here - left)[:, None], (right - here)[:, None])
    sample_hz = here[:, None] + slope * offset
    advance = 2 * np.pi / PITCH_RATE_HZ * sample_hz
    at_end = np.cumsum(advance, axis=1)

    start_phase = np.zeros(frames)
    carried = phase if before > 0 else 0.0
    for t in range(frames):  # few operations a frame: 50 a second
        start_phase[t] = carried if codes[t] > 0 else 0.0
        carried = (start_phase[t] + at_end[t, -1]) % (2 * np.pi) if codes[t] > 0 else 0.0
    turn = start_phase[:, None] + at_end - advance

    # The sum of K equal cosines in closed form: (sin((K + 1/2) p) / sin(p / 2) - 1) / 2.
    harmonics = np.floor(_HIGHEST_HARMONIC_HZ / np.maximum(here, 1.0))[:, None]
    half = np.sin(turn / 2)
    at_pulse = np.abs(half) < 1e-6
    total = (np.sin((harmonics + 0.5) * turn) / np.where(at_pulse, 1.0, half) - 1) / 2
    total = np.where(at_pulse, harmonics, total)
    pulses = np.where(codes[:, None] > 0, total * np.sqrt(2 / harmonics), 0.0)
    return pulses.astype(np.float32).reshape(-1), float(carried)


def white_noise(first_frame: int, frames: int) -> NDArray[np.float32]:
    """Uniform white noise of unit power for frames of 320 samples. Shape: [320 * frames].

    Drawn from a counter, so that a sample depends on its absolute index alone.
    """
    per_frame = PITCH_HOP // _DRAWS_PER_COUNTER
    draws = np.random.Philox(key=_NOISE_KEY, counter=first_frame * per_frame).random_raw(PITCH_HOP * frames)
    unit = (draws >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)
    return (unit - np.float32(0.5)) * np.float32(np.sqrt(12))

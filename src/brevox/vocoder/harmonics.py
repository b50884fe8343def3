"""Speech as harmonics of a pitch, one set every 10 ms: what analysis finds and synthesis plays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
HOP = 80
LOWEST_HZ = 50.0
HIGHEST_HZ = 400.0

#: Columns of amplitudes and phases: at the lowest pitch, harmonic 80 lies at half the sampling rate.
MOST_HARMONICS = 80

_SLACK = 1.005  # of a pitch

#: Amplitudes count in 16-bit steps, as Codec 2's do; that puts envelopes of speech at some 0 to 70 dB.
FULL_SCALE = 32768.0


@dataclass
class Harmonics:
    """Frames of 80 samples at 8 kHz, each described around its middle.

    Attributes:
        wo: pitch in radians a sample, 2 pi 50 / 8000 to 2 pi 400 / 8000, in frames without voice too. Shape: [frames].
        voiced: Shape: [frames].
        amplitudes: column m - 1 is harmonic m; half the amplitude of its cosine, in 16-bit steps; 0 beyond half the
            sampling rate. Shape: [frames, 80].
        phases: of the cosines at the middles of frames, in radians. Shape: [frames, 80].
    """

    wo: NDArray[np.float32]
    voiced: NDArray[np.bool_]
    amplitudes: NDArray[np.float32]
    phases: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.wo)


def harmonic_numbers() -> NDArray[np.float64]:
    """1, 2 ... 80."""
    return np.arange(1, MOST_HARMONICS + 1, dtype=np.float64)


def harmonics_below_nyquist(wo: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which harmonics a frame has: floor(pi / wo) of them. Shape: [frames] to [frames, 80]."""
    count = np.floor(np.pi / np.asarray(wo, np.float64))
    return harmonic_numbers() <= count[:, None]


def possible_pitch(wo: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which pitches are between 50 and 400 Hz, give or take how other tools round. Shape: as given."""
    low, high = (2 * np.pi * hz / RATE_HZ for hz in (LOWEST_HZ / _SLACK, HIGHEST_HZ * _SLACK))
    return (wo >= low) & (wo <= high)

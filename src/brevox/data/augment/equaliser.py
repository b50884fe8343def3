"""Other microphones, telephones and tone controls: a smooth gain over frequency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brevox.audio.pitch import PITCH_RATE_HZ
from brevox.data.augment.parts import AUGMENTATIONS, Augmentation, Crop, checked_range

#: Where gains are given; between them decibels are interpolated over log frequency, beyond them they stay.
BANDS_HZ = np.array([125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 7000.0])

_MARGIN = 4096  # samples for the filter to fade in, so that the end does not come round to the beginning


def equalise(audio: NDArray[np.float32], gains_db: NDArray[np.floating]) -> NDArray[np.float32]:
    """Filter by a gain for each of `BANDS_HZ`, without phase, so that nothing moves in time.

    Shape: [samples] and [7], to [samples].
    """
    if not np.any(gains_db):
        return audio
    size = 1 << (len(audio) + _MARGIN - 1).bit_length()
    hz = np.fft.rfftfreq(size, 1 / PITCH_RATE_HZ)
    db = np.interp(np.log(np.maximum(hz, 1.0)), np.log(BANDS_HZ), gains_db)
    return np.fft.irfft(np.fft.rfft(audio, size) * 10 ** (db / 20), size)[: len(audio)].astype(np.float32)


@AUGMENTATIONS.register("equaliser")
class Equaliser(Augmentation):
    """Another frequency response for each crop, the gain of each octave being drawn by itself.

    Args:
        db: least and greatest gain.
    """

    def __init__(self, db: Sequence[float] = (-6.0, 6.0)) -> None:
        self.least, self.greatest = checked_range("equaliser: db", db, -60, 60)

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        return equalise(audio, draw.uniform(self.least, self.greatest, len(BANDS_HZ))), codes

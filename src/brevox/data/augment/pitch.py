"""A higher or lower voice at the same speed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from python_stretch.Signalsmith import Stretch

from brevox.audio.pitch import PITCH_RATE_HZ, shift_pitch
from brevox.data.augment.parts import AUGMENTATIONS, Augmentation, Crop, checked_range


def change_pitch(audio: NDArray[np.float32], codes: NDArray[np.uint8], semitones: float) -> Crop:
    """Multiply every frequency by 2^(semitones / 12) and keep the time, by Signalsmith Stretch.

    Formants move too, as those of a smaller or larger head would. Shape: [320 * frames] and [frames], both kept.
    """
    if semitones == 0:
        return audio, codes
    stretch = Stretch()
    stretch.preset(1, PITCH_RATE_HZ)
    stretch.setTransposeSemitones(semitones)
    shifted = np.asarray(stretch.process(np.ascontiguousarray(audio[None])), dtype=np.float32)[0]
    return shifted, shift_pitch(codes, 2 ** (semitones / 12))


@AUGMENTATIONS.register("pitch")
class Pitch(Augmentation):
    """Another pitch for each crop.

    Args:
        semitones: lowest and highest; 0 is as recorded.
    """

    def __init__(self, semitones: Sequence[float] = (-3.0, 3.0)) -> None:
        self.lowest, self.highest = checked_range("pitch: semitones", semitones, -12, 12)

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        return change_pitch(audio, codes, draw.uniform(self.lowest, self.highest))

"""Faster or slower speech, as a tape plays it: time and pitch change together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray

from brevox.audio.pitch import PITCH_HOP, PITCH_RATE_HZ, shift_pitch
from brevox.data.augment.parts import AUGMENTATIONS, Augmentation, Crop, checked_range


def change_speed(audio: NDArray[np.float32], codes: NDArray[np.uint8], factor: float) -> Crop:
    """Play a crop `factor` times as fast, every frequency being multiplied with that (Ko et al. 2015).

    Shape: [320 * frames] and [frames], to as many whole frames as come of it.
    """
    if factor == 1:
        return audio, codes
    played = soxr.resample(audio, PITCH_RATE_HZ * factor, PITCH_RATE_HZ)
    frames = len(played) // PITCH_HOP
    # The frame that lies where the middle of each new one lay.
    source = np.minimum(((np.arange(frames) + 0.5) * factor).astype(int), len(codes) - 1)
    return played[: frames * PITCH_HOP], shift_pitch(codes[source], factor)


@AUGMENTATIONS.register("speed")
class Speed(Augmentation):
    """Another speed for each crop, drawn evenly on a logarithmic scale.

    Args:
        factor: slowest and fastest; 1 is as recorded.
    """

    def __init__(self, factor: Sequence[float] = (0.9, 1.1)) -> None:
        self.slowest, self.fastest = checked_range("speed: factor", factor, 0.5, 2)

    def frames_needed(self, frames: int) -> int:
        return int(np.ceil(frames * max(self.fastest, 1))) + 1

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        return change_speed(audio, codes, float(np.exp(draw.uniform(np.log(self.slowest), np.log(self.fastest)))))

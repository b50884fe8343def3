"""The rooms people speak in, by impulse responses: measured ones, or noise that dies away."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio import AudioReader, resample
from brevox.audio.pitch import PITCH_RATE_HZ
from brevox.data.augment.parts import AUGMENTATIONS, Augmentation, Crop, checked_range
from brevox.data.layouts import recordings
from brevox.errors import DataError

_FIRST_ECHO_S = 0.0025  # a metre more of way at the least
_KEPT_RESPONSES = 256
_BLOCK = 1 << 16


def reverberate(audio: NDArray[np.float32], response: NDArray[np.floating]) -> NDArray[np.float32]:
    """What arrives in a room, at the power of the original. Shape: [samples] and [any], to [samples].

    Args:
        audio: what is said.
        response: to an impulse, beginning with the direct sound, so that nothing moves in time.
    """
    response = response[: len(audio)]
    size = 1 << (len(audio) + len(response) - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(response, size), size)[: len(audio)]
    power = np.sum(heard**2)
    return (heard * np.sqrt(np.sum(audio.astype(np.float64) ** 2) / power) if power > 0 else heard).astype(np.float32)


def synthetic_response(rt60_s: float, direct_db: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """A room's response as Polack (1988) models its late part: Gaussian noise that decays exponentially.

    Args:
        rt60_s: the time in which it falls by 60 dB.
        direct_db: energy of the direct sound over that of all echoes.
        draw: of the noise.

    Returns:
        Shape: [samples], the first being 1: the direct sound.
    """
    time_s = np.arange(int(rt60_s * PITCH_RATE_HZ)) / PITCH_RATE_HZ
    response = draw.standard_normal(len(time_s)) * 10 ** (-3 * time_s / rt60_s)
    response[time_s < _FIRST_ECHO_S] = 0
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(response**2))
    response[0] = 1
    return response


@lru_cache(_KEPT_RESPONSES)
def measured_response(path: Path) -> NDArray[np.float32]:
    """The first channel of a recorded impulse response at 16 kHz, from its direct sound on, which becomes 1.

    Raises:
        AudioFileError: it cannot be read.
        DataError: it is silent.
    """
    with AudioReader(path) as reader:
        blocks = [np.zeros((1, 0), np.float32), *(block[:1] for block in reader.blocks(_BLOCK))]
        response = resample(np.concatenate(blocks, axis=1), reader.sample_rate, PITCH_RATE_HZ)[0]
    if not response.any():
        raise DataError(f"the impulse response {path} is silent; take it out of its folder")
    direct = int(np.abs(response).argmax())
    return response[direct:] / response[direct]


@AUGMENTATIONS.register("room")
class Room(Augmentation):
    """Another room for each crop.

    Args:
        folder: of measured impulse responses in any audio format; without it, responses are synthetic.
        rt60_s: shortest and longest reverberation of synthetic ones.
        direct_db: least and greatest energy of the direct sound over all echoes of synthetic ones.

    Raises:
        DataError: the folder is missing or holds no recordings.
    """

    def __init__(
        self,
        folder: str | None = None,
        rt60_s: Sequence[float] = (0.1, 0.8),
        direct_db: Sequence[float] = (0.0, 15.0),
    ) -> None:
        self.paths = recordings(Path(folder)) if folder is not None else []
        self.rt60_s = checked_range("room: rt60_s", rt60_s, 0.01, 10)
        self.direct_db = checked_range("room: direct_db", direct_db, -30, 60)

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        response: NDArray[np.floating]
        if self.paths:
            response = measured_response(self.paths[draw.integers(len(self.paths))])
        else:
            response = synthetic_response(draw.uniform(*self.rt60_s), draw.uniform(*self.direct_db), draw)
        return reverberate(audio, response), codes

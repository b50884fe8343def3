"""How loud the speech in a recording is, and the gain that brings it to the level networks are trained at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: RMS of the loud parts of a recording at the level every network sees (-20 dB of full scale).
SPEECH_RMS = 0.1

_PIECE_S = 0.4
_LOUD_PERCENTILE = 90
_FAINTEST_RMS = 1e-5  # -100 dB: below it a recording counts as silent and is left alone


class LoudnessMeter:
    """Collects the RMS of 0.4 s pieces, block by block.

    A percentile of pieces, unlike the peak, is not moved by a knock on the microphone, and unlike
    the mean not by pauses.
    """

    def __init__(self, sample_rate: int) -> None:
        self._piece = max(1, round(_PIECE_S * sample_rate))
        self._rest = np.zeros(0, dtype=np.float32)
        self._power: list[NDArray[np.float32]] = []

    def push(self, audio: NDArray[np.floating]) -> None:
        """Add samples. Shape: [samples], one channel."""
        audio = np.concatenate([self._rest, np.asarray(audio, dtype=np.float32)])
        whole = len(audio) // self._piece * self._piece
        self._rest = audio[whole:]
        if whole:
            self._power.append(np.mean(audio[:whole].reshape(-1, self._piece) ** 2, axis=1))

    def gain(self) -> float:
        """The factor that brings what was pushed to `SPEECH_RMS`; 1 for silence."""
        power = np.concatenate(self._power) if self._power else self._rest[None] ** 2
        if power.size == 0:
            return 1.0
        if power.ndim == 2:  # shorter than one piece: all there is
            power = power.mean(axis=1)
        heard = power[power > _FAINTEST_RMS**2]
        if heard.size == 0:
            return 1.0
        return float(SPEECH_RMS / np.sqrt(np.percentile(heard, _LOUD_PERCENTILE)))


def speech_gain(audio: NDArray[np.floating], sample_rate: int) -> float:
    """`LoudnessMeter` over a whole recording. Shape: [samples], one channel."""
    meter = LoudnessMeter(sample_rate)
    meter.push(audio)
    return meter.gain()

"""Change of sample rate, whole or block by block, with a length that is known beforehand."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from brevox.errors import SettingsError


class Resampler:
    """Resamples a recording that comes in blocks, by soxr at its "HQ" setting (20 bits).

    However the recording is cut into blocks, the samples that come out are the same, and there are
    exactly `output_length` of them. What comes out of a `push` lags behind by the filter's length
    (some milliseconds), which `finish` makes good. Equal rates pass blocks through untouched.

    Args:
        from_hz: the rate of what is pushed.
        to_hz: the rate of what is returned.
        channels: how many channels every block has.

    Example:
        >>> resampler = Resampler(48000, 16000, channels=1)
        >>> head = resampler.push(np.zeros((1, 4800), dtype=np.float32))
        >>> tail = resampler.finish()
        >>> head.shape[1] + tail.shape[1]
        1600
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int) -> None:
        if from_hz < 1 or to_hz < 1:
            raise SettingsError(f"a sample rate must be 1 Hz or more, not {min(from_hz, to_hz)}")
        self.from_hz = from_hz
        self.to_hz = to_hz
        self.channels = channels
        self._pushed = 0
        self._returned = 0
        self._soxr = None
        if from_hz != to_hz:
            self._soxr = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")

    def push(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take the next block; return what is ready. Shapes: [channels, any] -> [channels, any]."""
        block = np.asarray(block, dtype=np.float32)
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"a block of shape [{self.channels}, samples] was expected, not {list(block.shape)}")
        self._pushed += block.shape[1]
        if self._soxr is None:
            return block
        ready = self._soxr.resample_chunk(np.ascontiguousarray(block.T)).T
        self._returned += ready.shape[1]
        return ready

    def finish(self) -> NDArray[np.float32]:
        """Return what is left, Shape: [channels, any]. Nothing may be pushed afterwards."""
        nothing = np.zeros((0, self.channels), dtype=np.float32)
        if self._soxr is None:
            return nothing.T
        rest = self._soxr.resample_chunk(nothing, last=True).T
        # soxr already ends where it should; this holds it to that, whatever its version.
        missing = output_length(self._pushed, self.from_hz, self.to_hz) - self._returned
        rest = np.pad(rest[:, :missing], ((0, 0), (0, max(0, missing - rest.shape[1]))))
        self._returned += rest.shape[1]
        return rest


def resample(audio: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """`Resampler` over a whole recording.

    Shape: [channels, samples] -> [channels, output_length(samples, from_hz, to_hz)].
    """
    resampler = Resampler(from_hz, to_hz, audio.shape[0])
    return np.concatenate([resampler.push(audio), resampler.finish()], axis=1)


def output_length(samples: int, from_hz: int, to_hz: int) -> int:
    """How many samples `samples` become: `samples * to_hz / from_hz`, a half rounded up.

    Example:
        >>> output_length(3, 48000, 32000), output_length(1, 32000, 16000)
        (2, 1)
    """
    return (2 * samples * to_hz + from_hz) // (2 * from_hz)

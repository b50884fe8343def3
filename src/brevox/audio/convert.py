"""Decoded frames of any sample format, layout and rate, as float32 of one shape."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

MOST_CHANNELS = 64  # of a frame: libswresample takes no more


class FrameConverter:
    """Turns PyAV's audio frames into float32 [channels, samples] at one rate.

    A file may change its rate or its channels on the way (streams glued together, broadcasts): the
    rate is converted; mono is copied to all channels, all channels are averaged to mono, and otherwise
    surplus channels are dropped and missing ones silent.

    Frames are made *packed* by ffmpeg before NumPy sees them: PyAV 18's `AudioFrame.to_ndarray`
    reads past the end of a planar frame of 8 channels or more and crashes.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate = sample_rate
        self.channels = channels
        self._kind: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def push(self, frame: av.AudioFrame) -> NDArray[np.float32]:
        """One frame's samples. Shape: [channels, any]."""
        kind = (frame.format.name, frame.layout.name, frame.rate)
        rest = self._empty()
        if kind != self._kind:
            rest = self.finish()
            self._kind = kind
            self._resampler = av.AudioResampler(format="flt", rate=self.sample_rate)
        assert self._resampler is not None
        return np.concatenate([rest, *map(self._samples, self._resampler.resample(frame))], axis=1)

    def finish(self) -> NDArray[np.float32]:
        """What a conversion of rate still holds. Shape: [channels, any]."""
        if self._resampler is None or self._kind is None or self._kind[2] == self.sample_rate:
            return self._empty()
        return np.concatenate([self._empty(), *map(self._samples, self._resampler.resample(None))], axis=1)

    def _samples(self, frame: av.AudioFrame) -> NDArray[np.float32]:
        samples = frame.to_ndarray().reshape(frame.samples, -1).T
        if samples.shape[0] == self.channels:
            return samples
        if self.channels == 1:
            return samples.mean(axis=0, keepdims=True)
        if samples.shape[0] == 1:
            return np.repeat(samples, self.channels, axis=0)
        return np.pad(samples[: self.channels], ((0, max(0, self.channels - samples.shape[0])), (0, 0)))

    def _empty(self) -> NDArray[np.float32]:
        return np.zeros((self.channels, 0), dtype=np.float32)

"""Sounds as pictures of levels over frequency and time, and back: the front and back end of the VAE of sounds.

Sound -> Fourier transform -> magnitude -> (mel bands ->) dB, floored -> [-1, 1]; and the other way, where bands become
bins by the magnitudes that fit them best, and `brevox.synth.griffin_lim` finds phases.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brevox.audio.mel import mel_filters
from brevox.errors import SettingsError

Array = NDArray[np.float32]

_FITTING_ROUNDS = 40
_TINY = 1e-12


@dataclass(frozen=True)
class FrontEnd:
    """What a spectrogram is made of; the defaults are those of seed 002.

    Args:
        sample_rate: Hz of the sound.
        window: samples of the Fourier transform, under a Hann window.
        hop: samples from one frame to the next. Frame i lies around sample i * hop.
        bands: mel bands, or 0 for all `window / 2 + 1` bins.
        frames: of a picture; sounds are cut or filled up with silence.
        floor_db: below this is silence. 0 dB is a sine of full scale.
        low_db, high_db: what becomes -1 and 1: the least and most of the data set.
    """

    sample_rate: int = 22_050
    window: int = 1024
    hop: int = 256
    bands: int = 257
    frames: int = 347
    floor_db: float = -120.0
    low_db: float = -120.0
    high_db: float = 0.0

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.window, self.hop, self.frames) < 1 or self.bands < 0:
            raise SettingsError("a spectrogram's rate, window, hop and frames are 1 or more, its bands 0 or more")
        if self.window % 2 or self.hop > self.window:
            raise SettingsError(f"a window is an even number, and no shorter than the hop; not {self.window}")
        if not self.low_db < self.high_db:
            raise SettingsError(f"low_db must be below high_db, not {self.low_db:g} and {self.high_db:g}")

    @property
    def rows(self) -> int:
        """Of a picture."""
        return self.bands or self.window // 2 + 1

    @property
    def samples(self) -> int:
        """Of the sound that a picture is made of."""
        return (self.frames - 1) * self.hop

    def settings(self) -> dict[str, Any]:
        """As numbers by name, to be stored."""
        return asdict(self)

    def levels(self, sound: NDArray[np.floating]) -> Array:
        """Levels in dB. Shape: [samples] to [rows, frames]."""
        magnitude = np.abs(stft(self.fitted(sound), self.window, self.hop))
        if self.bands:
            magnitude = _filters(self) @ magnitude
        floor = 10 ** (self.floor_db / 20)
        return np.asarray(20 * np.log10(np.maximum(magnitude, floor)), dtype=np.float32)

    def picture(self, sound: NDArray[np.floating]) -> Array:
        """Levels brought to [-1, 1]. Shape: [samples] to [rows, frames]."""
        return self.normalised(self.levels(sound))

    def normalised(self, levels: Array) -> Array:
        """Levels in dB to [-1, 1]."""
        return np.asarray((levels - self.low_db) * (2 / (self.high_db - self.low_db)) - 1, dtype=np.float32)

    def denormalised(self, picture: Array) -> Array:
        """Pictures to levels in dB."""
        return np.asarray((picture + 1) * ((self.high_db - self.low_db) / 2) + self.low_db, dtype=np.float32)

    def magnitude(self, picture: Array) -> Array:
        """The magnitudes of a picture, in bins. Shape: [rows, frames] to [window / 2 + 1, frames]."""
        levels = np.clip(self.denormalised(picture), self.floor_db, self.high_db)
        magnitude = np.where(levels > self.floor_db, 10 ** (levels.astype(np.float64) / 20), 0.0)
        return np.asarray(_unfiltered(_filters(self), magnitude) if self.bands else magnitude, dtype=np.float32)

    def fitted(self, sound: NDArray[np.floating]) -> Array:
        """A sound cut or filled up to the length of a picture. Shape: [any] to [samples]."""
        fitted = np.zeros(self.samples, dtype=np.float32)
        length = min(len(sound), self.samples)
        fitted[:length] = sound[:length]
        return fitted


def stft(sound: NDArray[np.floating], window: int, hop: int) -> NDArray[np.complex64]:
    """Complex spectrogram under a Hann window, of which a sine of amplitude 1 peaks at 1.

    Shape: [samples] to [window / 2 + 1, 1 + samples // hop].
    """
    taper = _hann(window)
    padded = np.pad(np.asarray(sound, dtype=np.float32), window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    return np.asarray(np.fft.rfft(frames * (taper * (2 / taper.sum())), axis=1).T, dtype=np.complex64)


def istft(spectrum: NDArray[np.complexfloating], hop: int) -> Array:
    """The sound whose `stft` comes nearest to a spectrum (Griffin & Lim 1984).

    Shape: [window / 2 + 1, frames] to [(frames - 1) * hop].
    """
    bins, count = spectrum.shape
    window = 2 * (bins - 1)
    taper = _hann(window)
    scale = 2 / taper.sum()
    frames = np.fft.irfft(spectrum.T, window, axis=1) * (taper * scale)
    sound, weight = np.zeros((count - 1) * hop + window), np.zeros((count - 1) * hop + window)
    power = (taper * scale) ** 2
    for frame in range(count):
        sound[frame * hop : frame * hop + window] += frames[frame]
        weight[frame * hop : frame * hop + window] += power
    inner = slice(window // 2, window // 2 + (count - 1) * hop)
    return np.asarray(sound[inner] / np.maximum(weight[inner], _TINY), dtype=np.float32)


@cache
def _hann(window: int) -> NDArray[np.float64]:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)


@cache
def _filters(front: FrontEnd) -> NDArray[np.float64]:
    return mel_filters(front.bands, front.window, front.sample_rate)


def _unfiltered(filters: NDArray[np.float64], bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitudes, none below 0, whose bands come near the given ones.

    By multiplicative updates (Lee & Seung 2001). Shape: [bands, frames] to [bins, frames].
    """
    target, gram = filters.T @ bands, filters.T @ filters
    bins = target / np.maximum(gram.sum(axis=1, keepdims=True), _TINY)
    for _ in range(_FITTING_ROUNDS):
        bins *= target / np.maximum(gram @ bins, _TINY)
    return bins

"""Noise behind the voice: recorded, or of any colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brevox.audio.pitch import PITCH_HOP, PITCH_RATE_HZ
from brevox.data.augment.parts import AUGMENTATIONS, Augmentation, Crop, checked_range
from brevox.data.corpus import Corpus

_LOWEST_HZ = 40.0  # below it, coloured noise rises no more


def add_noise(audio: NDArray[np.float32], noise: NDArray[np.floating], snr_db: float) -> NDArray[np.float32]:
    """Add noise that is `snr_db` weaker than the sound, in mean power. Silence stays silent.

    Shape: [samples] twice, to [samples].
    """
    power, noise_power = np.mean(audio.astype(np.float64) ** 2), np.mean(noise.astype(np.float64) ** 2)
    if power == 0 or noise_power == 0:
        return audio
    gain = np.sqrt(power / noise_power) * 10 ** (-snr_db / 20)
    return audio + (gain * noise).astype(np.float32)


def coloured_noise(samples: int, exponent: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise whose power falls with frequency to the power of `exponent`: 0 is white, 1 pink, 2 brown.

    Shape: [samples].
    """
    size = 1 << (samples - 1).bit_length()
    hz = np.maximum(np.fft.rfftfreq(size, 1 / PITCH_RATE_HZ), _LOWEST_HZ)
    return np.fft.irfft(np.fft.rfft(draw.standard_normal(size)) * (hz / _LOWEST_HZ) ** (-exponent / 2), size)[:samples]


@AUGMENTATIONS.register("noise")
class Noise(Augmentation):
    """Another noise for each crop. Pitch stays that of the voice.

    Args:
        snr_db: least and greatest power of the voice over the noise's.
        corpus: of recorded noises, made by `brevox data prepare`, whose split `train` is taken; without it, noise is
            synthetic, of a colour between white and brown.

    Raises:
        DataError: there is no such corpus.
    """

    def __init__(self, snr_db: Sequence[float] = (5.0, 30.0), corpus: str | None = None) -> None:
        self.snr_db = checked_range("noise: snr_db", snr_db, -30, 100)
        self.corpus = Corpus(Path(corpus), "train") if corpus is not None else None

    def __call__(self, audio: NDArray[np.float32], codes: NDArray[np.uint8], draw: np.random.Generator) -> Crop:
        snr_db = draw.uniform(*self.snr_db)
        noise: NDArray[np.floating]
        if self.corpus is None:
            noise = coloured_noise(len(audio), draw.uniform(0, 2), draw)
        else:
            noise = _recorded(self.corpus, len(audio), draw)
        return add_noise(audio, noise, snr_db), codes


def _recorded(corpus: Corpus, samples: int, draw: np.random.Generator) -> NDArray[np.float32]:
    """A piece of a noise, which is repeated if it is too short."""
    clip = corpus.clips[draw.integers(len(corpus.clips))]
    room = max(0, clip.samples - samples) // PITCH_HOP
    first = clip.first + int(draw.integers(room + 1)) * PITCH_HOP
    piece, _ = corpus.read(clip.shard, first, min(samples, clip.samples))
    return np.resize(piece, samples)
